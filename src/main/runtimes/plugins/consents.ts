import type { Migration } from 'kysely'
import type { PrincipalId } from '../../../shared/domain/ids'
import type { Database } from '../../platform/database'

interface Tables {
  plugin: { id: string; digest: string; allowed_by: PrincipalId; allowed_at: number }
}

export const pluginMigrations: Record<string, Migration> = {
  '0007-plugins': {
    async up(db) {
      await db.schema
        .createTable('plugin')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('digest', 'text', (column) => column.notNull())
        .addColumn('allowed_by', 'text', (column) => column.notNull())
        .addColumn('allowed_at', 'integer', (column) => column.notNull())
        .execute()
    },
  },
}

/** That a person has looked at a plugin with these files and lets it run. */
export interface Consent {
  digest: string
  by: PrincipalId
  atMs: number
}

export interface Consents {
  get(id: string): Consent | null
  give(id: string, consent: Consent): void
  withdraw(id: string): void
}

export function createConsents(database: Database): Consents {
  const query = database.builder<Tables>()
  return {
    get(id) {
      const row = database.first(query.selectFrom('plugin').selectAll().where('id', '=', id))
      return row ? { digest: row.digest, by: row.allowed_by, atMs: row.allowed_at } : null
    },
    give(id, { digest, by, atMs }) {
      const values = { digest, allowed_by: by, allowed_at: atMs }
      database.run(
        query
          .insertInto('plugin')
          .values({ id, ...values })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(values)),
      )
    },
    withdraw(id) {
      database.run(query.deleteFrom('plugin').where('id', '=', id))
    },
  }
}
