import type { Budget } from '../../shared/contract'
import { type BudgetResource, TIMED, type TimedResource, type UsedUp } from '../../shared/domain/budget'
import { RollingUse, type UseSlot } from './rolling-use'

/** What is used each second by what a principal holds. */
export type UseRates = Record<TimedResource, number>

/** A budget, and what was used of it. */
export interface BudgetUse {
  budget: Budget
  uses: readonly UseSlot[]
}

/** Counts the use of one budget. It has no clock of its own, so that the system and a replay count alike; times are Unix ms. */
export class BudgetAccount {
  readonly budget: Budget
  readonly #use: RollingUse
  /** Until when what is held has been counted. */
  #countedAt: number

  constructor({ budget, uses }: BudgetUse, now: number) {
    this.budget = budget
    this.#use = new RollingUse(budget.windowMs, uses)
    this.#countedAt = now
  }

  get uses(): readonly UseSlot[] {
    return this.#use.slots()
  }

  /**
   * Counts what has been held since the last time; before what is held changes.
   * @param longestMs no more than that is counted @returns the slots that changed
   */
  count(rates: UseRates, now: number, longestMs = Number.POSITIVE_INFINITY): UseSlot[] {
    const changed = this.#use.addSpan(Math.max(this.#countedAt, now - longestMs), now, rates)
    this.#countedAt = now
    return changed
  }

  /** @param count negative to take back */
  addJobs(count: number, now: number): UseSlot {
    return this.#use.addJobs(count, now)
  }

  used(resource: BudgetResource, now: number): number {
    return this.#use.used(resource, now)
  }

  /** Null while something is left of it. */
  usedUp<Resource extends BudgetResource>(resource: Resource, now: number): UsedUp<Resource> | null {
    const limit = this.budget[resource]
    if (limit === undefined) return null
    const freeAt = this.#use.freeAt(resource, limit, now)
    if (freeAt === now) return null
    return { resource, used: this.used(resource, now), limit, windowMs: this.budget.windowMs, freeAt }
  }

  /** The budgets of time of which nothing is left. */
  timeUsedUp(now: number): UsedUp<TimedResource>[] {
    return TIMED.flatMap((resource) => this.usedUp(resource, now) ?? [])
  }

  /** By when a budget of which something is left is used up if so much is held, at the earliest; infinite for never. */
  lastsUntil(resource: TimedResource, rates: UseRates, now: number): number {
    const limit = this.budget[resource]
    if (limit === undefined || rates[resource] === 0) return Number.POSITIVE_INFINITY
    const left = limit - this.used(resource, now)
    return now + Math.ceil((left / rates[resource]) * 1000)
  }
}
