import type { BudgetResource } from '../../shared/domain/budget'

/** What was used between two times, Unix ms. */
export interface UseSlot extends Record<BudgetResource, number> {
  since: number
  /** Of what is counted in seconds. */
  until: number
  /** Of the submissions: they do not make seconds of before count for longer, until a restart, which knows one time of both. */
  jobsUntil: number
}

const SLOTS_A_WINDOW = 60
/** Sums of fractions: what is left of a budget is not a billionth of a second. */
const ROUNDING = 1e-9

/**
 * What one principal used in a rolling window, in slots of a sixtieth of it. A slot counts until the last of it has left
 * the window, so that no span of that length ever holds more than the budget.
 */
export class RollingUse {
  readonly #windowMs: number
  readonly #slotMs: number
  #slots: UseSlot[]

  constructor(windowMs: number, slots: readonly UseSlot[] = []) {
    this.#windowMs = windowMs
    this.#slotMs = Math.ceil(windowMs / SLOTS_A_WINDOW)
    this.#slots = slots.map((slot) => ({ ...slot }))
  }

  slots(): readonly UseSlot[] {
    return this.#slots
  }

  /** Adds what is used each second from one time to another. @returns the slots that changed */
  addSpan(fromMs: number, toMs: number, perSecond: Record<'cpuSeconds' | 'gpuSeconds', number>): UseSlot[] {
    const changed: UseSlot[] = []
    if (perSecond.cpuSeconds === 0 && perSecond.gpuSeconds === 0) return changed
    // What is older than the window does not count.
    let from = Math.max(fromMs, toMs - this.#windowMs)
    while (from < toMs) {
      const until = Math.min(toMs, (Math.floor(from / this.#slotMs) + 1) * this.#slotMs)
      const slot = this.#slotAt(from)
      const seconds = (until - from) / 1000
      slot.cpuSeconds += seconds * perSecond.cpuSeconds
      slot.gpuSeconds += seconds * perSecond.gpuSeconds
      slot.until = Math.max(slot.until, until)
      changed.push(slot)
      from = until
    }
    return changed
  }

  /** @param count negative to take back */
  addJobs(count: number, nowMs: number): UseSlot {
    const slot = this.#slotAt(nowMs)
    slot.jobs += count
    slot.jobsUntil = Math.max(slot.jobsUntil, nowMs)
    return slot
  }

  used(resource: BudgetResource, nowMs: number): number {
    this.#forget(nowMs)
    const isOver = this.#isOver(nowMs)
    return this.#slots.reduce((sum, slot) => sum + (isOver(slot, resource) ? 0 : slot[resource]), 0)
  }

  /** When less than `limit` will be used if nothing more is, Unix ms; null for never. */
  freeAt(resource: BudgetResource, limit: number, nowMs: number): number | null {
    let used = this.used(resource, nowMs)
    if (used < limit - ROUNDING) return nowMs
    const isOver = this.#isOver(nowMs)
    const counted = this.#slots.filter((slot) => !isOver(slot, resource))
    for (const slot of counted.sort((a, b) => untilOf(a, resource) - untilOf(b, resource))) {
      used -= slot[resource]
      if (used < limit - ROUNDING) return untilOf(slot, resource) + this.#windowMs
    }
    return null
  }

  #slotAt(atMs: number): UseSlot {
    const since = Math.floor(atMs / this.#slotMs) * this.#slotMs
    const last = this.#slots.at(-1)
    const known = last?.since === since ? last : this.#slots.find((slot) => slot.since === since)
    if (known) return known
    const slot = { since, until: since, jobsUntil: since, cpuSeconds: 0, gpuSeconds: 0, jobs: 0 }
    this.#slots.push(slot)
    return slot
  }

  #forget(nowMs: number): void {
    const isOver = this.#isOver(nowMs)
    const isGone = (slot: UseSlot) => isOver(slot, 'cpuSeconds') && isOver(slot, 'jobs')
    if (this.#slots.some(isGone)) this.#slots = this.#slots.filter((slot) => !isGone(slot))
    // A clock that was set back: use of a time that is still to come would count for too long.
    for (const slot of this.#slots) {
      slot.until = Math.min(slot.until, nowMs)
      slot.jobsUntil = Math.min(slot.jobsUntil, nowMs)
    }
  }

  #isOver(nowMs: number): (slot: UseSlot, resource: BudgetResource) => boolean {
    return (slot, resource) => untilOf(slot, resource) + this.#windowMs <= nowMs
  }
}

function untilOf({ until, jobsUntil }: UseSlot, resource: BudgetResource): number {
  return resource === 'jobs' ? jobsUntil : until
}
