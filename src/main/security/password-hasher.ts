import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../shared/errors'

/** argon2id, 64 MiB, three passes, one lane: above the first choice of OWASP's Password Storage Cheat Sheet. */
const OPTIONS = { algorithm: 2, memoryCost: 65_536, timeCost: 3, parallelism: 1 } as const
const MAX_AT_ONCE = 2
const MAX_WAITING = 32
/** The form of a hash that nothing fits, and that takes as long. */
const DECOY = `$argon2id$v=19$m=${OPTIONS.memoryCost},t=${OPTIONS.timeCost},p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
const DECOYS_A_MINUTE = 20

/** argon2id off the event loop; few at once, since each takes 64 MiB. */
export class PasswordHasher {
  #running = 0
  readonly #waiting: (() => void)[] = []
  /** When the latest decoys were computed, and how long the last password took. */
  #decoys: number[] = []
  #lastMs = 0

  /** @returns a PHC string, `$argon2id$v=19$m=65536,t=3,p=1$...` */
  hash(password: string): Promise<string> {
    return this.#inTurn(async () => {
      const { hash } = await import('@node-rs/argon2')
      return hash(password, OPTIONS)
    })
  }

  /**
   * @param stored null takes as long as a wrong password, so that the time does not tell whether there is one. Of many in a
   * minute most only wait that long: names that nobody has keep nobody out who has one
   */
  async verify(stored: string | null, password: string): Promise<boolean> {
    const from = performance.now()
    if (stored === null && !this.#takeDecoy(from)) {
      await pause(this.#lastMs)
      return false
    }
    const fits = await this.#inTurn(async () => {
      const { verify } = await import('@node-rs/argon2')
      return verify(stored ?? DECOY, password)
    })
    this.#lastMs = performance.now() - from
    return fits && stored !== null
  }

  #takeDecoy(now: number): boolean {
    this.#decoys = this.#decoys.filter((at) => at > now - 60_000)
    return this.#decoys.length < DECOYS_A_MINUTE && this.#decoys.push(now) > 0
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new AppError(
          'network.rate_limited',
          'Too many passwords are being checked. Try again in a second.',
          { retryAfterMs: 1000 },
        )
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
