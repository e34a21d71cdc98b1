/** Peaks are half forgotten after so many times their own length. */
const HALF_LIFE = 1000
const PART = 0.45

/**
 * How long a wait is in this queue: the unit in which jobs grow urgent. It adapts to the load, as a part of the geometric
 * mean of the longest backlog (time the whole machine would need for all the work known) and the longest wait. A quiet queue is impatient; a flooded one gives the short ones their chance for longer.
 */
export class Pace {
  #least: number
  readonly #longestHalfLife: number
  #drain = 0
  #wait = 0
  #at = Number.NaN

  /**
   * In the unit of the clock.
   * @param least its lower bound
   * @param longestHalfLife peaks are half forgotten after so long at the most
   */
  constructor(least: number, longestHalfLife = Number.POSITIVE_INFINITY) {
    this.#least = least
    this.#longestHalfLife = longestHalfLife
  }

  /** Its lower bound from now on. */
  setLeast(least: number): void {
    this.#least = least
  }

  /** @returns the pace */
  observe(now: number, drain: number, longestWait: number): number {
    const passed = now - this.#at
    if (passed > 0) {
      this.#drain = this.#forget(this.#drain, passed)
      this.#wait = this.#forget(this.#wait, passed)
    }
    this.#at = now
    this.#drain = Math.max(this.#drain, drain)
    this.#wait = Math.max(this.#wait, longestWait)
    return this.value
  }

  get value(): number {
    return Math.max(this.#least, PART * Math.sqrt(this.#drain * this.#wait))
  }

  #forget(peak: number, passed: number): number {
    const halfLife = Math.min(this.#longestHalfLife, HALF_LIFE * Math.max(peak, this.#least))
    return peak * 2 ** (-passed / halfLife)
  }
}
