import type { Selectable } from 'kysely'
import { z } from 'zod'
import {
  Column,
  DatasetFormat,
  type DatasetSummary,
  type DatasetVersion,
  Finding,
  type LineageGraph,
  type ModelFile,
} from '../../../shared/contract'
import type { PrincipalId } from '../../../shared/domain/ids'
import { parseModelReference } from '../../../shared/domain/references'
import { AppError } from '../../../shared/errors'
import { type Clock, toIso } from '../../platform/clock'
import type { Database } from '../../platform/database'
import { Emitter } from '../../platform/events'
import { insertAll } from '../insert-all'
import { newNumber } from '../numbering'
import { few, type Origins, referenceTo, type Sees, type VersionKey } from '../origins'
import type { StorageTables } from '../schema'
import type { RowIndex } from './table'

/** What an import has found and stored, and what becomes a version of a data set. */
export const DatasetCandidate = z.object({
  kind: z.literal('dataset'),
  name: z.string(),
  digest: z.string(),
  sizeBytes: z.number(),
  format: DatasetFormat,
  rows: z.number(),
  columns: z.array(Column),
  index: z.object({ step: z.number(), offsets: z.array(z.number()) }).nullable(),
  findings: z.array(Finding),
  source: z.string(),
  /** The number that was asked for; null: the next. */
  version: z.number().nullable().default(null),
  files: z.array(z.object({ path: z.string(), digest: z.string(), sizeBytes: z.number() })),
  madeFrom: z.object({
    models: z.array(z.string()),
    datasets: z.array(z.string()),
    job: z.string().nullable(),
  }),
})
export type DatasetCandidate = z.infer<typeof DatasetCandidate>

export interface DatasetsDeps {
  database: Database
  clock: Clock
  origins: Origins
  /** Where a version of a model came from. */
  describeModel(key: VersionKey): { job: string | null; source: string | null }
}

/** Data sets and their immutable versions. */
export class Datasets {
  readonly #database: Database
  readonly #clock: Clock
  readonly #origins: Origins
  readonly #describeModel: DatasetsDeps['describeModel']
  readonly #tables
  readonly #changed = new Emitter<{ changed: DatasetSummary[]; removed: string[] }>()
  readonly onDidChange = this.#changed.event

  constructor({ database, clock, origins, describeModel }: DatasetsDeps) {
    this.#database = database
    this.#clock = clock
    this.#origins = origins
    this.#describeModel = describeModel
    this.#tables = database.builder<StorageTables>()
  }

  /** By name. */
  list(): DatasetSummary[] {
    return this.#summaries(null)
  }

  get(name: string): DatasetSummary {
    const [summary] = this.#summaries(name)
    if (summary) return summary
    const message = `There is no data set named "${name}". Import it first, or check the name.`
    throw new AppError('storage.not_found', message, { dataset: name })
  }

  version(name: string, version: number): DatasetVersion {
    const row = this.#row(name, version)
    return {
      dataset: name,
      version,
      digest: row.digest,
      sizeBytes: row.size_bytes,
      format: DatasetFormat.parse(row.format),
      rows: row.rows,
      columns: z.array(Column).parse(JSON.parse(row.columns_json)),
      files: this.#files(name, version),
      lineage: {
        source: row.source,
        import: row.import_id,
        job: row.job,
        ...this.#origins.of({ kind: 'dataset', name, version }),
      },
      findings: z.array(Finding).parse(JSON.parse(row.findings_json)),
      createdAt: toIso(row.created_at),
      createdBy: row.created_by,
    }
  }

  /** One file of a version, found without the others. @throws AppError `storage.not_found` */
  file(name: string, version: number, path: string): ModelFile {
    const query = this.#tables.selectFrom('dataset_files').selectAll().where('dataset', '=', name)
    const row = this.#database.first(query.where('version', '=', version).where('path', '=', path))
    if (row) return fileOf(row)
    this.#row(name, version)
    throw new AppError('storage.not_found', `Version ${version} of ${name} has no file "${path}".`, { path })
  }

  index(name: string, version: number): RowIndex | null {
    const { index_json } = this.#row(name, version)
    return index_json === null ? null : DatasetCandidate.shape.index.parse(JSON.parse(index_json))
  }

  /** @param reference `name@version`, or `name@latest` @throws AppError `storage.not_found` */
  resolve(reference: string): { name: string; version: number } {
    const parsed = parseModelReference(reference)
    if (parsed && 'version' in parsed) {
      this.#row(parsed.name, parsed.version)
      return { name: parsed.name, version: parsed.version }
    }
    if (parsed?.alias === 'latest') return { name: parsed.name, version: this.get(parsed.name).latest }
    const message = `"${reference}" names no version of a data set. Write NAME@VERSION, for example digits@1.`
    throw new AppError('storage.not_found', message, { reference })
  }

  /** The number that these bytes have, or would get, as a version of a data set. */
  numberFor(name: string, digest: string, wanted: number | null): number {
    return this.#known(name, digest) ?? Math.max(this.#next(name), wanted ?? 0)
  }

  /** Whether there is, or was, a data set of that name: its numbers go on. */
  isTaken(name: string): boolean {
    return this.#next(name) > 1
  }

  /** @throws AppError `storage.conflict` for a number that no new version can get */
  assertNumber(name: string, wanted: number | null): void {
    newNumber(name, this.#next(name), wanted)
  }

  /**
   * Within the caller's transaction. The same bytes are the same version, whatever number was asked for: `known`. Tell with
   * {@link announce}. @throws AppError `storage.conflict`
   */
  add(
    candidate: DatasetCandidate,
    importId: string | null,
    by: PrincipalId,
  ): { version: number; known: boolean } {
    const { name } = candidate
    const present = this.#known(name, candidate.digest)
    if (present !== null) return { version: present, known: true }
    const now = this.#clock.now()
    const version = newNumber(name, this.#next(name), candidate.version)
    const next = { next_version: version + 1, updated_at: now }
    this.#database.run(
      this.#tables
        .insertInto('datasets')
        .values({ name, created_at: now, ...next })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(next)),
    )
    this.#database.run(
      this.#tables.insertInto('dataset_versions').values({
        dataset: name,
        version,
        digest: candidate.digest,
        size_bytes: candidate.sizeBytes,
        format: candidate.format,
        rows: candidate.rows,
        columns_json: JSON.stringify(candidate.columns),
        index_json: candidate.index && JSON.stringify(candidate.index),
        findings_json: JSON.stringify(candidate.findings),
        source: candidate.source,
        import_id: importId,
        job: candidate.madeFrom.job,
        created_at: now,
        created_by: by,
      }),
    )
    insertAll(
      this.#database,
      'dataset_files',
      candidate.files.map(({ path, digest, sizeBytes }, position) => ({
        ...{ dataset: name, version, position, path, digest },
        size_bytes: sizeBytes,
      })),
    )
    this.#origins.add({ kind: 'dataset', name, version }, candidate.madeFrom)
    return { version, known: false }
  }

  /** Tells the listeners how a data set looks now; after the commit. */
  announce(name: string): void {
    const [summary] = this.#summaries(name)
    this.#changed.fire(summary ? { changed: [summary], removed: [] } : { changed: [], removed: [name] })
  }

  /** @param sees what the refusal may name @throws AppError `storage.in_use` naming what was made from it */
  remove(name: string, version: number, sees: Sees): void {
    this.#database.transaction(() => {
      this.#row(name, version)
      const key = { kind: 'dataset' as const, name, version }
      const made = this.#origins.madeFrom(key)
      if (made.length > 0) {
        const seesKey = (other: VersionKey) => sees(other.kind, other.name)
        const message = `Version ${version} of ${name} cannot be removed: ${few(made, seesKey, referenceTo)} came from it.`
        throw new AppError('storage.in_use', message, { madeFrom: made.filter(seesKey).map(referenceTo) })
      }
      this.#database.run(
        this.#tables
          .deleteFrom('dataset_versions')
          .where('dataset', '=', name)
          .where('version', '=', version),
      )
      this.#origins.remove(key)
    })
    this.announce(name)
  }

  lineage(name: string, sees: Sees): LineageGraph {
    const keys = this.get(name).versions.map((version) => ({ kind: 'dataset' as const, name, version }))
    const originOf = (key: VersionKey) =>
      key.kind === 'model' ? this.#describeModel(key) : this.describe(key)
    return this.#origins.graph(keys, originOf, sees)
  }

  /** Where a version came from; nothing for one that is no more. */
  describe({ name, version }: VersionKey): { job: string | null; source: string | null } {
    const row = this.#find(name, version)
    return { job: row?.job ?? null, source: row?.source || null }
  }

  #summaries(name: string | null): DatasetSummary[] {
    const rows = this.#database.all(
      this.#tables
        .selectFrom('dataset_versions as v')
        .innerJoin('datasets as d', 'd.name', 'v.dataset')
        .select(['v.dataset', 'v.version', 'v.format', 'v.size_bytes', 'v.rows', 'd.updated_at'])
        .$if(name !== null, (query) => query.where('v.dataset', '=', name ?? ''))
        .orderBy('v.dataset')
        .orderBy('v.version', 'desc'),
    )
    const summaries = new Map<string, DatasetSummary>()
    for (const row of rows) {
      const present = summaries.get(row.dataset)
      if (present) present.versions.push(row.version)
      else {
        summaries.set(row.dataset, {
          id: row.dataset,
          name: row.dataset,
          latest: row.version,
          format: DatasetFormat.parse(row.format),
          sizeBytes: row.size_bytes,
          rows: row.rows,
          versions: [row.version],
          updatedAt: toIso(row.updated_at),
        })
      }
    }
    return [...summaries.values()]
  }

  #find(name: string, version: number): Selectable<StorageTables['dataset_versions']> | undefined {
    const query = this.#tables.selectFrom('dataset_versions').selectAll().where('dataset', '=', name)
    return this.#database.first(query.where('version', '=', version))
  }

  #row(name: string, version: number): Selectable<StorageTables['dataset_versions']> {
    const row = this.#find(name, version)
    if (row) return row
    const { versions } = this.get(name)
    const message = `${name} has no version ${version}. It has ${versions.length === 1 ? 'version' : 'versions'} ${versions.join(', ')}.`
    throw new AppError('storage.not_found', message, { dataset: name, version, versions })
  }

  #files(name: string, version: number): DatasetVersion['files'] {
    const query = this.#tables.selectFrom('dataset_files').selectAll().where('dataset', '=', name)
    return this.#database.all(query.where('version', '=', version).orderBy('position')).map(fileOf)
  }

  #known(name: string, digest: string): number | null {
    const query = this.#tables.selectFrom('dataset_versions').select('version').where('dataset', '=', name)
    return this.#database.first(query.where('digest', '=', digest))?.version ?? null
  }

  #next(name: string): number {
    const query = this.#tables.selectFrom('datasets').select('next_version').where('name', '=', name)
    return this.#database.first(query)?.next_version ?? 1
  }
}

function fileOf({ path, digest, size_bytes }: Selectable<StorageTables['dataset_files']>): ModelFile {
  return { path, digest, sizeBytes: size_bytes }
}
