/** Peaks are half forgotten after so many times their own length. */
const HALF_LIFE = 1000
const PART = 0.45

/**
 * How long a wait is in this queue: the unit in which jobs grow urgent. It adapts to the load, as a part of the geometric
 * mean of the longest backlog (time the whole machine would need for all the work known) and the longest wait. A quiet queue is impatient; a flooded one gives the short ones their chance for longer.
 */
export class Pace {
  #least: number
  #drain = 0
  #wait = 0
  #at = Number.NaN

  /** @param least its lower bound, in the unit of the clock */
  constructor(least: number) {
    this.#least = least
  }

  /** Its lower bound from now on. */
  setLeast(least: number): void {
    this.#least = least
  }

  /** @returns the pace */
  observe(now: number, drain: number, longestWait: number): number {
    const passed = now - this.#at
    if (passed > 0) {
      this.#drain = forget(this.#drain, passed, this.#least)
      this.#wait = forget(this.#wait, passed, this.#least)
    }
    this.#at = now
    this.#drain = Math.max(this.#drain, drain)
    this.#wait = Math.max(this.#wait, longestWait)
    return this.value
  }

  get value(): number {
    return Math.max(this.#least, PART * Math.sqrt(this.#drain * this.#wait))
  }
}

function forget(peak: number, passed: number, least: number): number {
  return peak * 2 ** (-passed / (HALF_LIFE * Math.max(peak, least)))
}
