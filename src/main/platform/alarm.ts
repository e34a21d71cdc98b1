import type { Clock } from './clock'

/** A timer does not count while the machine sleeps, nor what the clock is set by: the clock is looked at this often. */
const LOOK_MS = 1000

/** Rings once, at the earliest of the times that it was set to, in Unix ms. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #at = Number.POSITIVE_INFINITY
  #cancelTimer: (() => void) | null = null

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  set(at: number): void {
    if (at >= this.#at) return
    this.#at = at
    this.#cancelTimer?.()
    this.#look()
  }

  cancel(): void {
    this.#at = Number.POSITIVE_INFINITY
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  #look(): void {
    const waitMs = Math.min(LOOK_MS, Math.max(0, this.#at - this.#clock.now()))
    this.#cancelTimer = this.#clock.setTimer(waitMs, () => {
      if (this.#clock.now() < this.#at) return this.#look()
      this.cancel()
      this.#ring()
    })
  }
}
