import type { RuntimeAdapter, SizedVersion } from '../../runtimes/adapter'

// Of the versions that were loaded lately; the oldest go first.
const REMEMBERED = 1000
// What was measured may be a little more the next time.
const MARGIN = 1.1
/** Of what one was thought to take beyond what it takes now, so much is forgotten with each load. */
const FORGOTTEN = 0.3

/** What engines take, learned from engines of the same bytes while they do nothing: what jobs take is leased for jobs. */
export class MemoryEstimates {
  readonly #measured = new Map<string, number>()

  estimate(runtime: RuntimeAdapter, version: SizedVersion & { digest: string }): number {
    // What a language model takes depends on how much it is to hold in mind; that is known beforehand.
    const measured = version.contextTokens === undefined ? this.#measured.get(version.digest) : undefined
    return measured === undefined ? runtime.estimateMemory(version) : Math.ceil(measured * MARGIN)
  }

  /** What it may have to do with: what its runtime thinks, however much was measured. */
  least(runtime: RuntimeAdapter, version: SizedVersion & { digest: string }): number {
    return Math.min(runtime.estimateMemory(version), this.estimate(runtime, version))
  }

  /** One has just loaded. */
  loaded(digest: string, bytes: number): void {
    const known = this.#measured.get(digest) ?? bytes
    this.#keep(digest, Math.max(bytes, known - FORGOTTEN * (known - bytes)))
  }

  /** One is idle, and keeps what it needs to compute: it had less before its first run. */
  rested(digest: string, bytes: number): void {
    this.#keep(digest, Math.max(bytes, this.#measured.get(digest) ?? 0))
  }

  #keep(digest: string, bytes: number): void {
    this.#measured.delete(digest)
    // Where a system tells nothing of memory.
    if (bytes === 0) return
    this.#measured.set(digest, bytes)
    const [oldest] = this.#measured.keys()
    if (this.#measured.size > REMEMBERED && oldest !== undefined) this.#measured.delete(oldest)
  }
}
