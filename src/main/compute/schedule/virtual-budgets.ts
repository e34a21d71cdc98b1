import { TIMED, TIMED_RESOURCES, type TimedResource, type UsedUp } from '../../../shared/domain/budget'
import type { PrincipalId } from '../../../shared/domain/ids'
import { BudgetAccount, type BudgetUse, type UseRates } from '../../core'
import type { QueueClass } from './types'

/** Leases count in such parts, whose sums never drift. */
const PARTS = 1e6

interface Counted {
  account: BudgetAccount
  rates: UseRates
  usedUp: readonly UsedUp<TimedResource>[]
  /** Until when that stays so, if what is held does. */
  until: number
}

/** What principals with a budget use of it on a virtual clock. */
export class VirtualBudgets {
  readonly #counted: ReadonlyMap<PrincipalId, Counted>

  constructor(budgets: ReadonlyMap<PrincipalId, BudgetUse>, now: number) {
    this.#counted = new Map(
      [...budgets].map(([principal, use]) => {
        const rates = { cpuSeconds: 0, gpuSeconds: 0 }
        return [principal, { account: new BudgetAccount(use, now), rates, usedUp: [], until: now }]
      }),
    )
  }

  get principals(): Iterable<PrincipalId> {
    return this.#counted.keys()
  }

  /** From now on the principal of a job holds what that needs, or no more. */
  change({ principal, need }: QueueClass, sign: 1 | -1, now: number): void {
    const counted = this.#counted.get(principal)
    if (!counted) return
    const { account, rates } = counted
    account.count(rates, now)
    for (const resource of TIMED) {
      const held = rates[resource] + sign * (need[TIMED_RESOURCES[resource]] ?? 0)
      rates[resource] = Math.round(held * PARTS) / PARTS
    }
    counted.until = now
  }

  /** The budgets of which nothing is left. */
  usedUp(principal: PrincipalId, now: number): readonly UsedUp<TimedResource>[] {
    const counted = this.#counted.get(principal)
    return counted ? upTo(counted, now).usedUp : []
  }

  /** When the next may be used up by what is held, or there may be more of one that is; infinite for never. */
  nextChange(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const counted of this.#counted.values()) next = Math.min(next, upTo(counted, now).until)
    return next
  }
}

/** Looks again only when something may have changed: many look at each instant, and a window has sixty slots. */
function upTo(counted: Counted, now: number): Counted {
  if (now < counted.until) return counted
  const { account, rates } = counted
  account.count(rates, now)
  const usedUp = account.timeUsedUp(now)
  const left = TIMED.filter((resource) => !usedUp.some((of) => of.resource === resource))
  return Object.assign(counted, {
    usedUp,
    until: Math.min(
      ...usedUp.map(({ freeAt }) => freeAt ?? Number.POSITIVE_INFINITY),
      ...left.map((resource) => account.lastsUntil(resource, rates, now)),
    ),
  })
}
