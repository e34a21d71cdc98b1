import type { Ends } from './room'

/** Entries of a block at the most; then it becomes two. */
const MOST_IN_BLOCK = 512

interface Block<Share> {
  endsAt: number[]
  shares: Share[]
}

/** What runs, in order of its expected end. In blocks, so that a start moves few of the others, however many run. */
export class Running<Share> implements Ends<Share> {
  readonly #blocks: Block<Share>[] = [{ endsAt: [], shares: [] }]
  #size = 0

  add(endsAt: number, share: Share): void {
    const at = this.#blockOf(endsAt)
    const block = this.#blocks[at] as Block<Share>
    const index = after(block.endsAt, endsAt)
    block.endsAt.splice(index, 0, endsAt)
    block.shares.splice(index, 0, share)
    this.#size++
    if (block.shares.length <= MOST_IN_BLOCK) return
    const half = MOST_IN_BLOCK / 2
    const later = { endsAt: block.endsAt.splice(half), shares: block.shares.splice(half) }
    this.#blocks.splice(at + 1, 0, later)
  }

  /** @param endsAt as it was added with */
  remove(endsAt: number, share: Share): void {
    // Equal ends may lie in several blocks.
    for (let at = this.#blockOf(endsAt); at >= 0; at--) {
      const block = this.#blocks[at] as Block<Share>
      let index = after(block.endsAt, endsAt) - 1
      while (index >= 0 && block.endsAt[index] === endsAt && block.shares[index] !== share) index--
      if (index < 0) continue
      if (block.endsAt[index] !== endsAt) return
      block.endsAt.splice(index, 1)
      block.shares.splice(index, 1)
      this.#size--
      if (block.shares.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1)
      return
    }
  }

  get size(): number {
    return this.#size
  }

  endsAt(index: number): number {
    const [block, within] = this.#find(index)
    return block.endsAt[within] as number
  }

  share(index: number): Share {
    const [block, within] = this.#find(index)
    return block.shares[within] as Share
  }

  /** Mostly the first are asked for. */
  #find(index: number): [Block<Share>, number] {
    let at = 0
    let within = index
    for (; within >= (this.#blocks[at] as Block<Share>).shares.length; at++)
      within -= (this.#blocks[at] as Block<Share>).shares.length
    return [this.#blocks[at] as Block<Share>, within]
  }

  /** The last block that begins no later. */
  #blockOf(endsAt: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const first = this.#blocks[middle]?.endsAt[0]
      if (first === undefined || first <= endsAt) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

/** Index of the first that ends later. */
function after(endsAt: readonly number[], end: number): number {
  let low = 0
  let high = endsAt.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((endsAt[middle] as number) <= end) low = middle + 1
    else high = middle
  }
  return low
}
