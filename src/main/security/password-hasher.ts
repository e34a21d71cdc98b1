import { randomBytes } from 'node:crypto'
import { AppError } from '../../shared/errors'

/** argon2id, 64 MiB, three passes, one lane: above the first choice of OWASP's Password Storage Cheat Sheet. */
const OPTIONS = { algorithm: 2, memoryCost: 65_536, timeCost: 3, parallelism: 1 } as const
const MAX_AT_ONCE = 2
const MAX_WAITING = 32

/** argon2id off the event loop; few at once, since each takes 64 MiB. */
export class PasswordHasher {
  #running = 0
  readonly #waiting: (() => void)[] = []
  #decoy: Promise<string> | null = null

  /** @returns a PHC string, `$argon2id$v=19$m=65536,t=3,p=1$...` */
  hash(password: string): Promise<string> {
    return this.#inTurn(async () => {
      const { hash } = await import('@node-rs/argon2')
      return hash(password, OPTIONS)
    })
  }

  /** @param stored null takes as long as a wrong password, so that the time does not tell whether there is one */
  async verify(stored: string | null, password: string): Promise<boolean> {
    this.#decoy ??= this.hash(randomBytes(32).toString('base64'))
    const decoy = await this.#decoy
    return this.#inTurn(async () => {
      const { verify } = await import('@node-rs/argon2')
      const fits = await verify(stored ?? decoy, password)
      return fits && stored !== null
    })
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
