import type { Budget, Quota, QuotaSettings } from '../../shared/contract'
import { TIMED_RESOURCES, type TimedResource, type UsedUp } from '../../shared/domain/budget'
import type { PrincipalId } from '../../shared/domain/ids'
import type { ResourceVector } from '../../shared/domain/resources'
import { AppError } from '../../shared/errors'
import { sayEnglish, usedUpWords } from '../../shared/words/wait-words'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable } from '../platform/events'
import type { Logger } from '../platform/logger'
import { Budgets } from './budgets'
import type { Ledger } from './ledger'
import { type Quanta, toQuanta, toVector } from './quanta'
import { createQuotaStore, type QuotaRecord, type QuotaStore } from './quota-store'
import { overQuota } from './refusal'

/** What bounds a principal now: the planner's view. */
export interface Limits {
  /** At most so much at once. */
  limit: ResourceVector
  held: ResourceVector
  usedUp: readonly UsedUp<TimedResource>[]
}

/** What each principal may hold at once, may use over time, and how much it counts against others. */
export class Quotas implements Disposable {
  readonly #ledger: Ledger
  readonly #database: Database
  readonly #clock: Clock
  readonly #store: QuotaStore
  readonly #records = new Map<string, QuotaRecord>()
  /** Of principals whose weight is not 1. */
  readonly weights = new Map<PrincipalId, number>()
  readonly budgets: Budgets

  constructor(deps: { ledger: Ledger; database: Database; clock: Clock; logger: Logger }) {
    this.#ledger = deps.ledger
    this.#database = deps.database
    this.#clock = deps.clock
    this.#store = createQuotaStore(deps.database)
    this.budgets = new Budgets({ ...deps, store: this.#store })
  }

  start(): void {
    for (const record of this.#store.all()) this.#keep(record.principal, record)
  }

  dispose(): void {
    this.budgets.dispose()
  }

  /** No limits when none are set. */
  get(principal: string): Quota {
    const record = this.#records.get(principal)
    const used = this.budgets.used(principal)
    const jobs = this.budgets.jobsUsedUp(principal)
    const usedUp = [...this.budgets.timeUsedUp(principal), ...(jobs ? [jobs] : [])]
    // All of them have to be there again, and one may never be.
    const times = usedUp.map(({ freeAt }) => freeAt ?? Number.POSITIVE_INFINITY)
    const resetsAt = Math.max(...times)
    return {
      principal,
      limit: record?.limit ?? {},
      budget: record?.budget ?? null,
      weight: record?.weight ?? 1,
      held: toVector(this.#ledger.heldBy(principal)),
      used,
      resetsAt: Number.isFinite(resetsAt) ? toIso(resetsAt) : null,
    }
  }

  /** @throws AppError `system.invalid` for a limit that is no amount */
  set({ principal, limit, budget = null, weight = 1 }: QuotaSettings): Quota {
    toQuanta(limit)
    this.#change(principal, { principal, limit, budget, weight })
    return this.get(principal)
  }

  remove(principal: string): void {
    this.#change(principal, null)
  }

  /** Null for a principal without any. */
  limits(principal: string): Limits | null {
    const record = this.#records.get(principal)
    if (!record) return null
    const held = toVector(this.#ledger.heldBy(principal))
    return { limit: record.limit, held, usedUp: this.budgets.timeUsedUp(principal) }
  }

  /** Null when the principal may hold `need` now beside what it holds. */
  refusal(need: Quanta, principal: string): { error: AppError; ever: boolean } | null {
    const record = this.#records.get(principal)
    if (!record) return null
    const over = overQuota(need, this.#ledger.heldBy(principal), record.limit, principal)
    if (over) return over
    const usedUp = this.budgets
      .timeUsedUp(principal)
      .find(({ resource }) => need.has(TIMED_RESOURCES[resource]))
    return usedUp ? { error: this.#exceeded(principal, usedUp), ever: usedUp.freeAt === null } : null
  }

  assertMayEverHold(need: Quanta, principal: string): void {
    const over = overQuota(need, new Map(), this.#records.get(principal)?.limit, principal)
    if (over) throw over.error
  }

  /** Counts a submission against the budget. @throws AppError `core.budget_exceeded` */
  chargeJob(principal: string): void {
    const usedUp = this.budgets.chargeJob(principal)
    if (usedUp) throw this.#exceeded(principal, usedUp)
  }

  /** @throws AppError `core.budget_exceeded` when another submission would be refused */
  assertJob(principal: string): void {
    const usedUp = this.budgets.jobsUsedUp(principal)
    if (usedUp) throw this.#exceeded(principal, usedUp)
  }

  /** What to tell of work that was stopped for it. */
  stopped(principal: string, resource: TimedResource): AppError {
    const usedUp = this.budgets.timeUsedUp(principal).find((item) => item.resource === resource)
    if (usedUp) return this.#exceeded(principal, usedUp)
    return new AppError('core.budget_exceeded', `The budget of ${principal} was used up. Try again.`, {
      principal,
      resource,
      retryAfterMs: 0,
    })
  }

  #exceeded(principal: string, usedUp: UsedUp): AppError {
    const { resource, used, limit, freeAt } = usedUp
    const now = this.#clock.now()
    return new AppError(
      'core.budget_exceeded',
      `The budget of ${principal} is used up: ${usedUpWords(usedUp, sayEnglish, now)}. Wait, or have the budget raised.`,
      {
        principal,
        resource,
        used,
        limit,
        resetsAt: freeAt === null ? null : toIso(freeAt),
        ...(freeAt === null ? {} : { retryAfterMs: Math.max(0, freeAt - now) }),
      },
    )
  }

  #change(principal: string, record: QuotaRecord | null): void {
    const before = this.#records.get(principal) ?? null
    this.#database.transaction(() => {
      this.#database.onRollback(() => this.#remember(principal, before))
      this.#keep(principal, record)
      if (record) this.#store.set(record)
      else this.#store.remove(principal)
    })
  }

  #keep(principal: string, record: QuotaRecord | null): void {
    this.#remember(principal, record)
    const budget: Budget | null = record?.budget ?? null
    this.budgets.set(principal, budget)
  }

  #remember(principal: string, record: QuotaRecord | null): void {
    if (record) this.#records.set(principal, record)
    else this.#records.delete(principal)
    if (record && record.weight !== 1) this.weights.set(principal as PrincipalId, record.weight)
    else this.weights.delete(principal as PrincipalId)
  }
}
