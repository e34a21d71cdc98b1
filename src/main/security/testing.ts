import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { makeId } from '../../shared/domain/ids'
import type { Clock } from '../platform/clock'
import { type Database, openDatabase } from '../platform/database'
import { type Caller, createSecurity, type Security, type SecurityDeps, securityMigrations } from './index'

/** A clock that stands still until it is moved; timers fire when it passes them. */
export class TestClock implements Clock {
  #now = Date.UTC(2026, 0, 1)
  #ids = 0
  readonly #timers = new Map<() => void, number>()

  now(): number {
    return this.#now
  }

  setTimer(ms: number, callback: () => void): () => void {
    this.#timers.set(callback, this.#now + ms)
    return () => this.#timers.delete(callback)
  }

  newId<Id extends string>(prefix: string): Id {
    this.#ids++
    return makeId<Id>(prefix, this.#now, Uint8Array.of(0, 0, 0, this.#ids >> 8, this.#ids & 255))
  }

  chance(): number {
    return 0.5
  }

  advance(ms: number): void {
    this.#now += ms
    for (const [callback, at] of [...this.#timers]) {
      if (at > this.#now || !this.#timers.delete(callback)) continue
      callback()
    }
  }
}

export interface Bench {
  security: Security
  database: Database
  clock: TestClock
  /** What was logged, one object a line. */
  logs: Record<string, unknown>[]
  /** Stops, and starts again on the same data. */
  restart(meanwhile?: (database: Database) => void): Promise<void>
  app(name: string): Caller
  user(name: string, role: 'owner' | 'operator' | 'viewer'): Caller
  end(): Promise<void>
}

/** Security on a real database in a folder of its own. */
export async function openBench(options: Partial<SecurityDeps> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'security-'))
  const clock = new TestClock()
  const logs: Record<string, unknown>[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logs.push(JSON.parse(line)) })

  async function open(): Promise<Pick<Bench, 'security' | 'database'>> {
    const database = await openDatabase(join(folder, 'test.db'), securityMigrations)
    const security = createSecurity({ database, clock, logger, ownerName: 'Marie Curie', ...options })
    await security.start()
    return { security, database }
  }

  async function close(): Promise<void> {
    await bench.security.dispose()
    await bench.database.dispose()
  }

  function caller(kind: 'app' | 'user', name: string, role: Caller['roles'][number]): Caller {
    const { id } = bench.security.createPrincipal({ kind, name, roles: [role] })
    const { key } = bench.security.createKey(id, {})
    const found = bench.security.authenticateKey(key, 'http')
    if (!found) throw new Error(`the new key of ${name} does not work`)
    return found
  }

  const bench: Bench = {
    ...(await open()),
    clock,
    logs,
    async restart(meanwhile) {
      await bench.security.dispose()
      meanwhile?.(bench.database)
      await bench.database.dispose()
      Object.assign(bench, await open())
    },
    app: (name) => caller('app', name, 'app'),
    user: (name, role) => caller('user', name, role),
    async end() {
      await close()
      await rm(folder, { recursive: true })
    },
  }
  return bench
}
