/** Load comes and goes within seconds; what is granted holds for longer. */
const MEAN_OVER_MS = 30_000
/** What was seen last says no more than that of a longer time, in which the machine may have slept. */
const LONGEST_MS = 5_000

/** What programs outside keep busy of a device, as a mean in which what was `MEAN_OVER_MS` ago counts a third. */
export class BusyMean {
  readonly #partsOfOne: number
  #mean = 0
  #at: number | null = null

  /** @param partsOfOne it is told in; a part counts once three quarters of it are busy: what our own workers do besides is in it */
  constructor(partsOfOne: number) {
    this.#partsOfOne = partsOfOne
  }

  get amount(): number {
    return Math.floor(this.#mean * this.#partsOfOne + 0.25) / this.#partsOfOne
  }

  observe(amount: number, nowMs: number): void {
    const passedMs = this.#at === null ? 0 : Math.min(LONGEST_MS, Math.max(0, nowMs - this.#at))
    this.#mean += (1 - Math.exp(-passedMs / MEAN_OVER_MS)) * (amount - this.#mean)
    this.#at = nowMs
  }
}
