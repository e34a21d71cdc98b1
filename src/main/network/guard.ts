import type { IncomingHttpHeaders } from 'node:http'
import { AppError } from '../../shared/errors'

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']

/**
 * Refuses what a web page of elsewhere could send: a `Host` that is not ours (DNS rebinding), an `Origin` that is not
 * ours (a page calling the API), and a cookie without a sign that our own page sent it (cross-site request forgery).
 * @throws AppError `network.forbidden_origin`
 */
export function assertLocal(headers: IncomingHttpHeaders, port: number, withCookie: boolean): void {
  // Clients leave out the port that HTTP has by default.
  const hosts = LOOPBACK_NAMES.flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])])
  if (!hosts.includes((headers.host ?? '').toLowerCase())) {
    throw new AppError(
      'network.forbidden_origin',
      `Call this API as http://127.0.0.1:${port}; other host names are refused.`,
    )
  }
  const { origin } = headers
  if (origin !== undefined && !hosts.includes(origin.toLowerCase().replace(/^http:\/\//, ''))) {
    throw new AppError('network.forbidden_origin', 'Web pages of other origins may not call this API.')
  }
  if (withCookie && origin === undefined && headers['sec-fetch-site'] !== 'same-origin') {
    throw new AppError(
      'network.forbidden_origin',
      'A session cookie counts only for calls from the Control Center itself.',
    )
  }
}

/** Counts failed sign-ins of everybody together: on loopback all addresses are one. */
export class FailureLimit {
  #failures: number[] = []
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** @throws AppError `network.rate_limited` after 20 failures within a minute */
  record(): void {
    const now = this.#now()
    this.#failures = this.#failures.filter((at) => at > now - 60_000)
    const oldest = this.#failures[0]
    if (this.#failures.length >= 20 && oldest !== undefined) {
      const retryAfterMs = oldest + 60_000 - now
      throw new AppError(
        'network.rate_limited',
        'Too many calls with a wrong key. Wait a minute and check the key.',
        { retryAfterMs },
      )
    }
    this.#failures.push(now)
  }
}
