import type { Plan, SchedulePolicy } from './types'

/**
 * How much work of jobs that begin anew may be lost: a part of the time that the machine was idle. Lost work adds to the
 * load, and waits grow as 1 / (1 - load): a fixed part of all time would be too much near saturation, and little far from it.
 */
export class LossBudget {
  readonly #policy: Pick<SchedulePolicy, 'lostOfIdle' | 'mostLossMs'>
  #left: number
  #idle = 0
  #at = Number.POSITIVE_INFINITY

  constructor(policy: Pick<SchedulePolicy, 'lostOfIdle' | 'mostLossMs'>, leftMs = policy.mostLossMs) {
    this.#policy = policy
    this.#left = leftMs
  }

  /** @returns what may be lost now, ms of the whole machine */
  observe(now: number): number {
    const earned = this.#policy.lostOfIdle * this.#idle * Math.max(0, now - this.#at)
    this.#left = Math.min(this.#policy.mostLossMs, this.#left + earned)
    this.#at = now
    return this.#left
  }

  /**
   * What a turn takes of it, and how much of the machine is idle from then on.
   * @returns undoes it, for a turn that never was
   */
  spend({ lostMs, idle }: Pick<Plan, 'lostMs' | 'idle'>): () => void {
    const before = this.#idle
    this.#left -= lostMs
    this.#idle = idle
    return () => {
      this.#left += lostMs
      this.#idle = before
    }
  }
}
