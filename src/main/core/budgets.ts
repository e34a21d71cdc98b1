import type { Budget } from '../../shared/contract'
import { TIMED, TIMED_RESOURCES, type TimedResource, type UsedUp } from '../../shared/domain/budget'
import type { PrincipalId } from '../../shared/domain/ids'
import { Alarm } from '../platform/alarm'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import { type Disposable, Emitter } from '../platform/events'
import type { Logger } from '../platform/logger'
import { BudgetAccount, type BudgetUse, type UseRates } from './budget-account'
import type { Ledger } from './ledger'
import { fromQuantum } from './quanta'
import type { QuotaStore } from './quota-store'
import type { UseSlot } from './rolling-use'

/** Use is written with what ends it (jobs, leases) where that is written; what goes on is written so often. */
const SAVE_MS = 1_000
/** Counted each second, so that a longer span was a sleep of the machine or a clock that was set forward: nobody's use. */
const LONGEST_SPAN_MS = 10_000
/** What could not be ended though its budget is used up is told of again after this time. */
const RETRY_MS = 1_000

interface Kept {
  account: BudgetAccount
  unsaved: Set<UseSlot>
  /** When slots that no longer count were last removed from the disk. */
  prunedAt: number
  /** Told of already; told again when it was free meanwhile. */
  told: Set<TimedResource>
}

/**
 * What principals with a budget have used of it. Time is counted whenever what a principal holds changes, so there is
 * nothing to do for each lease; a timer is set for when the first budget will be used up. Time while the system does not
 * run, or the machine sleeps, is not counted; of a system that is killed, the last two seconds are lost.
 */
export class Budgets implements Disposable {
  readonly #ledger: Ledger
  readonly #store: QuotaStore
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #accounts = new Map<string, Kept>()
  readonly #usedUp: Emitter<{ principal: PrincipalId; resource: TimedResource }>
  readonly #alarm: Alarm
  #savedAt = 0

  constructor(deps: { ledger: Ledger; store: QuotaStore; database: Database; clock: Clock; logger: Logger }) {
    this.#ledger = deps.ledger
    this.#store = deps.store
    this.#database = deps.database
    this.#clock = deps.clock
    this.#alarm = new Alarm(deps.clock, () => {
      for (const principal of this.#accounts.keys()) this.#watch(principal)
    })
    this.#logger = deps.logger
    this.#usedUp = new Emitter((error) => deps.logger.error({ err: error }, 'A listener to budgets failed.'))
  }

  /** What a principal holds of the resource has to end. */
  get onDidUseUp() {
    return this.#usedUp.event
  }

  /** Within the transaction that stores it, or at the start. */
  set(principal: string, budget: Budget | null): void {
    this.count(principal)
    const before = this.#accounts.get(principal)
    this.#database.onRollback(() => {
      if (before) this.#accounts.set(principal, before)
      else this.#accounts.delete(principal)
    })
    this.#accounts.delete(principal)
    for (const slot of before?.unsaved ?? []) this.#store.saveUse(principal, slot)
    if (!budget) return
    const now = this.#clock.now()
    const uses = before?.account.uses ?? this.#store.uses(principal)
    this.#accounts.set(principal, {
      account: new BudgetAccount({ budget, uses }, now),
      unsaved: new Set(),
      prunedAt: now,
      told: new Set(),
    })
    this.#watch(principal)
  }

  /** What was used until now; null without a budget. */
  use(principal: string): BudgetUse | null {
    const kept = this.#accounts.get(principal)
    if (!kept) return null
    this.count(principal)
    const { budget, uses } = kept.account
    return { budget, uses }
  }

  /** Counts what the principal has held until now; before what it holds changes. */
  count(principal: string): void {
    const kept = this.#accounts.get(principal)
    if (!kept) return
    const changed = kept.account.count(this.#rates(principal), this.#clock.now(), LONGEST_SPAN_MS)
    for (const slot of changed) kept.unsaved.add(slot)
  }

  /** What is counted by now is written with the transaction that is open, if one is. */
  joinCommit(): void {
    this.#database.joinCommit(this.#write)
  }

  /** Each second, whatever changes. */
  countAll(): void {
    for (const principal of this.#accounts.keys()) this.count(principal)
  }

  /** What the principal holds has changed. */
  changed(principal: string): void {
    if (this.#accounts.has(principal)) this.#watch(principal)
  }

  /** Counts a submission; within the transaction that stores it. @returns what is in the way, and nothing is counted then */
  chargeJob(principal: string): UsedUp<'jobs'> | null {
    const kept = this.#accounts.get(principal)
    if (!kept) return null
    const usedUp = this.jobsUsedUp(principal)
    if (usedUp) return usedUp
    const now = this.#clock.now()
    this.#store.saveUse(principal, kept.account.addJobs(1, now))
    this.#prune(principal, kept)
    this.#database.onRollback(() => kept.account.addJobs(-1, now))
    return null
  }

  /** What the principal holds of the resource could not be ended. */
  notEnded(principal: string, resource: TimedResource): void {
    this.#accounts.get(principal)?.told.delete(resource)
    this.#alarm.set(this.#clock.now() + RETRY_MS)
  }

  jobsUsedUp(principal: string): UsedUp<'jobs'> | null {
    return this.#accounts.get(principal)?.account.usedUp('jobs', this.#clock.now()) ?? null
  }

  /** The budgets of time of which nothing is left. */
  timeUsedUp(principal: string): UsedUp<TimedResource>[] {
    this.count(principal)
    return this.#accounts.get(principal)?.account.timeUsedUp(this.#clock.now()) ?? []
  }

  used(principal: string): Record<TimedResource | 'jobs', number> | null {
    const account = this.#accounts.get(principal)?.account
    if (!account) return null
    this.count(principal)
    const now = this.#clock.now()
    return {
      cpuSeconds: account.used('cpuSeconds', now),
      gpuSeconds: account.used('gpuSeconds', now),
      jobs: account.used('jobs', now),
    }
  }

  /** Writes what time has used up, now and then. */
  async save(): Promise<void> {
    const now = this.#clock.now()
    if (now - this.#savedAt < SAVE_MS) return
    this.#savedAt = now
    if (this.#hasUnsaved()) await this.#database.write(this.#write)
  }

  /** Writes all that is not written yet, and counts no more. */
  dispose(): void {
    this.#alarm.cancel()
    this.countAll()
    try {
      if (this.#hasUnsaved()) this.#database.transaction(this.#write)
    } catch (error) {
      // Of a full disk, say: the rest has to be ended all the same.
      this.#logger.error({ err: error }, 'The last seconds of the use of budgets could not be written.')
    }
  }

  /** Once a window: rows that no longer count stay for no longer. */
  #prune(principal: string, kept: Kept): void {
    const now = this.#clock.now()
    const { windowMs } = kept.account.budget
    if (now - kept.prunedAt < windowMs) return
    kept.prunedAt = now
    this.#store.pruneUses(principal, now - windowMs)
  }

  #hasUnsaved(): boolean {
    return [...this.#accounts.values()].some(({ unsaved }) => unsaved.size > 0)
  }

  readonly #write = (): void => {
    for (const [principal, kept] of this.#accounts) {
      if (kept.unsaved.size === 0) continue
      const unsaved = [...kept.unsaved]
      kept.unsaved.clear()
      this.#database.onRollback(() => {
        for (const slot of unsaved) kept.unsaved.add(slot)
      })
      for (const slot of unsaved) this.#store.saveUse(principal, slot)
      this.#prune(principal, kept)
    }
  }

  #rates(principal: string): UseRates {
    const held = this.#ledger.heldBy(principal)
    const rate = (resource: TimedResource) =>
      fromQuantum(TIMED_RESOURCES[resource], held.get(TIMED_RESOURCES[resource]) ?? 0)
    return { cpuSeconds: rate('cpuSeconds'), gpuSeconds: rate('gpuSeconds') }
  }

  /** Tells of what is used up and still held; sees to it that the rest is told in time. */
  #watch(principal: string): void {
    const kept = this.#accounts.get(principal)
    if (!kept) return
    this.count(principal)
    const { account, told } = kept
    const now = this.#clock.now()
    const rates = this.#rates(principal)
    for (const resource of TIMED) {
      if (account.usedUp(resource, now)) {
        if (rates[resource] === 0 || told.has(resource)) continue
        told.add(resource)
        // Not in the middle of the change that led here.
        queueMicrotask(() => this.#usedUp.fire({ principal: principal as PrincipalId, resource }))
      } else {
        told.delete(resource)
        this.#alarm.set(account.lastsUntil(resource, rates, now))
      }
    }
  }
}
