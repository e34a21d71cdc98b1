import { type Generated, type NotNull, sql } from 'kysely'
import type { Pipeline } from '../../../shared/contract'
import type { JobId, PipelineId, PrincipalId } from '../../../shared/domain/ids'
import type { JobState } from '../../../shared/domain/job-state'
import type { Database } from '../../platform/database'
import { type JobRow, tellsSkipped } from './job-row'
import type { JobStore } from './job-store'

export interface PipelineRow {
  id: PipelineId
  name: string
  principal: PrincipalId
  /** Unix ms. */
  createdAt: number
}

/** What an ended pipeline has come to, while all its jobs are there to tell. */
export interface PipelineOutcome {
  jobs: number
  state: Pipeline['state']
  /** When the last of its jobs ended, Unix ms. */
  finishedAt: number | null
}

/** With its outcome, which is written down before the first of its jobs is removed; null until then. */
export type StoredPipeline = PipelineRow & { [Key in keyof PipelineOutcome]: PipelineOutcome[Key] | null }

/** A job of a pipeline, as far as the state of the whole depends on it. */
export interface JobOutline {
  id: JobId
  key: string
  dependsOn: string[]
  state: JobState
  isSkipped: boolean
}

/** What jobs were told to run, and over what. */
export interface JobUse {
  /** As asked for. */
  model: string | null
  /** `name@version` */
  dataset: string | null
}

/** Of the jobs of a pipeline. */
export interface PipelineCounts {
  jobs: number
  ended: number
  succeeded: number
  /** When the last of those that have ended did, Unix ms. */
  latestEnd: number | null
}

type Tables = { pipeline: StoredPipeline & { seq: Generated<number> }; job: JobRow }

/** The table `pipeline`. All is synchronous; what writes belongs into a transaction of the caller. */
export interface PipelineStore {
  insert(row: PipelineRow): void
  find(id: string): StoredPipeline | null
  /** Newest first. @param owner null: everybody's */
  list(
    query: { limit: number; cursor?: string | undefined },
    owner: PrincipalId | null,
  ): { rows: StoredPipeline[]; nextCursor: string | null }
  /** In the order in which they were added. */
  jobsOf(id: PipelineId): JobId[]
  countsOf(id: PipelineId): PipelineCounts
  /** In the order in which they were added. */
  outlineOf(id: PipelineId): JobOutline[]
  /** Each once. */
  usesOf(id: PipelineId): JobUse[]
  /** Those of these of which a job has not ended. */
  openOf(ids: readonly PipelineId[]): Set<PipelineId>
  keepOutcome(id: PipelineId, outcome: PipelineOutcome): void
  /** Forgets those of these of which no job is left. */
  removeEmpty(ids: readonly PipelineId[]): void
}

/** @param jobs whose table it looks into */
export function createPipelineStore(database: Database, jobs: Pick<JobStore, 'flush'>): PipelineStore {
  const db = database.builder<Tables>()
  const all = db.selectFrom('pipeline').selectAll()
  return {
    insert: (row) =>
      void database.run(
        db.insertInto('pipeline').values({ ...row, jobs: null, state: null, finishedAt: null }),
      ),
    find: (id) => database.first(all.where('id', '=', id as PipelineId)) ?? null,
    list({ limit, cursor }, owner) {
      let select = all.orderBy('seq', 'desc').limit(limit + 1)
      const before = Number(cursor)
      if (cursor !== undefined && Number.isSafeInteger(before)) select = select.where('seq', '<', before)
      if (owner !== null) select = select.where('principal', '=', owner)
      const found = database.all(select)
      const rows = found.slice(0, limit)
      const last = rows.at(-1)
      return { rows, nextCursor: found.length > limit && last ? String(last.seq) : null }
    },
    jobsOf(id) {
      jobs.flush()
      const ids = db.selectFrom('job').select('id').where('pipeline', '=', id).orderBy('seq')
      return database.all(ids).map(({ id }) => id)
    },
    countsOf(id) {
      jobs.flush()
      const counts = database.first(
        db
          .selectFrom('job')
          .select(({ fn }) => [
            fn.countAll<number>().as('jobs'),
            fn.count<number>('finishedAt').as('ended'),
            sql<number>`count(*) filter (where state = 'succeeded')`.as('succeeded'),
            fn.max('finishedAt').as('latestEnd'),
          ])
          .where('pipeline', '=', id),
      )
      return counts ?? { jobs: 0, ended: 0, succeeded: 0, latestEnd: null }
    },
    outlineOf(id) {
      jobs.flush()
      const rows = db
        .selectFrom('job')
        .select(['id', 'pipelineKey', 'dependsOn', 'state', 'error'])
        .where('pipeline', '=', id)
        .orderBy('seq')
      return database.all(rows).map((row) => ({
        id: row.id,
        key: row.pipelineKey ?? row.id,
        dependsOn: listIn(row.dependsOn),
        state: row.state,
        isSkipped: tellsSkipped(row.error),
      }))
    },
    usesOf(id) {
      jobs.flush()
      const dataset = sql<string | null>`case when json_valid(spec) then json_extract(spec, '$.dataset') end`
      return database.all(
        db
          .selectFrom('job')
          .select(['reference as model', dataset.as('dataset')])
          .distinct()
          .where('pipeline', '=', id),
      )
    },
    openOf(ids) {
      if (ids.length === 0) return new Set()
      jobs.flush()
      const open = db
        .selectFrom('job')
        .select('pipeline')
        .distinct()
        .where('pipeline', 'in', ids)
        .where('finishedAt', 'is', null)
        .$narrowType<{ pipeline: NotNull }>()
      return new Set(database.all(open).map(({ pipeline }) => pipeline))
    },
    keepOutcome: (id, outcome) =>
      void database.run(db.updateTable('pipeline').set(outcome).where('id', '=', id)),
    removeEmpty(ids) {
      if (ids.length === 0) return
      jobs.flush()
      database.run(
        db
          .deleteFrom('pipeline')
          .where('id', 'in', ids)
          .where(({ not, exists, selectFrom }) =>
            not(exists(selectFrom('job').select('job.id').whereRef('job.pipeline', '=', 'pipeline.id'))),
          ),
      )
    },
  }
}

/** Empty where the row is damaged, which is no reason to do without the others. */
function listIn(text: string): string[] {
  try {
    return JSON.parse(text) as string[]
  } catch {
    return []
  }
}
