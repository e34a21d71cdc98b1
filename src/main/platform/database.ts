import Sqlite from 'libsql'
import { type CompiledQuery, Kysely, type Migration, type MigrationProvider, Migrator, SqliteDialect } from 'kysely'
import { AppError } from '../../shared/errors'
import type { Disposable } from './events'

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
  /** One transaction, durable when it returns. Inside another transaction it becomes a savepoint of it. */
  transaction<T>(work: () => T): T
  /**
   * Group commit: the work of all callers of one turn runs in one transaction, each in its own savepoint; the promise
   * resolves when the commit is on the disk. Many writers share one fsync.
   */
  write<T>(work: () => T): Promise<T>
  /** Runs when the transaction now open is rolled back: to undo what memory already says. */
  onRollback(undo: () => void): void
}

interface QueuedWrite {
  work: () => unknown
  resolve: (value: never) => void
  reject: (error: unknown) => void
}

/**
 * Opens (or creates) the database and brings its schema up to date.
 * @param migrations all modules' migrations by name; names sort in the order they run
 * @throws AppError `system.newer_data` when the data was written by a newer version of the program
 */
export async function openDatabase(file: string, migrations: Record<string, Migration>): Promise<Database> {
  const sqlite = new Sqlite(file)
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma('synchronous = FULL')
  sqlite.pragma('foreign_keys = ON')
  sqlite.pragma('busy_timeout = 5000')
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite as never }) })
  try {
    await migrate(kysely, migrations)
  } catch (error) {
    sqlite.close()
    throw error
  }
  return createDatabase(sqlite, kysely)
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
  const typed = kysely as Kysely<{ kysely_migration: { name: string } }>
  return (await typed.selectFrom('kysely_migration').select('name').execute()).map((row) => row.name)
}

function createDatabase(sqlite: Sqlite.Database, kysely: Kysely<unknown>): Database {
  const statements = new Map<string, Sqlite.Statement>()
  const undos: (() => void)[] = []
  const queue: QueuedWrite[] = []
  let depth = 0
  let closed = false

  function prepare(sql: string): Sqlite.Statement {
    let statement = statements.get(sql)
    if (!statement) {
      statement = sqlite.prepare(sql)
      // `in (...)` lists make many texts; forget the oldest rather than keep them all.
      if (statements.size >= 500) statements.delete(statements.keys().next().value as string)
      statements.set(sql, statement)
    }
    return statement
  }

  function transaction<T>(work: () => T): T {
    const name = depth === 0 ? null : `level${depth}`
    const undoMark = undos.length
    sqlite.exec(name ? `SAVEPOINT ${name}` : 'BEGIN IMMEDIATE')
    depth++
    let result: T
    try {
      result = work()
      sqlite.exec(name ? `RELEASE ${name}` : 'COMMIT')
    } catch (error) {
      // A full disk may have ended the transaction already; then there is nothing to roll back.
      if (sqlite.inTransaction) sqlite.exec(name ? `ROLLBACK TO ${name}; RELEASE ${name}` : 'ROLLBACK')
      for (const undo of undos.splice(undoMark).reverse()) undo()
      throw translate(error)
    } finally {
      depth--
    }
    if (depth === 0) undos.length = 0
    return result
  }

  function flush(): void {
    const batch = queue.splice(0)
    if (batch.length === 0) return
    const outcomes: (() => void)[] = []
    try {
      transaction(() => {
        for (const { work, resolve, reject } of batch) {
          try {
            const value = transaction(work)
            outcomes.push(() => resolve(value as never))
          } catch (error) {
            outcomes.push(() => reject(error))
          }
        }
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    for (const settle of outcomes) settle()
  }

  return {
    builder: <Tables>() => kysely as Kysely<Tables>,
    all<Row>(query: Compilable<Row>) {
      const { sql, parameters } = query.compile()
      return prepare(sql).all(...parameters) as Row[]
    },
    first<Row>(query: Compilable<Row>) {
      const { sql, parameters } = query.compile()
      return prepare(sql).get(...parameters) as Row | undefined
    },
    run(query) {
      const { sql, parameters } = query.compile()
      try {
        return prepare(sql).run(...parameters).changes
      } catch (error) {
        throw translate(error)
      }
    },
    transaction,
    write<T>(work: () => T): Promise<T> {
      if (closed) return Promise.reject(new AppError('system.stopping', 'LLMAgentOS is stopping.'))
      return new Promise<T>((resolve, reject) => {
        queue.push({ work, resolve, reject })
        if (queue.length === 1) setImmediate(flush)
      })
    },
    onRollback(undo) {
      if (depth > 0) undos.push(undo)
    },
    dispose() {
      if (closed) return
      flush()
      closed = true
      sqlite.close()
    },
  }
}

function translate(error: unknown): unknown {
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' && code.startsWith('SQLITE_FULL')) {
    return new AppError('storage.disk_full', 'The disk is full. Free some space and try again; nothing was changed.', {}, { cause: error })
  }
  return error
}
