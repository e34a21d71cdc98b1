import { performance } from 'node:perf_hooks'
import {
  type CompiledQuery,
  Kysely,
  type Migration,
  type MigrationProvider,
  Migrator,
  SqliteDialect,
} from 'kysely'
import Sqlite from 'libsql'
import { AppError } from '../../shared/errors'
import { BoundedMap } from './bounded-map'
import { codeOf } from './error-code'
import type { Disposable } from './events'
import { ensurePrivateFile } from './files'

/** Anything Kysely can compile: the type of a row is carried along. */
interface Compilable<Row> {
  compile(): CompiledQuery<Row>
}

/**
 * SQLite, used synchronously: queries are built and typed by Kysely, executed at once through cached prepared
 * statements, so that a read-decide-write of a module is one turn of the event loop and nothing can come between.
 */
export interface Database extends Disposable {
  /** A typed query builder over a module's tables; build only, execute with {@link all}, {@link first}, {@link run}. */
  builder<Tables>(): Kysely<Tables>
  all<Row>(query: Compilable<Row>): Row[]
  first<Row>(query: Compilable<Row>): Row | undefined
  /** @returns the number of rows changed */
  run(query: Compilable<unknown>): number
  /** Inserts one row. @returns its rowid; half the time of asking for it with `returning` */
  insert(query: Compilable<unknown>): number
  /**
   * One transaction, durable when it returns. Inside another transaction it becomes a savepoint of it. SQLite hears of
   * either with the first change made in it: what changes nothing costs nothing.
   */
  transaction<T>(work: () => T): T
  /**
   * Group commit: the work of the callers of one turn runs in one transaction, each in its own savepoint; the promise
   * resolves when the commit is on the disk. Many writers share one fsync. What does not fit into a few milliseconds
   * goes into the next transaction, a turn later, in order. A group whose commit is refused is done again, one by one.
   * @param patienceMs so long it may wait for another's commit to share; whatever is written comes after it
   */
  write<T>(work: () => T, patienceMs?: number): Promise<T>
  /** Runs when the transaction now open is rolled back: to undo what memory already says. */
  onRollback(undo: () => void): void
  /** Runs once in the outermost transaction now open, before it is committed: to write what was only noted until then. */
  beforeCommit(work: () => void): void
  /** As {@link beforeCommit} where a transaction is open; else not at all. */
  joinCommit(work: () => void): void
  /** Runs when the outermost transaction now open is on the disk; never when what is done now is rolled back. */
  afterCommit(work: () => void): void
}

/** How long one group may work before it commits: half of what a turn of the event loop may take. */
const GROUP_MS = 8

interface QueuedWrite {
  /** In a savepoint of its own. @returns tells the caller, once it is on the disk */
  perform: () => () => void
  reject: (error: unknown) => void
}

/**
 * Opens (or creates) the database and brings its schema up to date.
 * @param migrations all modules' migrations by name; names sort in the order they run
 * @throws AppError `system.newer_data` when the data was written by a newer version of the program, `storage.corrupt`
 * when the file is no database or is damaged
 */
export async function openDatabase(file: string, migrations: Record<string, Migration>): Promise<Database> {
  if (file !== ':memory:') ensurePrivateFile(file)
  const sqlite = new Sqlite(file)
  try {
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    sqlite.pragma('busy_timeout = 5000')
    const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) })
    // Kysely gives SQLite no transaction around a migration; a crash in the middle must not leave half of one.
    sqlite.exec('BEGIN IMMEDIATE')
    await migrate(kysely, migrations)
    sqlite.exec('COMMIT')
    return createDatabase(sqlite, kysely)
  } catch (error) {
    if (sqlite.inTransaction) sqlite.exec('ROLLBACK')
    sqlite.close()
    throw translate(error)
  }
}

/**
 * Opens a database that another process may be using, to read it as it is: its schema is left alone, writes are refused.
 * @throws AppError `storage.corrupt` when the file is no database
 */
export function openToRead(file: string): Database {
  const sqlite = new Sqlite(file)
  try {
    // libsql has no option for it.
    sqlite.pragma('query_only = ON')
    sqlite.pragma('busy_timeout = 5000')
    return createDatabase(sqlite, new Kysely({ dialect: new SqliteDialect({ database: sqlite }) }))
  } catch (error) {
    sqlite.close()
    throw translate(error)
  }
}

async function migrate(kysely: Kysely<unknown>, migrations: Record<string, Migration>): Promise<void> {
  const provider: MigrationProvider = { getMigrations: async () => migrations }
  const migrator = new Migrator({ db: kysely, provider })
  const unknown = (await executedMigrations(kysely)).filter((name) => !Object.hasOwn(migrations, name))
  if (unknown.length > 0) {
    throw new AppError(
      'system.newer_data',
      'This data folder was written by a newer version of LLMAgentOS. Install that version, or choose another data folder.',
      { unknownMigrations: unknown },
    )
  }
  const { error } = await migrator.migrateToLatest()
  if (error) throw error
}

async function executedMigrations(kysely: Kysely<unknown>): Promise<string[]> {
  const tables = await kysely.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return []
  const typed = kysely.withTables<{ kysely_migration: { name: string } }>()
  return (await typed.selectFrom('kysely_migration').select('name').execute()).map((row) => row.name)
}

function createDatabase(sqlite: Sqlite.Database, kysely: Kysely<unknown>): Database {
  // `in (...)` lists make many texts: the newest are kept.
  const statements = new BoundedMap<string, Sqlite.Statement>(500)
  const undos: (() => void)[] = []
  const beforeCommits = new Set<() => void>()
  const afterCommits: (() => void)[] = []
  /** Why the outermost transaction could not begin: whoever holds the file is waited for once. */
  let refusal: { error: unknown } | null = null
  const queue: QueuedWrite[] = []
  /** Those that wait for company; they go first with the next flush. */
  const patient: QueuedWrite[] = []
  let endOfPatience: NodeJS.Timeout | null = null
  let depth = 0
  /** So many levels of transactions, from the outermost on, SQLite has been told of. */
  let opened = 0
  let flushing = false
  /** So many of the queue's first are done again, each in a transaction of its own. */
  let alone = 0
  let closed = false

  function prepare(sql: string): Sqlite.Statement {
    let statement = statements.get(sql)
    if (!statement) {
      statement = sqlite.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }

  /**
   * After an error libsql leaves a statement where it was, and its next use does nothing and says nothing: a row would be
   * lost that its caller believes written. Another one is prepared then.
   */
  function execute<Result>(sql: string, use: (prepared: Sqlite.Statement) => Result): Result {
    try {
      return use(prepare(sql))
    } catch (error) {
      statements.delete(sql)
      throw translate(error)
    }
  }

  /**
   * SQLite itself rolls back a transaction that meets a full disk or a broken file. Whatever ran after that would
   * commit on its own, one statement at a time, while the caller believes it undone.
   */
  function assertStillOpen(): void {
    if (opened > 0 && !sqlite.inTransaction) {
      throw new AppError(
        'storage.disk_full',
        'The change was undone because the disk refused a part of it. Free some space and try again.',
      )
    }
  }

  /** Before a change: begins what {@link transaction} has not told SQLite of yet. */
  function open(): void {
    assertStillOpen()
    if (refusal) throw refusal.error
    try {
      for (; opened < depth; opened++)
        sqlite.exec(opened === 0 ? 'BEGIN IMMEDIATE' : `SAVEPOINT level${opened}`)
    } catch (error) {
      if (opened === 0) refusal = { error }
      throw error
    }
  }

  function transaction<T>(work: () => T): T {
    assertStillOpen()
    const level = depth
    const undoMark = undos.length
    const afterMark = afterCommits.length
    depth++
    let result: T
    try {
      result = work()
      if (level === 0) for (const write of beforeCommits) write()
      assertStillOpen()
      if (opened > level) sqlite.exec(level === 0 ? 'COMMIT' : `RELEASE level${level}`)
    } catch (error) {
      // A full disk may have ended the transaction already; then there is nothing to roll back.
      if (opened > level && sqlite.inTransaction)
        sqlite.exec(level === 0 ? 'ROLLBACK' : `ROLLBACK TO level${level}; RELEASE level${level}`)
      afterCommits.length = afterMark
      for (const undo of undos.splice(undoMark).reverse()) undo()
      throw translate(error)
    } finally {
      depth = level
      opened = Math.min(opened, level)
      if (level === 0) {
        beforeCommits.clear()
        refusal = null
      }
    }
    if (level === 0) {
      undos.length = 0
      for (const tell of afterCommits.splice(0)) tell()
    }
    return result
  }

  function change(query: Compilable<unknown>): Sqlite.RunResult {
    open()
    const { sql, parameters } = query.compile()
    return execute(sql, (prepared) => prepared.run(parameters))
  }

  function flush(): void {
    flushing = false
    if (endOfPatience) clearTimeout(endOfPatience)
    endOfPatience = null
    queue.unshift(...patient.splice(0))
    if (queue.length === 0) return
    const settled: (() => void)[] = []
    let taken = 0
    try {
      transaction(() => {
        const until = alone > 0 ? 0 : performance.now() + GROUP_MS
        do {
          const next = queue[taken]
          if (!next) return
          taken++
          try {
            settled.push(next.perform())
          } catch (error) {
            settled.push(() => next.reject(error))
          }
        } while (performance.now() < until)
      })
    } catch (error) {
      settled.length = 0
      // What the database refused may be the row of one, and is no reason to refuse the others.
      if (taken > 1 && !(error instanceof AppError)) {
        alone = taken
        taken = 0
      }
      for (const { reject } of queue.slice(0, taken)) settled.push(() => reject(error))
    }
    queue.splice(0, taken)
    alone = Math.max(0, alone - taken)
    if (queue.length > 0) scheduleFlush()
    for (const settle of settled) settle()
  }

  function scheduleFlush(): void {
    if (flushing) return
    flushing = true
    setImmediate(flush)
  }

  return {
    builder: <Tables>() => kysely as Kysely<Tables>,
    all<Row>(query: Compilable<Row>) {
      const { sql, parameters } = query.compile()
      return execute(sql, (prepared) => prepared.all(parameters) as Row[])
    },
    first<Row>(query: Compilable<Row>) {
      const { sql, parameters, query: root } = query.compile()
      if (root.kind === 'SelectQueryNode') assertStillOpen()
      else open()
      const row = execute(
        sql,
        (prepared) => prepared.get(parameters) as (Row & { _metadata?: unknown }) | undefined,
      )
      // libsql hangs its timings on the row, and on no row of `all`.
      if (row) delete row._metadata
      return row
    },
    run: (query) => change(query).changes,
    insert: (query) => Number(change(query).lastInsertRowid),
    transaction,
    write<T>(work: () => T, patienceMs = 0): Promise<T> {
      if (closed) return Promise.reject(new AppError('system.stopping', 'LLMAgentOS is stopping.'))
      return new Promise<T>((resolve, reject) => {
        const perform = () => {
          const value = transaction(work)
          return () => resolve(value)
        }
        if (patienceMs === 0 || flushing) {
          queue.push({ perform, reject })
          scheduleFlush()
          return
        }
        patient.push({ perform, reject })
        endOfPatience ??= setTimeout(flush, patienceMs)
      })
    },
    onRollback(undo) {
      if (depth > 0) undos.push(undo)
    },
    beforeCommit(work) {
      if (depth > 0) beforeCommits.add(work)
      else transaction(work)
    },
    joinCommit(work) {
      if (depth > 0) beforeCommits.add(work)
    },
    afterCommit(work) {
      if (depth > 0) afterCommits.push(work)
      else work()
    },
    dispose() {
      if (closed) return
      closed = true
      while (queue.length + patient.length > 0) flush()
      sqlite.close()
    },
  }
}

function translate(error: unknown): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new AppError(
      'storage.corrupt',
      'The database of this data folder is damaged or is no database. Restore it from a backup, or choose another data folder.',
      {},
      { cause: error },
    )
  }
  if (code.startsWith('SQLITE_FULL')) {
    return new AppError(
      'storage.disk_full',
      'The disk is full. Free some space and try again; nothing was changed.',
      {},
      { cause: error },
    )
  }
  return error
}
