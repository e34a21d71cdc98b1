import { createHash, randomBytes } from 'node:crypto'
import type { ClientSession } from '../../shared/contract'
import { type Clock, toIso } from '../platform/clock'
import type { Caller } from '../security'

const BROWSER_SESSION_MS = 12 * 3_600_000
/** Of one principal; a new one ends the oldest. */
const MOST_BROWSERS = 20
const SEEN_MS = 5 * 60_000

interface BrowserSession {
  caller: Caller
  expiresAt: number
  stopTimer: () => void
  /** Each ends something that was opened with the session. */
  ends: Set<() => void>
}

interface Seen {
  id: string
  caller: Caller
  endpoint: ClientSession['endpoint']
  connectedAt: number
  lastSeenAt: number
  requests: number
}

/** Sessions of signed-in browsers (in memory: a restart signs out), and who called lately. */
export class Sessions {
  readonly #clock: Clock
  readonly #browsers = new Map<string, BrowserSession>()
  readonly #seen = new Map<string, Seen>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns the token for the cookie; only its hash is kept */
  open(caller: Caller): string {
    const token = randomBytes(32).toString('base64url')
    const id = hash(token)
    const expiresAt = this.#clock.now() + BROWSER_SESSION_MS
    const others = [...this.#browsers].filter(([, other]) => other.caller.principal === caller.principal)
    for (const [oldest] of others.slice(0, Math.max(0, others.length + 1 - MOST_BROWSERS))) this.#end(oldest)
    const stopTimer = this.#clock.setTimer(BROWSER_SESSION_MS, () => this.#end(id))
    this.#browsers.set(id, { caller, expiresAt, stopTimer, ends: new Set() })
    return token
  }

  close(token: string): void {
    this.#end(hash(token))
  }

  /** Ends every session of a principal that was opened with a password; those opened with a key end with that. */
  closeByPassword(principal: string): void {
    for (const [id, { caller }] of this.#browsers)
      if (caller.principal === principal && caller.key === null) this.#end(id)
  }

  /** Calls `end` when the session ends; at once when it has. @returns what unties the two */
  tie(token: string, end: () => void): () => void {
    const session = this.#browsers.get(hash(token))
    if (!session) end()
    session?.ends.add(end)
    return () => session?.ends.delete(end)
  }

  dispose(): void {
    for (const id of this.#browsers.keys()) this.#end(id)
  }

  #end(id: string): void {
    const session = this.#browsers.get(id)
    if (!session) return
    this.#browsers.delete(id)
    session.stopTimer()
    for (const end of session.ends) end()
  }

  callerOf(token: string): Caller | null {
    const session = this.#browsers.get(hash(token))
    if (!session) return null
    if (session.expiresAt > this.#clock.now()) return session.caller
    this.#end(hash(token))
    return null
  }

  note(caller: Caller, endpoint: ClientSession['endpoint']): void {
    const now = this.#clock.now()
    const key = `${endpoint} ${caller.key ?? caller.principal}`
    const seen = this.#seen.get(key)
    if (seen && seen.lastSeenAt > now - SEEN_MS) {
      seen.lastSeenAt = now
      seen.requests++
      return
    }
    for (const [other, { lastSeenAt }] of this.#seen)
      if (lastSeenAt <= now - SEEN_MS) this.#seen.delete(other)
    this.#seen.set(key, {
      id: this.#clock.newId('s'),
      caller,
      endpoint,
      connectedAt: now,
      lastSeenAt: now,
      requests: 1,
    })
  }

  list(): ClientSession[] {
    const since = this.#clock.now() - SEEN_MS
    return [...this.#seen.values()]
      .filter((seen) => seen.lastSeenAt > since)
      .map(({ id, caller, endpoint, connectedAt, lastSeenAt, requests }) => ({
        id,
        principal: caller.principal,
        principalName: caller.name,
        endpoint,
        connectedAt: toIso(connectedAt),
        lastSeenAt: toIso(lastSeenAt),
        requests,
      }))
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
