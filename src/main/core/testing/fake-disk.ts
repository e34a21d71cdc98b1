import { copyFileSync, existsSync } from 'node:fs'
import { AppError } from '../../../shared/errors'
import type { Database } from '../../platform/database'
import type { FakeClock } from './fake-clock'

/** A disk that is slow or full when it is told to be. */
export interface FakeDisk {
  /** So long a write takes. */
  slowMs: number
  /** It refuses each group commit. */
  isFull: boolean
  /** A write that the program waits for while it can do nothing else. */
  block(ms: number): void
  /** A write beside which the program goes on. */
  pause(): Promise<void>
  /** The real database. Group commits come `slowMs` later, in their order; a transaction, which is durable when it returns, blocks. */
  under(database: Database): Database
}

export function createFakeDisk(clock: FakeClock): FakeDisk {
  const disk: FakeDisk = {
    slowMs: 0,
    isFull: false,
    block: clock.block,
    pause: () => pass(disk.slowMs),
    under: (database) => onDisk(database),
  }

  async function pass(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => void clock.setTimer(ms, resolve))
  }

  function onDisk(database: Database): Database {
    let last: Promise<unknown> | null = null
    /** One transaction within another is no write of its own. */
    let depth = 0

    function within<T>(work: () => T): T {
      depth++
      try {
        return work()
      } finally {
        depth--
      }
    }

    function write<T>(work: () => T, patienceMs?: number): Promise<T> {
      return database.write(() => {
        const value = within(work)
        if (disk.isFull) throw new AppError('storage.disk_full', 'The disk is full.')
        return value
      }, patienceMs)
    }

    return {
      ...database,
      transaction: (work) =>
        database.transaction(() => {
          const value = within(work)
          if (depth === 0 && disk.slowMs > 0) disk.block(disk.slowMs)
          return value
        }),
      write(work, patienceMs) {
        const { slowMs } = disk
        if (slowMs === 0 && last === null) return write(work, patienceMs)
        const turn = (last ?? Promise.resolve()).then(() => pass(slowMs))
        last = turn
        return turn.then(() => {
          if (last === turn) last = null
          return write(work, patienceMs)
        })
      },
    }
  }

  return disk
}

/** What `kill -9` leaves of a database at this moment: what is not in its files yet never comes. */
export function copyAsKilled(from: string, to: string): void {
  for (const part of ['', '-wal']) if (existsSync(from + part)) copyFileSync(from + part, to + part)
}
