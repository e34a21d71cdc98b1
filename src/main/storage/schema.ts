import { type CreateTableBuilder, type Kysely, type Migration, type SqlBool, sql } from 'kysely'

/** Columns ending in `_json` hold JSON; times are Unix milliseconds. */
export interface StorageTables {
  models: {
    name: string
    /** Grows only: the number of a removed version is never given again. */
    next_version: number
    created_at: number
    updated_at: number
    family: string | null
    /** Null: every version is kept and none stays warm. */
    policy_json: string | null
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
    /** The job that made it. */
    job: string | null
    tensor_count: number
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
  /** Weights by name, as JSON: read only when somebody compares or lists them. */
  model_tensors: { model: string; version: number; tensors_json: string }
  /** The only part of a version that changes. */
  version_notes: {
    model: string
    version: number
    notes: string
    tags_json: string
    architecture: string | null
  }
  /** What a version was made from. `kind` and `from_kind` are `model` or `dataset`. */
  origins: {
    kind: string
    name: string
    version: number
    from_kind: string
    from_name: string
    from_version: number
  }
  benchmarks: {
    job: string
    model: string
    version: number
    at: number
    device: string
    threads: number
    result_json: string
  }
  canaries: {
    model: string
    alias: string
    version: number
    weight: number
    max_error_rate: number
    max_p95_ms: number | null
    min_requests: number
    started_at: number
    started_by: string
    canary_requests: number
    canary_errors: number
    canary_times_json: string
    stable_requests: number
    stable_errors: number
    stable_times_json: string
  }
  datasets: { name: string; next_version: number; created_at: number; updated_at: number }
  dataset_versions: {
    dataset: string
    version: number
    digest: string
    size_bytes: number
    format: string
    rows: number
    columns_json: string
    /** Where rows begin; null where the format knows. */
    index_json: string | null
    findings_json: string
    source: string
    import_id: string | null
    job: string | null
    created_at: number
    created_by: string
  }
  dataset_files: {
    dataset: string
    version: number
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
    reason: string | null
    canary_json: string | null
  }
  /** Most bytes of versions of a principal; one without a row has no limit. */
  storage_quotas: { principal: string; limit_bytes: number }
  imports: {
    id: string
    state: string
    source: string
    bytes_done: number
    bytes_total: number
    verdict: string | null
    findings_json: string
    kind: string | null
    suggestion_json: string | null
    dataset: string | null
    model: string | null
    version: number | null
    known: number
    /** Where it takes its bytes from, while it may be taken up again after a restart. */
    source_json: string | null
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

/** Written alike in a query, an index of them serves it. */
export const SUGGESTED_NAME = sql<string>`json_extract(suggestion_json, '$.name')`
export const WAITING = sql<SqlBool>`state = 'waiting'`

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

/** Lineage, notes, tensors, benchmarks, canaries and policies of versions; imports that outlive a restart. */
async function addVersionFacts(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('models').addColumn('family', 'text').execute()
  await db.schema.alterTable('models').addColumn('policy_json', 'text').execute()
  await db.schema.alterTable('model_versions').addColumn('job', 'text').execute()
  await db.schema
    .alterTable('model_versions')
    .addColumn('tensor_count', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema.alterTable('alias_changes').addColumn('reason', 'text').execute()
  for (const column of ['kind', 'suggestion_json', 'dataset', 'source_json'])
    await db.schema.alterTable('imports').addColumn(column, 'text').execute()
  const ofVersion = (table: CreateTableBuilder<string, 'model' | 'version'>, name: string) =>
    table.addForeignKeyConstraint(
      `${name}_version`,
      ['model', 'version'],
      'model_versions',
      ['model', 'version'],
      (c) => c.onDelete('cascade'),
    )
  await ofVersion(
    db.schema
      .createTable('model_tensors')
      .addColumn('model', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('tensors_json', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('model_tensors_key', ['model', 'version']),
    'model_tensors',
  ).execute()
  await ofVersion(
    db.schema
      .createTable('version_notes')
      .addColumn('model', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('notes', 'text', (c) => c.notNull())
      .addColumn('tags_json', 'text', (c) => c.notNull())
      .addColumn('architecture', 'text')
      .addPrimaryKeyConstraint('version_notes_key', ['model', 'version']),
    'version_notes',
  ).execute()
  await db.schema
    .createTable('origins')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('from_kind', 'text', (c) => c.notNull())
    .addColumn('from_name', 'text', (c) => c.notNull())
    .addColumn('from_version', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('origins_key', [
      'kind',
      'name',
      'version',
      'from_kind',
      'from_name',
      'from_version',
    ])
    .execute()
  await db.schema
    .createIndex('origins_from')
    .on('origins')
    .columns(['from_kind', 'from_name', 'from_version'])
    .execute()
  await ofVersion(
    db.schema
      .createTable('benchmarks')
      .addColumn('job', 'text', (c) => c.primaryKey())
      .addColumn('model', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('at', 'integer', (c) => c.notNull())
      .addColumn('device', 'text', (c) => c.notNull())
      .addColumn('threads', 'integer', (c) => c.notNull())
      .addColumn('result_json', 'text', (c) => c.notNull()),
    'benchmarks',
  ).execute()
  await db.schema.createIndex('benchmarks_model').on('benchmarks').columns(['model', 'at']).execute()
  await db.schema
    .createTable('canaries')
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('weight', 'real', (c) => c.notNull())
    .addColumn('max_error_rate', 'real', (c) => c.notNull())
    .addColumn('max_p95_ms', 'real')
    .addColumn('min_requests', 'integer', (c) => c.notNull())
    .addColumn('started_at', 'integer', (c) => c.notNull())
    .addColumn('started_by', 'text', (c) => c.notNull())
    .addColumn('canary_requests', 'integer', (c) => c.notNull())
    .addColumn('canary_errors', 'integer', (c) => c.notNull())
    .addColumn('canary_times_json', 'text', (c) => c.notNull())
    .addColumn('stable_requests', 'integer', (c) => c.notNull())
    .addColumn('stable_errors', 'integer', (c) => c.notNull())
    .addColumn('stable_times_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('canaries_key', ['model', 'alias'])
    .addForeignKeyConstraint('canaries_alias', ['model', 'alias'], 'model_aliases', ['model', 'alias'], (c) =>
      c.onDelete('cascade'),
    )
    .execute()
}

/** Data sets, under version control as models are. */
async function createDatasets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('datasets')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('next_version', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('dataset_versions')
    .addColumn('dataset', 'text', (c) => c.notNull().references('datasets.name'))
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addColumn('format', 'text', (c) => c.notNull())
    .addColumn('rows', 'integer', (c) => c.notNull())
    .addColumn('columns_json', 'text', (c) => c.notNull())
    .addColumn('index_json', 'text')
    .addColumn('findings_json', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('import_id', 'text')
    .addColumn('job', 'text')
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('dataset_versions_key', ['dataset', 'version'])
    .addUniqueConstraint('dataset_versions_bytes', ['dataset', 'digest'])
    .execute()
  await db.schema
    .createTable('dataset_files')
    .addColumn('dataset', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('dataset_files_key', ['dataset', 'version', 'path'])
    .addForeignKeyConstraint(
      'dataset_files_version',
      ['dataset', 'version'],
      'dataset_versions',
      ['dataset', 'version'],
      (c) => c.onDelete('cascade'),
    )
    .execute()
  await db.schema.createIndex('dataset_files_digest').on('dataset_files').column('digest').execute()
}

/** How much a principal may store. */
async function createQuotas(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('storage_quotas')
    .addColumn('principal', 'text', (c) => c.primaryKey())
    .addColumn('limit_bytes', 'integer', (c) => c.notNull())
    .execute()
  for (const table of ['model_versions', 'dataset_versions', 'imports'])
    await db.schema.createIndex(`${table}_created_by`).on(table).column('created_by').execute()
}

async function addCanaryChanges(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('alias_changes').addColumn('canary_json', 'text').execute()
}

/** Whose architecture a version is, is asked of each version that is to be removed. */
async function indexArchitectures(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('version_notes_architecture')
    .on('version_notes')
    .column('architecture')
    .execute()
}

/** Found by what they are suggested to be called, without reading the candidates that lie before it in their rows. */
async function indexWaiting(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('imports_waiting')
    .on('imports')
    .expression(SUGGESTED_NAME)
    .where(WAITING)
    .execute()
}

export const storageMigrations: Record<string, Migration> = {
  '0003-storage': { up: (db: Kysely<unknown>) => createTables(db) },
  '0005-version-facts': { up: (db: Kysely<unknown>) => addVersionFacts(db) },
  '0006-datasets': { up: (db: Kysely<unknown>) => createDatasets(db) },
  '0010-storage-quotas': { up: (db: Kysely<unknown>) => createQuotas(db) },
  '0016-canary-changes': { up: (db: Kysely<unknown>) => addCanaryChanges(db) },
  '0018-architectures': { up: (db: Kysely<unknown>) => indexArchitectures(db) },
  '0019-waiting-imports': { up: (db: Kysely<unknown>) => indexWaiting(db) },
}
