import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Migration, sql } from 'kysely'
import Sqlite from 'libsql'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Database, openDatabase } from './database'

interface Tables {
  things: { id: number; text: string }
}

const migrations: Record<string, Migration> = {
  '0001-things': {
    async up(db) {
      await db.schema
        .createTable('things')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('text', 'text', (column) => column.notNull())
        .execute()
    },
  },
}

let folder: string
let file: string
let database: Database

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'database-'))
  file = join(folder, 'test.db')
  database = await openDatabase(file, migrations)
})
afterEach(async () => {
  await database.dispose()
  await rm(folder, { recursive: true })
})

const db = () => database.builder<Tables>()
const insert = (id: number, text = 'x') => database.run(db().insertInto('things').values({ id, text }))
const ids = () => database.all(db().selectFrom('things').select('id').orderBy('id')).map(({ id }) => id)

describe('the database', () => {
  it('gives rows with what was asked for and nothing else', () => {
    insert(1)
    expect(database.first(db().selectFrom('things').selectAll())).toEqual({ id: 1, text: 'x' })
    expect(database.first(db().selectFrom('things').selectAll().where('id', '=', 9))).toBeUndefined()
    expect(database.all(db().selectFrom('things').selectAll())).toEqual([{ id: 1, text: 'x' }])
  })

  it('is durable and is not migrated twice', async () => {
    insert(1)
    await database.dispose()
    database = await openDatabase(file, migrations)
    expect(ids()).toEqual([1])
  })

  it('refuses data of a newer program, and what is no database', async () => {
    await database.dispose()
    await expect(openDatabase(file, {})).rejects.toMatchObject({
      code: 'system.newer_data',
      details: { unknownMigrations: ['0001-things'] },
    })
    database = await openDatabase(file, migrations)
    const bad = join(folder, 'bad.db')
    await writeFile(bad, 'this is no database '.repeat(500))
    await expect(openDatabase(bad, migrations)).rejects.toMatchObject({ code: 'storage.corrupt' })
  })
})

describe('transactions', () => {
  it('roll back whole, and undo what memory says, last first', () => {
    const undone: string[] = []
    expect(() =>
      database.transaction(() => {
        insert(1)
        database.onRollback(() => undone.push('outer'))
        database.transaction(() => {
          insert(2)
          database.onRollback(() => undone.push('inner'))
        })
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(ids()).toEqual([])
    expect(undone).toEqual(['inner', 'outer'])
  })

  it('inside another is undone alone', () => {
    const undone: string[] = []
    database.transaction(() => {
      insert(1)
      database.onRollback(() => undone.push('outer'))
      expect(() =>
        database.transaction(() => {
          insert(2)
          database.onRollback(() => undone.push('inner'))
          throw new Error('no')
        }),
      ).toThrow('no')
      insert(3)
    })
    expect(ids()).toEqual([1, 3])
    expect(undone).toEqual(['inner'])
    // A later transaction does not undo what an earlier one did.
    expect(() =>
      database.transaction(() => {
        throw new Error('no')
      }),
    ).toThrow()
    expect(undone).toEqual(['inner'])
  })

  it('keeps nothing of a transaction that the disk ended, though a caller goes on', () => {
    fill()
    const undone: string[] = []
    expect(() =>
      database.transaction(() => {
        database.onRollback(() => undone.push('undone'))
        try {
          database.transaction(() => insert(1, 'y'.repeat(100_000)))
        } catch (error) {
          expect(error).toMatchObject({ code: 'storage.disk_full' })
        }
        insert(2)
      }),
    ).toThrow(expect.objectContaining({ code: 'storage.disk_full' }))
    expect(ids()).toEqual([])
    expect(undone).toEqual(['undone'])
    insert(3)
    expect(ids()).toEqual([3])
  })
})

describe('before a commit', () => {
  it('what was noted is written once, in the outermost transaction', () => {
    const noted: number[] = []
    const flush = () => {
      for (const id of noted.splice(0)) insert(id)
    }
    const note = (id: number) => {
      noted.push(id)
      database.beforeCommit(flush)
    }
    database.transaction(() => {
      note(1)
      database.transaction(() => note(2))
      expect(ids()).toEqual([])
    })
    expect(ids()).toEqual([1, 2])
    note(3)
    expect(ids()).toEqual([1, 2, 3])
  })

  it('what cannot be written takes the transaction with it, and is not tried in the next one', () => {
    const undone: string[] = []
    const change = () =>
      database.transaction(() => {
        insert(1)
        database.onRollback(() => undone.push('undone'))
        database.beforeCommit(() => insert(1))
      })
    expect(change).toThrow()
    expect(undone).toEqual(['undone'])
    database.transaction(() => insert(2))
    expect(ids()).toEqual([2])
  })
})

describe('after a commit', () => {
  it('is told once, of what is on the disk, and never of what was rolled back', () => {
    const told: number[] = []
    const tell = (id: number) => database.afterCommit(() => told.push(id))
    database.transaction(() => {
      tell(1)
      expect(() =>
        database.transaction(() => {
          tell(2)
          throw new Error('no')
        }),
      ).toThrow('no')
      expect(told).toEqual([])
    })
    expect(told).toEqual([1])
    expect(() =>
      database.transaction(() => {
        tell(3)
        throw new Error('no')
      }),
    ).toThrow('no')
    tell(4)
    expect(told).toEqual([1, 4])
  })
})

describe('a file that somebody else writes to', () => {
  it('is waited for once a transaction, and is free for the next', { timeout: 60_000 }, () => {
    const other = new Sqlite(file)
    other.exec('BEGIN IMMEDIATE')
    database.all({ compile: () => sql.raw('pragma busy_timeout = 1000').compile(database.builder()) })
    const began = performance.now()
    database.transaction(() => {
      for (const id of [1, 2, 3, 4, 5]) expect(() => database.transaction(() => insert(id))).toThrow('locked')
    })
    // A second each: five of them would take five.
    expect(performance.now() - began).toBeLessThan(4000)
    other.exec('ROLLBACK')
    other.close()
    database.transaction(() => insert(6))
    expect(ids()).toEqual([6])
  })
})

describe('group commit', () => {
  it('gives each writer its own outcome', async () => {
    const outcomes = await Promise.allSettled([
      database.write(() => insert(1)),
      database.write(() => {
        insert(2)
        throw new Error('mine')
      }),
      database.write(() => insert(3)),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(ids()).toEqual([1, 3])
  })

  it('is durable when the promise resolves', async () => {
    await database.write(() => insert(1))
    const other = await openDatabase(file, migrations)
    expect(other.all(other.builder<Tables>().selectFrom('things').select('id'))).toEqual([{ id: 1 }])
    await other.dispose()
  })

  it('a writer with patience goes before the next one, in its transaction', async () => {
    const seen: string[] = []
    let inOne = false
    const patient = database.write(() => {
      seen.push('patient')
      inOne = true
      setImmediate(() => {
        inOne = false
      })
      insert(1)
    }, 60_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([])
    const hasty = database.write(() => {
      seen.push('hasty')
      expect(inOne).toBe(true)
      insert(2)
    })
    await Promise.all([patient, hasty])
    expect(seen).toEqual(['patient', 'hasty'])
    expect(ids()).toEqual([1, 2])
  })

  it('patience ends, also without company, and when the database closes', async () => {
    await database.write(() => insert(1), 5)
    expect(ids()).toEqual([1])
    const last = database.write(() => insert(2), 60_000)
    await database.dispose()
    await last
    database = await openDatabase(file, migrations)
    expect(ids()).toEqual([1, 2])
  })

  it('lets the event loop turn while thousands wait, and keeps their order', async () => {
    const order: number[] = []
    let turns = 0
    let counting = true
    const count = () => {
      turns++
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    // Each takes a millisecond, and a group may take eight.
    let nowMs = 0
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    await Promise.all(
      Array.from({ length: 60 }, (_, id) =>
        database.write(() => {
          nowMs++
          insert(id)
          order.push(id)
        }),
      ),
    )
    counting = false
    expect(order).toEqual(Array.from({ length: 60 }, (_, id) => id))
    expect(turns).toBeGreaterThan(4)
  })

  it('fails every writer of a group that the disk refused, and keeps none of it', async () => {
    fill()
    // A group ends by the time it takes: none passes, so that all three are of one.
    vi.spyOn(performance, 'now').mockReturnValue(0)
    const undone: number[] = []
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map((id) =>
        database.write(() => {
          database.onRollback(() => undone.push(id))
          insert(id, id === 2 ? 'y'.repeat(100_000) : 'x')
        }),
      ),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(ids()).toEqual([])
    expect(undone.sort()).toEqual([1, 2])
    await database.write(() => insert(4))
    expect(ids()).toEqual([4])
  })

  it('does a group again one by one when what one of it noted is refused at the commit', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(0)
    const done: number[] = []
    const outcomes = await Promise.allSettled(
      [1, 2, 1, 3].map((id) =>
        database.write(() => {
          database.beforeCommit(() => insert(id))
          database.afterCommit(() => done.push(id))
        }),
      ),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(done).toEqual([1, 2, 3])
    expect(ids()).toEqual([1, 2, 3])
    // They share commits again.
    await Promise.all([4, 5].map((id) => database.write(() => insert(id))))
    expect(ids()).toEqual([1, 2, 3, 4, 5])
  })

  it('writes with a statement that the disk has refused before, when there is room', () => {
    const returning = (id: number, text: string) =>
      database.first(db().insertInto('things').values({ id, text }).returning('id'))
    fill()
    expect(() => database.transaction(() => returning(1, 'y'.repeat(100_000)))).toThrow('disk is full')
    fill(1000)
    expect(returning(2, 'x')).toEqual({ id: 2 })
    expect(ids()).toEqual([2])
  })

  it('writes what was queued before it closes, and nothing after', async () => {
    const queued = [1, 2].map((id) => database.write(() => insert(id)))
    await database.dispose()
    await Promise.all(queued)
    await expect(database.write(() => insert(3))).rejects.toMatchObject({ code: 'system.stopping' })
    database = await openDatabase(file, migrations)
    expect(ids()).toEqual([1, 2])
    expect(await readdir(folder)).toContain('test.db')
  })
})

/** As a full disk: SQLite may take no more pages than a few, and answers the same way. */
function fill(free = 2): void {
  const { page_count: pages } = database.first({
    compile: () => sql<{ page_count: number }>`pragma page_count`.compile(db()),
  }) ?? { page_count: 1 }
  database.all({ compile: () => sql.raw(`pragma max_page_count = ${pages + free}`).compile(db()) })
}
