import type { Kysely, Migration } from 'kysely'
import { sql } from 'kysely'

/** Times are Unix milliseconds; `roles`, `statements` and `policies` hold JSON. */
export interface SecurityTables {
  principals: {
    id: string
    kind: string
    name: string
    /** The name as it is compared: see `foldName`. */
    folded_name: string
    roles: string
    /** An argon2 PHC string. */
    password_hash: string | null
    created_at: number
    /** Removed principals stay as tombstones, so that an id that policies and jobs name never means someone else. */
    removed_at: number | null
    /** 1 for the account of the person signed in to the operating system. */
    is_window: number
  }
  api_keys: {
    id: string
    principal: string
    prefix: string
    /** SHA-256 of the key, lower-case hexadecimal. */
    hash: string
    created_at: number
    expires_at: number | null
    revoked_at: number | null
    last_used_at: number | null
    /** JSON array of actions, null for a key without limits of its own. */
    scopes: string | null
  }
  policies: {
    id: string
    text: string
    description: string
    /** The statements that the text was found to hold; see `Statement`. */
    statements: string
    /** Seal over schema, text and statements: unchanged since they were checked. */
    checked: string
    updated_at: number
    updated_by: string
  }
  audit: {
    seq: number
    at: number
    principal: string
    principal_name: string
    action: string
    resource: string
    decision: string
    policies: string
    via: string
    summary: string
    hash: string
  }
  sqlite_sequence: { name: string; seq: number }
}

const security: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('principals')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('folded_name', 'text', (column) => column.notNull())
      .addColumn('roles', 'text', (column) => column.notNull())
      .addColumn('password_hash', 'text')
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('removed_at', 'integer')
      .addColumn('is_window', 'integer', (column) => column.notNull())
      .execute()
    await sql`create unique index principals_living_name on principals (folded_name) where removed_at is null`.execute(
      db,
    )
    await sql`create unique index principals_one_window on principals (is_window) where is_window = 1`.execute(
      db,
    )
    await db.schema
      .createTable('api_keys')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('principal', 'text', (column) => column.notNull().references('principals.id'))
      .addColumn('prefix', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull().unique())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('expires_at', 'integer')
      .addColumn('revoked_at', 'integer')
      .addColumn('last_used_at', 'integer')
      .addColumn('scopes', 'text')
      .execute()
    await db.schema
      .createTable('policies')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('text', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('statements', 'text', (column) => column.notNull())
      .addColumn('checked', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'integer', (column) => column.notNull())
      .addColumn('updated_by', 'text', (column) => column.notNull())
      .execute()
    // AUTOINCREMENT keeps the highest number ever given in sqlite_sequence: a log cut off at its end shows.
    await db.schema
      .createTable('audit')
      .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('at', 'integer', (column) => column.notNull())
      .addColumn('principal', 'text', (column) => column.notNull())
      .addColumn('principal_name', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('resource', 'text', (column) => column.notNull())
      .addColumn('decision', 'text', (column) => column.notNull())
      .addColumn('policies', 'text', (column) => column.notNull())
      .addColumn('via', 'text', (column) => column.notNull())
      .addColumn('summary', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .execute()
    await sql`create index audit_by_principal on audit (principal, seq)`.execute(db)
    await sql`create index audit_denied on audit (seq) where decision = 'deny'`.execute(db)
    for (const change of ['update', 'delete']) {
      await sql`create trigger ${sql.raw(`audit_no_${change}`)} before ${sql.raw(change)} on audit
        begin select raise(abort, 'the audit log is append only'); end`.execute(db)
    }
  },
}

/** The tables of this module. */
export const securityMigrations: Record<string, Migration> = { '0002-security': security }
