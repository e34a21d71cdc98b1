import { type Insertable, sql } from 'kysely'
import type { Database } from '../platform/database'
import type { StorageTables } from './schema'

/**
 * Inserts any number of rows with one statement: a version may have ten thousand files, and to build a statement for each
 * takes many times as long. Within the caller's transaction. All rows have the same columns.
 */
export function insertAll<Table extends keyof StorageTables>(
  database: Database,
  table: Table,
  rows: readonly Insertable<StorageTables[Table]>[],
): void {
  const columns = Object.keys(rows[0] ?? {})
  if (columns.length === 0) return
  const into = sql.join(columns.map((column) => sql.ref(column)))
  const values = sql.join(columns.map((column) => sql`json_extract(value, ${`$.${column}`})`))
  const query = sql`insert into ${sql.table(table)} (${into}) select ${values} from json_each(${JSON.stringify(rows)})`
  database.run({ compile: () => query.compile(database.builder()) })
}
