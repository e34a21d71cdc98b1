import type { Selectable } from 'kysely'
import { z } from 'zod'
import {
  Finding,
  type Lineage,
  ModelFormat,
  ModelVersion,
  TensorInfo,
  VersionNotes,
} from '../../shared/contract'
import type { Digest, PrincipalId } from '../../shared/domain/ids'
import { Signature } from '../../shared/domain/tensor'
import { BoundedMap } from '../platform/bounded-map'
import { toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { insertAll } from './insert-all'
import type { StorageTables } from './schema'

/** What an import has found and stored, and what becomes a version. */
export const Candidate = z.object({
  kind: z.literal('model'),
  model: z.string(),
  digest: z.string(),
  sizeBytes: z.number(),
  format: ModelFormat,
  framework: z.string(),
  signature: Signature,
  metadata: ModelVersion.shape.metadata,
  findings: z.array(Finding),
  source: z.string(),
  /** The number that was asked for; null: the next. */
  version: z.number().nullable().default(null),
  files: z.array(z.object({ path: z.string(), digest: z.string(), sizeBytes: z.number() })),
  tensors: z.array(TensorInfo).default([]),
  family: z.string().nullable().default(null),
  notes: VersionNotes.pick({ notes: true, tags: true }).nullable().default(null),
  /** In whose graph it runs, if that is here. */
  architecture: z.object({ name: z.string(), digest: z.string() }).nullable().default(null),
  /** The key that it was brought with. */
  key: z.string().nullish(),
  /** Versions it was made from, as `name@version`, and the job that made it. */
  madeFrom: z
    .object({ models: z.array(z.string()), datasets: z.array(z.string()), job: z.string().nullable() })
    .default({ models: [], datasets: [], job: null }),
})
export type Candidate = z.infer<typeof Candidate>

/** A version as it was made: it never changes, so it may be kept in memory. */
export type FixedVersion = Omit<ModelVersion, 'aliases' | 'digest' | 'lineage' | keyof VersionNotes> & {
  digest: Digest
  lineage: Pick<Lineage, 'source' | 'import' | 'job'>
}

const KEPT = 500

/** The rows of immutable versions and their files, parsed again when they are loaded. */
export class VersionRows {
  readonly #database: Database
  readonly #tables
  readonly #kept = new BoundedMap<string, FixedVersion>(KEPT)

  constructor(database: Database) {
    this.#database = database
    this.#tables = database.builder<StorageTables>()
  }

  find(model: string, version: number): FixedVersion | null {
    const key = `${model}@${version}`
    const kept = this.#kept.get(key)
    if (kept) return kept
    const row = this.#database.first(
      this.#tables
        .selectFrom('model_versions')
        .selectAll()
        .where('model', '=', model)
        .where('version', '=', version),
    )
    if (!row) return null
    const found = this.#parse(row)
    this.#kept.set(key, found)
    return found
  }

  latest(model: string): number | null {
    const query = this.#tables.selectFrom('model_versions').select('version').where('model', '=', model)
    return this.#database.first(query.orderBy('version', 'desc').limit(1))?.version ?? null
  }

  findByDigest(model: string, digest: string): number | null {
    const query = this.#tables.selectFrom('model_versions').select('version').where('model', '=', model)
    return this.#database.first(query.where('digest', '=', digest))?.version ?? null
  }

  /** Whatever models have these bytes, by name. */
  allByDigest(digest: string): { model: string; version: number }[] {
    const query = this.#tables.selectFrom('model_versions').select(['model', 'version'])
    return this.#database.all(query.where('digest', '=', digest).orderBy('model'))
  }

  /** Within the caller's transaction. */
  insert(candidate: Candidate, version: number, importId: string | null, at: number, by: PrincipalId): void {
    // Read within a transaction that is rolled back, it would stand for the next version of that number.
    this.#database.onRollback(() => this.#kept.delete(`${candidate.model}@${version}`))
    this.#database.run(
      this.#tables.insertInto('model_versions').values({
        model: candidate.model,
        version,
        digest: candidate.digest,
        size_bytes: candidate.sizeBytes,
        format: candidate.format,
        framework: candidate.framework,
        signature_json: JSON.stringify(candidate.signature),
        metadata_json: JSON.stringify(candidate.metadata),
        findings_json: JSON.stringify(candidate.findings),
        source: candidate.source,
        import_id: importId,
        job: candidate.madeFrom.job,
        tensor_count: candidate.tensors.length,
        created_at: at,
        created_by: by,
      }),
    )
    if (candidate.tensors.length > 0) {
      const tensors_json = JSON.stringify(candidate.tensors)
      this.#database.run(
        this.#tables.insertInto('model_tensors').values({ model: candidate.model, version, tensors_json }),
      )
    }
    const { model } = candidate
    insertAll(
      this.#database,
      'model_files',
      candidate.files.map(({ path, digest, sizeBytes }, position) => ({
        ...{ model, version, position, path, digest },
        size_bytes: sizeBytes,
      })),
    )
  }

  /** Within the caller's transaction; the files go with it. */
  delete(model: string, version: number): void {
    this.#database.run(
      this.#tables.deleteFrom('model_versions').where('model', '=', model).where('version', '=', version),
    )
    this.#kept.delete(`${model}@${version}`)
  }

  #parse(row: Selectable<StorageTables['model_versions']>): FixedVersion {
    const files = this.#database.all(
      this.#tables
        .selectFrom('model_files')
        .select(['path', 'digest', 'size_bytes'])
        .where('model', '=', row.model)
        .where('version', '=', row.version)
        .orderBy('position'),
    )
    return {
      model: row.model,
      version: row.version,
      digest: row.digest as Digest,
      sizeBytes: row.size_bytes,
      format: ModelFormat.parse(row.format),
      framework: row.framework,
      signature: Signature.parse(JSON.parse(row.signature_json)),
      files: files.map((file) => ({ path: file.path, digest: file.digest, sizeBytes: file.size_bytes })),
      metadata: ModelVersion.shape.metadata.parse(JSON.parse(row.metadata_json)),
      lineage: { source: row.source, import: row.import_id, job: row.job },
      tensorCount: row.tensor_count,
      findings: z.array(Finding).parse(JSON.parse(row.findings_json)),
      createdAt: toIso(row.created_at),
      createdBy: row.created_by,
    }
  }
}
