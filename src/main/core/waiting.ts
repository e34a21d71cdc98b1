import type { Lease } from '../../shared/contract'
import type { AllocateOptions } from './index'
import type { Quanta } from './quanta'

/** Points of priority that a request gains in each second it waits. */
export const AGEING_PER_SECOND = 1
/** After so long, room is kept for the first of the queue: smaller requests no longer slip past it. */
export const CLAIM_AFTER_MS = 5_000

export interface Waiting {
  need: Quanta
  options: AllocateOptions
  /** Unix ms. */
  arrivedAt: number
  /** Order of arrival within one millisecond. */
  sequence: number
  rank: number
  resolve(lease: Lease): void
  reject(error: unknown): void
}

/**
 * Where a request stands in the queue, higher first. The effective priority at time t is
 * `priority + waited seconds * AGEING_PER_SECOND`; all waiting requests age alike, so their order never changes and is
 * that of this number. Hence the bound: a request of priority p goes before every one that comes more than
 * `(100 - p) / AGEING_PER_SECOND` seconds after it, whatever its priority.
 */
export function rankOf(priority: number, arrivedAtMs: number): number {
  return priority - (arrivedAtMs / 1000) * AGEING_PER_SECOND
}

/** Requests in the order in which they are to be granted. */
export class WaitingQueue {
  readonly #items: Waiting[] = []

  get size(): number {
    return this.#items.length
  }

  add(item: Waiting): void {
    const items = this.#items
    let low = 0
    let high = items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = items[middle]
      if (other && before(other, item)) low = middle + 1
      else high = middle
    }
    items.splice(low, 0, item)
  }

  /** False when it is not (or no longer) in the queue. */
  remove(item: Waiting): boolean {
    const index = this.#items.indexOf(item)
    if (index < 0) return false
    this.#items.splice(index, 1)
    return true
  }

  /** In order; a copy, so that granting may change the queue. */
  list(): Waiting[] {
    return [...this.#items]
  }

  clear(): Waiting[] {
    return this.#items.splice(0)
  }
}

function before(a: Waiting, b: Waiting): boolean {
  return a.rank > b.rank || (a.rank === b.rank && a.sequence < b.sequence)
}
