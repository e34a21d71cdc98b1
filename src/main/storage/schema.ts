import type { Kysely, Migration } from 'kysely'

/** Columns ending in `_json` hold JSON; times are Unix milliseconds. */
export interface StorageTables {
  models: {
    name: string
    /** Grows only: the number of a removed version is never given again. */
    next_version: number
    created_at: number
    updated_at: number
  }
  model_versions: {
    model: string
    version: number
    digest: string
    size_bytes: number
    format: string
    framework: string
    signature_json: string
    metadata_json: string
    findings_json: string
    source: string
    import_id: string | null
    created_at: number
    created_by: string
  }
  model_files: {
    model: string
    version: number
    /** 0 is the file a runtime opens first. */
    position: number
    path: string
    digest: string
    size_bytes: number
  }
  model_aliases: { model: string; alias: string; version: number; set_at: number; set_by: string }
  alias_changes: {
    id: number
    model: string
    alias: string
    from_version: number | null
    to_version: number | null
    at: number
    by: string
  }
  imports: {
    id: string
    state: string
    source: string
    bytes_done: number
    bytes_total: number
    verdict: string | null
    findings_json: string
    model: string | null
    version: number | null
    known: number
    error_json: string | null
    /** What a waiting import becomes when it is confirmed. */
    candidate_json: string | null
    created_at: number
    finished_at: number | null
    created_by: string
  }
  /** Blobs that a waiting import keeps. */
  import_blobs: { import_id: string; digest: string }
  artifacts: {
    job: string
    name: string
    digest: string | null
    inline: Uint8Array | null
    size_bytes: number
    created_at: number
  }
}

/** Each step may have been done by a migration that a crash interrupted: Kysely runs SQLite's without a transaction. */
async function createTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('models')
    .ifNotExists()
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('next_version', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('model_versions')
    .ifNotExists()
    .addColumn('model', 'text', (c) => c.notNull().references('models.name'))
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addColumn('format', 'text', (c) => c.notNull())
    .addColumn('framework', 'text', (c) => c.notNull())
    .addColumn('signature_json', 'text', (c) => c.notNull())
    .addColumn('metadata_json', 'text', (c) => c.notNull())
    .addColumn('findings_json', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('import_id', 'text')
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('model_versions_key', ['model', 'version'])
    .addUniqueConstraint('model_versions_bytes', ['model', 'digest'])
    .execute()
  await db.schema
    .createTable('model_files')
    .ifNotExists()
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('model_files_key', ['model', 'version', 'path'])
    .addForeignKeyConstraint(
      'model_files_version',
      ['model', 'version'],
      'model_versions',
      ['model', 'version'],
      (c) => c.onDelete('cascade'),
    )
    .execute()
  await db.schema.createIndex('model_files_digest').ifNotExists().on('model_files').column('digest').execute()
  await db.schema
    .createTable('model_aliases')
    .ifNotExists()
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('set_at', 'integer', (c) => c.notNull())
    .addColumn('set_by', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('model_aliases_key', ['model', 'alias'])
    .addForeignKeyConstraint('model_aliases_version', ['model', 'version'], 'model_versions', [
      'model',
      'version',
    ])
    .execute()
  await db.schema
    .createTable('alias_changes')
    .ifNotExists()
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('from_version', 'integer')
    .addColumn('to_version', 'integer')
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('alias_changes_model')
    .ifNotExists()
    .on('alias_changes')
    .column('model')
    .execute()
  await db.schema
    .createTable('imports')
    .ifNotExists()
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('bytes_done', 'integer', (c) => c.notNull())
    .addColumn('bytes_total', 'integer', (c) => c.notNull())
    .addColumn('verdict', 'text')
    .addColumn('findings_json', 'text', (c) => c.notNull())
    .addColumn('model', 'text')
    .addColumn('version', 'integer')
    .addColumn('known', 'integer', (c) => c.notNull())
    .addColumn('error_json', 'text')
    .addColumn('candidate_json', 'text')
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('finished_at', 'integer')
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('imports_created')
    .ifNotExists()
    .on('imports')
    .columns(['created_at', 'id'])
    .execute()
  await db.schema
    .createTable('import_blobs')
    .ifNotExists()
    .addColumn('import_id', 'text', (c) => c.notNull().references('imports.id').onDelete('cascade'))
    .addColumn('digest', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('import_blobs_key', ['digest', 'import_id'])
    .execute()
  await db.schema
    .createTable('artifacts')
    .ifNotExists()
    .addColumn('job', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('digest', 'text')
    .addColumn('inline', 'blob')
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('artifacts_key', ['job', 'name'])
    .execute()
  await db.schema.createIndex('artifacts_digest').ifNotExists().on('artifacts').column('digest').execute()
}

export const storageMigrations: Record<string, Migration> = {
  '0003-storage': { up: (db: Kysely<unknown>) => createTables(db) },
}
