import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'

const FREE_FAILURES = 5
const FIRST_DELAY_MS = 1000
const LONGEST_DELAY_MS = 15 * 60_000
const FORGET_AFTER_MS = 60 * 60_000
const MAX_NAMES = 10_000

interface Failures {
  count: number
  lastAt: number
  blockedUntil: number
}

/**
 * Slows the guessing of one name's password: five failures are free, then each doubles the wait from 1 s to 15 min. An
 * attempt counts as failed from its beginning, so that many at once are no way around. Kept in memory only.
 */
export class SignInLimiter {
  readonly #clock: Clock
  readonly #failures = new Map<string, Failures>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws AppError `network.rate_limited` with `{retryAfterMs}` */
  begin(name: string): void {
    const now = this.#clock.now()
    const known = this.#failures.get(name)
    const recent = known && now - known.lastAt < FORGET_AFTER_MS ? known : undefined
    const retryAfterMs = (recent?.blockedUntil ?? 0) - now
    if (retryAfterMs > 0) {
      const seconds = Math.ceil(retryAfterMs / 1000)
      throw new AppError('network.rate_limited', `Too many wrong passwords. Try again in ${seconds} s.`, {
        retryAfterMs,
      })
    }
    const count = (recent?.count ?? 0) + 1
    const delayMs =
      count < FREE_FAILURES ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (count - FREE_FAILURES), LONGEST_DELAY_MS)
    // Deleting first moves the name to the end: the one longest untouched is forgotten when there are too many.
    this.#failures.delete(name)
    const oldest = this.#failures.keys().next()
    if (this.#failures.size >= MAX_NAMES && !oldest.done) this.#failures.delete(oldest.value)
    this.#failures.set(name, { count, lastAt: now, blockedUntil: now + delayMs })
  }

  succeed(name: string): void {
    this.#failures.delete(name)
  }

  /** Takes back an attempt that was not made. */
  undo(name: string): void {
    const known = this.#failures.get(name)
    if (known) this.#failures.set(name, { ...known, count: known.count - 1, blockedUntil: 0 })
  }
}
