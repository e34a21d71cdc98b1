import { AppError } from '../../shared/errors'

/** A bounded amount of something, of which nobody holds more than a share: who takes too much leaves room for others. */
export class Shares {
  readonly #limits: { each: number; total?: number }
  readonly #refusal: string
  readonly #held = new Map<string, number>()
  #total = 0

  /** @param refusal what is said to who has too much */
  constructor(limits: { each: number; total?: number }, refusal: string) {
    this.#limits = limits
    this.#refusal = refusal
  }

  /** @throws AppError `network.rate_limited` */
  take(holder: string, amount = 1): void {
    const { each, total = Number.POSITIVE_INFINITY } = this.#limits
    const held = (this.#held.get(holder) ?? 0) + amount
    if (held > each || this.#total + amount > total)
      throw new AppError('network.rate_limited', this.#refusal, { retryAfterMs: 1000 })
    this.#held.set(holder, held)
    this.#total += amount
  }

  /** What was taken before. */
  give(holder: string, amount = 1): void {
    const left = (this.#held.get(holder) ?? 0) - amount
    if (left > 0) this.#held.set(holder, left)
    else this.#held.delete(holder)
    this.#total -= amount
  }
}
