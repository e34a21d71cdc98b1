import type { Ends } from './room'

/** What runs, in order of its expected end. */
export class Running<Share> implements Ends<Share> {
  readonly #endsAt: number[] = []
  readonly #shares: Share[] = []

  add(endsAt: number, share: Share): void {
    const index = this.#after(endsAt)
    this.#endsAt.splice(index, 0, endsAt)
    this.#shares.splice(index, 0, share)
  }

  /** @param endsAt as it was added with */
  remove(endsAt: number, share: Share): void {
    let index = this.#after(endsAt) - 1
    while (index >= 0 && this.#shares[index] !== share) index--
    if (index < 0) return
    this.#endsAt.splice(index, 1)
    this.#shares.splice(index, 1)
  }

  get size(): number {
    return this.#shares.length
  }

  endsAt(index: number): number {
    return this.#endsAt[index] as number
  }

  share(index: number): Share {
    return this.#shares[index] as Share
  }

  /** Index of the first that ends later. */
  #after(endsAt: number): number {
    let low = 0
    let high = this.#endsAt.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#endsAt[middle] as number) <= endsAt) low = middle + 1
      else high = middle
    }
    return low
  }
}
