/**
 * Texts that are written together, step by step: none takes a step before all others have asked for it too, or have ended. So
 * in whose company each token is computed, and thereby how it is rounded, follows from what was written alone.
 */
export class Lockstep {
  readonly #active: Set<number>
  readonly #waiting = new Map<number, (goesOn: boolean) => void>()
  #isClosed = false

  get isClosed(): boolean {
    return this.#isClosed
  }

  constructor(count: number) {
    this.#active = new Set(Array.from({ length: count }, (_, text) => text))
  }

  /** Resolves when all are here that have not ended; with false when there is no next step. */
  next(text: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#waiting.set(text, resolve)
      this.#go()
    })
  }

  /** It takes no more steps. */
  leave(text: number): void {
    this.#active.delete(text)
    this.#go()
  }

  /** Nobody begins another step: all stand where they are. */
  close(): void {
    this.#isClosed = true
    for (const resolve of this.#waiting.values()) resolve(false)
    this.#waiting.clear()
  }

  #go(): void {
    if (this.#waiting.size === 0 || this.#waiting.size < this.#active.size) return
    const all = [...this.#waiting].sort(([a], [b]) => a - b)
    this.#waiting.clear()
    // Not before the last one awaits it: they begin in their order.
    queueMicrotask(() => {
      for (const [, resolve] of all) resolve(true)
    })
  }
}
