import pino from 'pino'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import { type Database, openDatabase } from '../../platform/database'
import { type AllocateOptions, type Core, coreMigrations, createCore } from '../index'
import { createFakeClock, type FakeClock } from './fake-clock'
import { createFakeHost, type FakeHost } from './fake-host'

/** Core over real SQLite, a clock that is told to move, and a machine of plain data. */
export interface CoreFixture {
  core: Core
  readonly database: Database
  readonly clock: FakeClock
  readonly host: FakeHost
  /** As after `kill -9`: the process is gone, the database stays. */
  restart(): Promise<void>
  close(): Promise<void>
}

const logger = pino({ level: 'silent' })

export async function createCoreFixture(
  options: { file?: string; host?: FakeHost; clock?: FakeClock } = {},
): Promise<CoreFixture> {
  const clock = options.clock ?? createFakeClock()
  const host = options.host ?? createFakeHost()
  const database = await openDatabase(options.file ?? ':memory:', coreMigrations)
  const fixture: CoreFixture = {
    core: createCore({ database, clock, logger, host }),
    database,
    clock,
    host,
    async restart() {
      await fixture.core.dispose()
      fixture.core = createCore({ database, clock, logger, host })
      await fixture.core.start()
    },
    async close() {
      await fixture.core.dispose()
      await database.dispose()
    },
  }
  await fixture.core.start()
  return fixture
}

export function by(holder: string, options: Partial<AllocateOptions> = {}): AllocateOptions {
  return { holder: holder as PrincipalId, purpose: 'test', priority: 50, job: null, ttlMs: null, ...options }
}

export const someJob = 'job-1' as JobId

/** The AppError that something ends in. */
export async function refusalOf(what: () => unknown): Promise<AppError> {
  try {
    await what()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('It was not refused.')
}
