import { TIMED, TIMED_RESOURCES, type TimedResource, type UsedUp } from '../../../shared/domain/budget'
import type { PrincipalId } from '../../../shared/domain/ids'
import { BudgetAccount, type BudgetUse, type UseRates } from '../../core'
import type { QueueClass } from './types'

/** Leases count in such parts, whose sums never drift. */
const PARTS = 1e6

/** What principals with a budget use of it on a virtual clock. */
export class VirtualBudgets {
  readonly #accounts: ReadonlyMap<PrincipalId, { account: BudgetAccount; rates: UseRates }>

  constructor(budgets: ReadonlyMap<PrincipalId, BudgetUse>, now: number) {
    this.#accounts = new Map(
      [...budgets].map(([principal, use]) => {
        const rates = { cpuSeconds: 0, gpuSeconds: 0 }
        return [principal, { account: new BudgetAccount(use, now), rates }]
      }),
    )
  }

  get principals(): Iterable<PrincipalId> {
    return this.#accounts.keys()
  }

  /** From now on the principal of a job holds what that needs, or no more. */
  change({ principal, need }: QueueClass, sign: 1 | -1, now: number): void {
    const found = this.#accounts.get(principal)
    if (!found) return
    found.account.count(found.rates, now)
    for (const resource of TIMED) {
      const held = found.rates[resource] + sign * (need[TIMED_RESOURCES[resource]] ?? 0)
      found.rates[resource] = Math.round(held * PARTS) / PARTS
    }
  }

  /** The budgets of which nothing is left. */
  usedUp(principal: PrincipalId, now: number): UsedUp<TimedResource>[] {
    const found = this.#accounts.get(principal)
    if (!found) return []
    found.account.count(found.rates, now)
    return found.account.timeUsedUp(now)
  }

  /** By when the next is used up by what is held, at the earliest; infinite for never. */
  lastUntil(now: number): number {
    let first = Number.POSITIVE_INFINITY
    for (const { account, rates } of this.#accounts.values()) {
      account.count(rates, now)
      for (const resource of TIMED) first = Math.min(first, account.lastsUntil(resource, rates, now))
    }
    return first
  }
}
