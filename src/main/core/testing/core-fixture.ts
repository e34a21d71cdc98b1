import pino from 'pino'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import { type Database, openDatabase } from '../../platform/database'
import { type AllocateOptions, type Core, coreMigrations, createCore } from '../index'
import { createFakeClock, type FakeClock } from './fake-clock'
import { copyAsKilled, createFakeDisk, type FakeDisk } from './fake-disk'
import { createFakeHost, type FakeHost } from './fake-host'

/** Core over real SQLite, a clock that is told to move, and a machine of plain data. */
export interface CoreFixture {
  core: Core
  database: Database
  readonly clock: FakeClock
  readonly disk: FakeDisk
  readonly host: FakeHost
  /** Ends in order and starts again. */
  restart(): Promise<void>
  /** `kill -9` and another start; only with a file. */
  kill(): Promise<void>
  close(): Promise<void>
}

const logger = pino({ level: 'silent' })

export async function createCoreFixture(
  options: { file?: string; host?: FakeHost; clock?: FakeClock } = {},
): Promise<CoreFixture> {
  const clock = options.clock ?? createFakeClock()
  const host = options.host ?? createFakeHost()
  const disk = createFakeDisk(clock)
  let file = options.file ?? ':memory:'
  let kills = 0
  const open = async () => disk.under(await openDatabase(file, coreMigrations))
  const database = await open()
  const fixture: CoreFixture = {
    core: createCore({ database, clock, logger, host }),
    database,
    clock,
    disk,
    host,
    async restart() {
      await fixture.core.dispose()
      fixture.core = createCore({ database: fixture.database, clock, logger, host })
      await fixture.core.start()
    },
    async kill() {
      const left = `${options.file}-${++kills}`
      copyAsKilled(file, left)
      // What the dead process writes from now on nobody reads.
      await fixture.close()
      file = left
      clock.jump(0)
      fixture.database = await open()
      fixture.core = createCore({ database: fixture.database, clock, logger, host })
      await fixture.core.start()
    },
    async close() {
      await fixture.core.dispose()
      await fixture.database.dispose()
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
