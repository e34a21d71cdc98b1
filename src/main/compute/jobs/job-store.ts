import { type NotNull, sql } from 'kysely'
import type { JobId, PipelineId, PrincipalId } from '../../../shared/domain/ids'
import { isTerminal, type JobState } from '../../../shared/domain/job-state'
import { AppError, toErrorView } from '../../../shared/errors'
import type { Database } from '../../platform/database'
import { rowOfParameters, statement } from '../../platform/statement'
import type { JobQuery } from '..'
import type { Ending } from '../dispatch/conditions'
import {
  type JobDefinition,
  type JobRow,
  type JobStatus,
  type JobUpdate,
  parseRow,
  rowOf,
  tellsSkipped,
  updateOf,
} from './job-row'

type Tables = { job: JobRow; sqlite_sequence: { name: string; seq: number } }
export type StoredJob = ReturnType<typeof parseRow>
interface Parsed {
  jobs: StoredJob[]
  damaged: { id: JobId; error: AppError }[]
}
interface Outcome {
  seq: number
  state: JobState
  queuedMs: number
  /** Unix ms. */
  finishedAt: number
}
export interface EndedJob {
  seq: number
  id: JobId
  /** Unix ms. */
  finishedAt: number
  pipeline: PipelineId | null
}

/**
 * The queries of the module. All are synchronous; those that write belong into a transaction of the caller. However often
 * a job changes within a transaction, its row is written once: before the commit, or before the next query.
 */
export interface JobStore {
  /** @returns the number that orders arrivals */
  insert(definition: JobDefinition, status: JobStatus): number
  update(id: JobId, status: JobStatus): void
  /** Writes what was only noted until now: before another reads the table. */
  flush(): void
  find(id: string): StoredJob | null
  findByKey(principal: PrincipalId, idempotencyKey: string): StoredJob | null
  /** When its only attempt began; null where none has, or another after it. */
  onlyStartOf(id: JobId): number | null
  /** Null for a job that has not ended, and for one that is not known. */
  endingOf(id: JobId): Ending | null
  /** Of many at once: those of them that have ended. */
  endingsOf(ids: readonly JobId[]): Map<JobId, Ending>
  /** Who submitted each of them; without those that are not known. */
  ownersOf(ids: readonly string[]): Map<string, PrincipalId>
  /** The newest job that succeeded with this fingerprint. */
  findReusable(principal: PrincipalId, fingerprint: string): JobId | null
  /** Queued, held and running jobs in order of arrival, a page at a time: to breathe in between. */
  active(): Generator<Parsed>
  /** Those that have not ended and need a version. */
  unfinishedOf(model: string, version: number): JobId[]
  /** Ends a job that cannot be read. */
  fail(id: JobId, error: AppError, finishedAt: number): void
  /** The jobs that ended last, oldest first, a page at a time; without those that cannot be read. */
  lastEnded(limit: number): Generator<StoredJob[]>
  /** Without those that cannot be read. */
  list(query: JobQuery): { items: StoredJob[]; nextCursor: string | null }
  /** Outcomes since a time, newest first, a page at a time: for statistics. */
  endedSince(since: number, limit: number): Generator<Outcome[]>
  countEnded(): number
  /** Ended jobs, oldest first. @param after the last of the page before; null: from the first */
  oldestEnded(limit: number, after: EndedJob | null): EndedJob[]
  remove(id: JobId): void
}

/** Rows that are read and parsed at once: some milliseconds of the event loop. */
const PAGE = 100
/** As above, of rows that need no parsing. */
const OUTCOMES_PAGE = 1_000

export function createJobStore(database: Database): JobStore {
  const db = database.builder<Tables>()
  const unwritten = new Map<
    JobId,
    { inserted: { seq: number; definition: JobDefinition } | null; status: JobStatus }
  >()
  // Removed jobs count: pages of a list go by the number, and none is given twice.
  let lastSeq =
    database.first(db.selectFrom('sqlite_sequence').select('seq').where('name', '=', 'job'))?.seq ?? 0
  const all = db.selectFrom('job').selectAll()
  const insert = statement<JobRow, unknown>((value) =>
    db.insertInto('job').values(rowOfParameters<JobRow>(COLUMNS, value)),
  )
  const update = statement<JobUpdate, unknown>((value) =>
    db
      .updateTable('job')
      .set(rowOfParameters<Omit<JobUpdate, 'id'>>(STATUS_COLUMNS, value))
      .where('id', '=', value('id')),
  )
  const byId = statement<{ id: JobId }, JobRow>((value) => all.where('id', '=', value('id')))
  const stateById = statement<{ id: JobId }, { state: JobState; error: string | null }>((value) =>
    db.selectFrom('job').select(['state', 'error']).where('id', '=', value('id')),
  )
  const byFingerprint = statement<{ principal: PrincipalId; fingerprint: string }, { id: JobId }>((value) =>
    db
      .selectFrom('job')
      .select('id')
      .where('fingerprint', '=', value('fingerprint'))
      .where('principal', '=', value('principal'))
      .where('state', '=', 'succeeded')
      .orderBy('seq', 'desc')
      .limit(1),
  )
  const byKey = statement<{ principal: PrincipalId; key: string }, JobRow>((value) =>
    all.where('principal', '=', value('principal')).where('idempotencyKey', '=', value('key')),
  )
  const remove = statement<{ id: JobId }, unknown>((value) =>
    db.deleteFrom('job').where('id', '=', value('id')),
  )

  function note(id: JobId, change: NonNullable<ReturnType<typeof unwritten.get>>): void {
    const before = unwritten.get(id)
    unwritten.set(id, change)
    database.onRollback(() => {
      if (before) unwritten.set(id, before)
      else unwritten.delete(id)
    })
    database.beforeCommit(flush)
  }

  function flush(): void {
    if (unwritten.size === 0) return
    const changes = [...unwritten]
    unwritten.clear()
    database.onRollback(() => {
      for (const [id, change] of changes) unwritten.set(id, change)
    })
    for (const [id, { inserted, status }] of changes) {
      if (inserted)
        database.run(insert(Object.assign(rowOf(inserted.definition, status), { seq: inserted.seq })))
      else database.run(update(updateOf(id, status)))
    }
  }

  /** What was noted counts. */
  const first: typeof database.first = (query) => {
    flush()
    return database.first(query)
  }
  const every: typeof database.all = (query) => {
    flush()
    return database.all(query)
  }

  function* pagesOf(seqs: readonly number[], rows = all): Generator<Parsed> {
    for (let at = 0; at < seqs.length; at += PAGE) {
      const page = seqs.slice(at, at + PAGE)
      const found = new Map(every(rows.where('seq', 'in', page)).map((row) => [row.seq, row]))
      yield parseRows(page.flatMap((seq) => found.get(seq) ?? []))
    }
  }

  return {
    insert(definition, status) {
      const seq = ++lastSeq
      note(definition.id, { inserted: { seq, definition }, status })
      return seq
    },
    update: (id, status) => note(id, { inserted: unwritten.get(id)?.inserted ?? null, status }),
    flush,
    find(id) {
      const row = first(byId({ id: id as JobId }))
      return row ? parseRow(row) : null
    },
    findByKey(principal, key) {
      const row = first(byKey({ principal, key }))
      return row ? parseRow(row) : null
    },
    onlyStartOf(id) {
      const start = db.selectFrom('job').select('startedAt').where('id', '=', id).where('attempt', '=', 1)
      return first(start)?.startedAt ?? null
    },
    endingOf(id) {
      const row = first(stateById({ id }))
      return row ? endingIn(row) : null
    },
    endingsOf(ids) {
      if (ids.length === 0) return new Map()
      const rows = every(db.selectFrom('job').select(['id', 'state', 'error']).where('id', 'in', ids))
      return new Map(
        rows.flatMap((row) => {
          const ending = endingIn(row)
          return ending ? [[row.id, ending]] : []
        }),
      )
    },
    ownersOf(ids) {
      if (ids.length === 0) return new Map()
      const rows = every(
        db
          .selectFrom('job')
          .select(['id', 'principal'])
          .where('id', 'in', ids as JobId[]),
      )
      return new Map(rows.map(({ id, principal }) => [id, principal]))
    },
    findReusable(principal, fingerprint) {
      const row = first(byFingerprint({ principal, fingerprint }))
      return row?.id ?? null
    },
    *active() {
      const isActive = db.selectFrom('job').select('seq').where('finishedAt', 'is', null)
      // Sorted here: asked for the order, SQLite would read the whole table instead of the index of active jobs.
      const seqs = every(isActive)
        .map(({ seq }) => seq)
        .sort((a, b) => a - b)
      // Of those some may have ended before their page is read.
      yield* pagesOf(seqs, all.where('finishedAt', 'is', null))
    },
    fail(id, error, finishedAt) {
      flush()
      const change = { state: 'failed' as const, error: JSON.stringify(toErrorView(error)), finishedAt }
      database.run(db.updateTable('job').set(change).where('id', '=', id))
    },
    *lastEnded(limit) {
      const last = db
        .selectFrom('job')
        .select('seq')
        .where('finishedAt', 'is not', null)
        .orderBy('finishedAt', 'desc')
        .limit(limit)
      const seqs = every(last).map(({ seq }) => seq)
      for (const { jobs } of pagesOf(seqs.reverse())) yield jobs
    },
    list(query) {
      let select = all.orderBy('seq', 'desc').limit(query.limit + 1)
      const before = Number(query.cursor)
      if (query.cursor !== undefined && Number.isSafeInteger(before))
        select = select.where('seq', '<', before)
      if (query.state) select = select.where('state', '=', query.state)
      if (query.kind) select = select.where('kind', '=', query.kind)
      if (query.principal) select = select.where('principal', '=', query.principal)
      // The sign keeps its index out of it: those asked for would all be read, to be sorted by arrival.
      if (query.finishedUntil !== undefined)
        select = select.where(sql`+"finishedAt"`, '<=', Date.parse(query.finishedUntil))
      if (query.model !== undefined) {
        const [model = '', version] = query.model.split('@')
        select = select.where('model', '=', model)
        if (version !== undefined && /^\d+$/.test(version))
          select = select.where('modelVersion', '=', Number(version))
        else if (version !== undefined) select = select.where('reference', '=', query.model)
      }
      const rows = every(select)
      const page = rows.slice(0, query.limit)
      const last = page.at(-1)
      const items = parseRows(page).jobs
      return { items, nextCursor: rows.length > query.limit && last ? String(last.seq) : null }
    },
    unfinishedOf: (model, version) =>
      every(
        db
          .selectFrom('job')
          .select('id')
          .where('finishedAt', 'is', null)
          .where('model', '=', model)
          .where('modelVersion', '=', version),
      ).map(({ id }) => id),
    *endedSince(since, limit) {
      const ended = db
        .selectFrom('job')
        .select(['seq', 'state', 'queuedMs', 'finishedAt'])
        .where('finishedAt', '>=', since)
        .orderBy('finishedAt', 'desc')
        .orderBy('seq', 'desc')
      let left = limit
      for (let last: Outcome | undefined; left > 0; ) {
        const { finishedAt, seq } = last ?? { finishedAt: Number.MAX_SAFE_INTEGER, seq: 0 }
        const before = ended.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('finishedAt', 'seq'), '<', tuple(finishedAt, seq)),
        )
        const page = every(before.limit(Math.min(left, OUTCOMES_PAGE))) as Outcome[]
        if (page.length === 0) return
        yield page
        left -= page.length
        last = page.at(-1)
      }
    },
    countEnded: () =>
      first(
        db
          .selectFrom('job')
          .select((e) => e.fn.countAll<number>().as('n'))
          .where('finishedAt', 'is not', null),
      )?.n ?? 0,
    oldestEnded: (limit, after) =>
      every(
        db
          .selectFrom('job')
          .select(['seq', 'id', 'finishedAt', 'pipeline'])
          .where('finishedAt', 'is not', null)
          .where(({ eb, refTuple, tuple }) =>
            eb(refTuple('finishedAt', 'seq'), '>', tuple(after?.finishedAt ?? 0, after?.seq ?? 0)),
          )
          .orderBy('finishedAt')
          .orderBy('seq')
          .limit(limit)
          .$narrowType<{ finishedAt: NotNull }>(),
      ),
    remove(id) {
      flush()
      database.run(remove({ id }))
    },
  }
}

/** Null for a job that has not ended. */
function endingIn({ state, error }: Pick<JobRow, 'state' | 'error'>): Ending | null {
  if (!isTerminal(state)) return null
  return tellsSkipped(error) ? 'skipped' : state
}

/** One damaged row is no reason to do without the others. */
function parseRows(rows: readonly JobRow[]): Parsed {
  const parsed: Parsed = { jobs: [], damaged: [] }
  for (const row of rows) {
    try {
      parsed.jobs.push(parseRow(row))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      parsed.damaged.push({ id: row.id, error })
    }
  }
  return parsed
}

const STATUS_COLUMNS = [
  'state',
  'priority',
  'readyAt',
  'notBefore',
  'cancelRequested',
  'attempt',
  'failures',
  'interruptions',
  'itemsDone',
  'preempted',
  'attempts',
  'placement',
  'queuedMs',
  'loadMs',
  'computeMs',
  'error',
  'startedAt',
  'finishedAt',
] as const satisfies readonly (keyof JobUpdate)[]

const COLUMNS = [
  'seq',
  'id',
  'kind',
  'name',
  'reference',
  'model',
  'modelVersion',
  'spec',
  'items',
  'need',
  'place',
  'timeoutMs',
  'maxAttempts',
  'deadline',
  'dependsOn',
  'runWhen',
  'preemptible',
  'links',
  'pipeline',
  'pipelineKey',
  'fingerprint',
  'reusedFrom',
  'labels',
  'principal',
  'idempotencyKey',
  'createdAt',
  ...STATUS_COLUMNS,
] as const satisfies readonly (keyof JobRow)[]
