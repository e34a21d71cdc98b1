import { type Selectable, sql } from 'kysely'
import { z } from 'zod'
import { ErrorBody, Finding, Import, MadeFrom } from '../../../shared/contract'
import { toIso } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { ResumableSource as Resumable } from '../index'
import { insertAll } from '../insert-all'
import { type StorageTables, SUGGESTED_NAME, WAITING } from '../schema'
import { AnyCandidate, type Proposal } from './candidate'

const Options = {
  name: z.string().optional(),
  version: z.number().optional(),
  review: z.boolean().optional(),
  madeFrom: MadeFrom.optional(),
  key: z.string().nullish(),
}

const ResumableSource = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('path'),
    path: z.string(),
    ...Options,
  }),
  z.object({
    kind: z.literal('hub'),
    repository: z.string(),
    files: z.array(z.string()).optional(),
    ...Options,
  }),
])

const Kind = z.enum(['model', 'dataset'])
const Extracted = z.tuple([z.string(), z.number().nullable(), z.string().nullable()])

/** Ended imports of each principal that are kept for the list. */
const KEPT = 200

/** What a view is made of: not the candidate, which may have megabytes. */
const SHOWN = [
  'id',
  'state',
  'source',
  'bytes_done',
  'bytes_total',
  'verdict',
  'findings_json',
  'kind',
  'suggestion_json',
  'dataset',
  'model',
  'version',
  'known',
  'error_json',
  'created_at',
  'finished_at',
  'created_by',
] as const satisfies (keyof StorageTables['imports'])[]
type ShownRow = Pick<Selectable<StorageTables['imports']>, (typeof SHOWN)[number]>

/** The rows of imports: what a restart knows about them. */
export class ImportRows {
  readonly #database: Database
  readonly #tables

  constructor(database: Database) {
    this.#database = database
    this.#tables = database.builder<StorageTables>()
  }

  /** @param source what it can be taken up from after a restart; null: from nothing */
  insert(view: Import, source: Resumable | null): void {
    const columns = columnsOf(view)
    const values = {
      ...columns,
      id: view.id,
      created_at: Date.parse(view.createdAt),
      created_by: view.createdBy,
      candidate_json: null,
      source_json: source && JSON.stringify(source),
    }
    this.#database.run(this.#tables.insertInto('imports').values(values))
  }

  /** Everything of the view; a candidate is kept, and its blobs with it, only while the import waits. */
  update(view: Import, candidate: AnyCandidate | null = null): void {
    this.#database.transaction(() => {
      const columns = { ...columnsOf(view), candidate_json: candidate && JSON.stringify(candidate) }
      this.#database.run(this.#tables.updateTable('imports').set(columns).where('id', '=', view.id))
      this.#database.run(this.#tables.deleteFrom('import_blobs').where('import_id', '=', view.id))
      const digests = new Set(candidate?.files.map((file) => file.digest))
      insertAll(
        this.#database,
        'import_blobs',
        [...digests].map((digest) => ({ import_id: view.id, digest })),
      )
    })
  }

  find(id: string): Import | null {
    const row = this.#database.first(this.#tables.selectFrom('imports').select(SHOWN).where('id', '=', id))
    return row ? viewOf(row) : null
  }

  /** Newest first. */
  list(): Import[] {
    const query = this.#tables
      .selectFrom('imports')
      .select(SHOWN)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
    return this.#database.all(query).map(viewOf)
  }

  countWaiting(by: string): number {
    const query = this.#tables
      .selectFrom('imports')
      .select((is) => is.fn.countAll<number>().as('count'))
      .where('created_by', '=', by)
      .where(WAITING)
    return this.#database.first(query)?.count ?? 0
  }

  /** Ids of those that wait for a person under a name, or with bytes that begin with a file of this digest. */
  waiting(name: string, firstFile: string): string[] {
    const waiting = this.#tables.selectFrom('imports').select('id').where(WAITING)
    const withFile = this.#tables
      .selectFrom('import_blobs')
      .select('import_id')
      .where('digest', '=', firstFile)
    const query = waiting.where(SUGGESTED_NAME, '=', name).union(waiting.where('id', 'in', withFile))
    return this.#database.all(query).map(({ id }) => id)
  }

  /** Without the candidate itself; null for an import that does not wait (any more). */
  proposal(id: string): Proposal | null {
    const extracted = sql<string>`json_extract(candidate_json, '$.digest', '$.version', '$.family')`
    const query = this.#tables
      .selectFrom('imports')
      .select(['kind', 'suggestion_json', extracted.as('extracted_json')])
      .where(WAITING)
    const row = this.#database.first(query.where('id', '=', id))
    if (!row) return null
    const suggestion = Import.shape.suggestion.parse(JSON.parse(row.suggestion_json ?? 'null'))
    const [digest, version, family] = Extracted.parse(JSON.parse(row.extracted_json))
    return suggestion && { kind: Kind.parse(row.kind), name: suggestion.name, digest, version, family }
  }

  setSuggestion(id: string, suggestion: Import['suggestion']): void {
    const change = { suggestion_json: JSON.stringify(suggestion) }
    this.#database.run(this.#tables.updateTable('imports').set(change).where('id', '=', id))
  }

  /** What a running import can be taken up from. */
  source(id: string): Resumable | null {
    const row = this.#database.first(
      this.#tables.selectFrom('imports').select('source_json').where('id', '=', id),
    )
    return row?.source_json ? ResumableSource.parse(JSON.parse(row.source_json)) : null
  }

  candidate(id: string): AnyCandidate | null {
    const row = this.#database.first(
      this.#tables.selectFrom('imports').select('candidate_json').where('id', '=', id),
    )
    return row?.candidate_json ? AnyCandidate.parse(JSON.parse(row.candidate_json)) : null
  }

  /** @returns the ids of those that are forgotten */
  forgetOldest(): string[] {
    const place = sql<number>`row_number() over (partition by created_by order by finished_at desc, id desc)`
    const ended = this.#tables
      .selectFrom('imports')
      .select(['id', place.as('place')])
      .where('finished_at', 'is not', null)
    const old = this.#database.all(
      this.#tables.selectFrom(ended.as('ended')).select('id').where('place', '>', KEPT),
    )
    for (const { id } of old) this.#database.run(this.#tables.deleteFrom('imports').where('id', '=', id))
    return old.map(({ id }) => id)
  }
}

function columnsOf(
  view: Import,
): Omit<StorageTables['imports'], 'id' | 'created_at' | 'created_by' | 'candidate_json' | 'source_json'> {
  return {
    state: view.state,
    source: view.source,
    bytes_done: view.bytesDone,
    bytes_total: view.bytesTotal,
    verdict: view.verdict,
    findings_json: JSON.stringify(view.findings),
    kind: view.kind,
    suggestion_json: view.suggestion && JSON.stringify(view.suggestion),
    dataset: view.dataset,
    model: view.model,
    version: view.version,
    known: view.known ? 1 : 0,
    error_json: view.error && JSON.stringify(view.error),
    finished_at: view.finishedAt === null ? null : Date.parse(view.finishedAt),
  }
}

function viewOf(row: ShownRow): Import {
  return {
    id: row.id,
    state: Import.shape.state.parse(row.state),
    source: row.source,
    bytesDone: row.bytes_done,
    bytesTotal: row.bytes_total,
    verdict: Import.shape.verdict.parse(row.verdict),
    findings: z.array(Finding).parse(JSON.parse(row.findings_json)),
    kind: Import.shape.kind.parse(row.kind),
    suggestion: Import.shape.suggestion.parse(row.suggestion_json && JSON.parse(row.suggestion_json)),
    dataset: row.dataset,
    model: row.model,
    version: row.version,
    known: row.known === 1,
    error: row.error_json === null ? null : ErrorBody.parse(JSON.parse(row.error_json)),
    createdAt: toIso(row.created_at),
    finishedAt: row.finished_at === null ? null : toIso(row.finished_at),
    createdBy: row.created_by,
  }
}
