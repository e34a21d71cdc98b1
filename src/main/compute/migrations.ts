import { type Migration, sql } from 'kysely'

/** The schema of the module, step by step; names sort in the order they run. */
export const computeMigrations: Record<string, Migration> = {
  '0004-compute': {
    async up(db) {
      await db.schema
        .createTable('job')
        .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('reference', 'text')
        .addColumn('model', 'text')
        .addColumn('modelVersion', 'integer')
        .addColumn('spec', 'text', (column) => column.notNull())
        .addColumn('items', 'integer', (column) => column.notNull())
        .addColumn('need', 'text', (column) => column.notNull())
        .addColumn('timeoutMs', 'integer')
        .addColumn('maxAttempts', 'integer', (column) => column.notNull())
        .addColumn('deadline', 'integer')
        .addColumn('dependsOn', 'text', (column) => column.notNull())
        .addColumn('labels', 'text', (column) => column.notNull())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('idempotencyKey', 'text')
        .addColumn('createdAt', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('priority', 'integer', (column) => column.notNull())
        .addColumn('readyAt', 'integer', (column) => column.notNull())
        .addColumn('notBefore', 'integer', (column) => column.notNull())
        .addColumn('cancelRequested', 'integer', (column) => column.notNull())
        .addColumn('attempt', 'integer', (column) => column.notNull())
        .addColumn('failures', 'integer', (column) => column.notNull())
        .addColumn('interruptions', 'integer', (column) => column.notNull())
        .addColumn('itemsDone', 'integer', (column) => column.notNull())
        .addColumn('placement', 'text')
        .addColumn('queuedMs', 'real', (column) => column.notNull())
        .addColumn('loadMs', 'real', (column) => column.notNull())
        .addColumn('computeMs', 'real', (column) => column.notNull())
        .addColumn('error', 'text')
        .addColumn('startedAt', 'integer')
        .addColumn('finishedAt', 'integer')
        .execute()
      // Partial indexes: ended jobs, nearly all of them, cost the queue nothing.
      await sql`create index job_active on job (state, priority, seq) where finishedAt is null`.execute(db)
      await sql`create index job_ended on job (finishedAt) where finishedAt is not null`.execute(db)
      await sql`create unique index job_idempotency on job (principal, idempotencyKey) where idempotencyKey is not null`.execute(
        db,
      )
      await sql`create index job_state on job (state, seq)`.execute(db)
      await sql`create index job_model on job (model, seq) where model is not null`.execute(db)
      await sql`create index job_principal on job (principal, seq)`.execute(db)
    },
  },
  '0010-pipelines': {
    async up(db) {
      await db.schema
        .createTable('pipeline')
        .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('createdAt', 'integer', (column) => column.notNull())
        .execute()
      // One column at a time: SQLite adds no two.
      const text = (name: string) => db.schema.alterTable('job').addColumn(name, 'text').execute()
      const textOr = (name: string, otherwise: string) =>
        db.schema
          .alterTable('job')
          .addColumn(name, 'text', (column) => column.notNull().defaultTo(otherwise))
          .execute()
      await textOr('runWhen', 'succeeded')
      await textOr('links', '[]')
      for (const name of ['pipeline', 'pipelineKey', 'fingerprint', 'reusedFrom']) await text(name)
      await sql`create index job_pipeline on job (pipeline, seq) where pipeline is not null`.execute(db)
      await sql`create index job_fingerprint on job (fingerprint, seq) where fingerprint is not null`.execute(
        db,
      )
    },
  },
  '0011-preemption': {
    async up(db) {
      await db.schema
        .alterTable('job')
        .addColumn('preemptible', 'integer', (column) => column.notNull().defaultTo(1))
        .execute()
      await db.schema.alterTable('job').addColumn('preempted', 'text').execute()
      await sql`update job set preemptible = 0 where kind = 'benchmark'`.execute(db)
    },
  },
  '0013-placement-hints': {
    async up(db) {
      await db.schema.alterTable('job').addColumn('place', 'text').execute()
    },
  },
  '0014-predictions': {
    async up(db) {
      await db.schema
        .createTable('prediction')
        .addColumn('job', 'text', (column) => column.primaryKey())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('madeAt', 'integer', (column) => column.notNull())
        .addColumn('at', 'real', (column) => column.notNull())
        .addColumn('earliest', 'real', (column) => column.notNull())
        .addColumn('latest', 'real', (column) => column.notNull())
        .addColumn('startedAt', 'integer')
        .execute()
      await db.schema.createIndex('prediction_made').on('prediction').column('madeAt').execute()
    },
  },
  '0015-attempts': {
    async up(db) {
      await db.schema.alterTable('job').addColumn('attempts', 'text').execute()
    },
  },
  '0018-pipeline-outcomes': {
    async up(db) {
      const add = (name: string, type: 'integer' | 'text') =>
        db.schema.alterTable('pipeline').addColumn(name, type).execute()
      await add('jobs', 'integer')
      await add('state', 'text')
      await add('finishedAt', 'integer')
      await sql`create index job_open_pipeline on job (pipeline) where finishedAt is null and pipeline is not null`.execute(
        db,
      )
    },
  },
}
