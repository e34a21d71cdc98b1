import type { RuntimeAdapter, SizedVersion } from '../../runtimes/adapter'

// Of the versions that were loaded lately; the oldest go first.
const REMEMBERED = 1000
// What was measured may be a little more the next time.
const MARGIN = 1.1

/** What engines take, learned from engines: the largest size that was measured for the same bytes. */
export class MemoryEstimates {
  readonly #measured = new Map<string, number>()

  estimate(runtime: RuntimeAdapter, version: SizedVersion & { digest: string }): number {
    // What a language model takes depends on how much it is to hold in mind; that is known beforehand.
    const measured = version.contextTokens === undefined ? this.#measured.get(version.digest) : undefined
    return measured === undefined ? runtime.estimateMemory(version) : Math.ceil(measured * MARGIN)
  }

  learn(digest: string, bytes: number): void {
    const most = Math.max(bytes, this.#measured.get(digest) ?? 0)
    this.#measured.delete(digest)
    this.#measured.set(digest, most)
    const [oldest] = this.#measured.keys()
    if (this.#measured.size > REMEMBERED && oldest !== undefined) this.#measured.delete(oldest)
  }
}
