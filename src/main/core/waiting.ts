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

/** Of requests of one priority that came within so long, that of the holder goes first who holds least. */
export const FAIR_SECONDS = 10

/**
 * The order in which requests are tried: by rank, but of the next of each holder, among those of its priority that came
 * within {@link FAIR_SECONDS} of the first, the one whose holder has least. A request is so overtaken by no more than those that come so much later.
 * @param items by rank @param shareOf what a holder has of the machine, for its weight; asked again after each of its turns
 */
export function* fairly(items: readonly Waiting[], shareOf: (holder: string) => number): Generator<Waiting> {
  const lines = new Map<string, { left: Waiting[]; share: number }>()
  for (const item of items) {
    const { holder } = item.options
    const line = lines.get(holder)
    if (line) line.left.push(item)
    else lines.set(holder, { left: [item], share: shareOf(holder) })
  }
  for (const { left } of lines.values()) left.reverse()
  while (lines.size > 0) {
    const heads = [...lines.values()].map(({ left, share }) => ({ item: left.at(-1) as Waiting, share }))
    const top = heads.map(({ item }) => item).reduce((a, b) => (before(b, a) ? b : a))
    const { item } = heads
      .filter((head) => isLike(head.item, top))
      .reduce((a, b) => (b.share < a.share || (b.share === a.share && before(b.item, a.item)) ? b : a))
    const line = lines.get(item.options.holder)
    line?.left.pop()
    yield item
    if (line?.left.length === 0) lines.delete(item.options.holder)
    else if (line) line.share = shareOf(item.options.holder)
  }
}

function isLike(a: Waiting, b: Waiting): boolean {
  const isOfOnePriority = a.options.priority === b.options.priority
  return isOfOnePriority && Math.abs(a.arrivedAt - b.arrivedAt) <= FAIR_SECONDS * 1000
}

/** Requests in the order of their rank. */
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
