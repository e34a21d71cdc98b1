/** Load comes and goes within seconds; what is granted holds for longer. */
const MEAN_OVER_MS = 30_000

/** How many cores programs outside keep busy, as a mean in which what was `MEAN_OVER_MS` ago counts a third. */
export class BusyCores {
  #mean = 0
  #at: number | null = null

  /** Whole ones, for that is how workers are bound to them: a little load takes none. */
  get count(): number {
    return Math.round(this.#mean)
  }

  observe(cores: number, nowMs: number): void {
    const passedMs = this.#at === null ? 0 : Math.max(0, nowMs - this.#at)
    this.#mean += (1 - Math.exp(-passedMs / MEAN_OVER_MS)) * (cores - this.#mean)
    this.#at = nowMs
  }
}
