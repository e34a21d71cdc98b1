import { z } from 'zod'
import { type TensorInfo, VersionBenchmark, type VersionNotes } from '../../shared/contract'
import { toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import type { VersionKey } from './origins'
import type { StorageTables } from './schema'

const NOTHING: VersionNotes = { notes: '', tags: [], architecture: null }
const Tags = z.array(z.string())
const Measured = VersionBenchmark.pick({ iterations: true, latencyMs: true, throughput: true })

/** What is left out, or undefined, stays. */
export type NotesChange = { [Key in keyof VersionNotes]?: VersionNotes[Key] | undefined }

/** What is known of versions beside what they are: what people say of them, and what was measured. */
export class VersionFacts {
  readonly #database: Database
  readonly #tables

  constructor(database: Database) {
    this.#database = database
    this.#tables = database.builder<StorageTables>()
  }

  notes(model: string, version: number): VersionNotes {
    const query = this.#tables.selectFrom('version_notes').selectAll().where('model', '=', model)
    const row = this.#database.first(query.where('version', '=', version))
    if (!row) return NOTHING
    const { notes, architecture } = row
    return { notes, tags: Tags.parse(JSON.parse(row.tags_json)), architecture }
  }

  /** By version; one that nobody has said anything of is not among them. */
  tags(model: string): Map<number, string[]> {
    const query = this.#tables.selectFrom('version_notes').select(['version', 'tags_json'])
    const rows = this.#database.all(query.where('model', '=', model))
    return new Map(rows.map(({ version, tags_json }) => [version, Tags.parse(JSON.parse(tags_json))]))
  }

  /** Within the caller's transaction. */
  annotate(model: string, version: number, change: NotesChange): void {
    const before = this.notes(model, version)
    const values = {
      notes: change.notes ?? before.notes,
      tags_json: JSON.stringify([...new Set(change.tags ?? before.tags)]),
      architecture: change.architecture === undefined ? before.architecture : change.architecture,
    }
    this.#database.run(
      this.#tables
        .insertInto('version_notes')
        .values({ model, version, ...values })
        .onConflict((conflict) => conflict.columns(['model', 'version']).doUpdateSet(values)),
    )
  }

  /** Versions whose weights run in the graph of this one. */
  architectureOf(model: string, version: number): VersionKey[] {
    const query = this.#tables.selectFrom('version_notes').select(['model', 'version'])
    return this.#database
      .all(query.where('architecture', '=', `${model}@${version}`))
      .map((row) => ({ kind: 'model', name: row.model, version: row.version }))
  }

  tensors(model: string, version: number): TensorInfo[] {
    const query = this.#tables.selectFrom('model_tensors').select('tensors_json').where('model', '=', model)
    const row = this.#database.first(query.where('version', '=', version))
    // Up to 20,000, which to check anew would take a turn of the event loop each time.
    return row ? (JSON.parse(row.tensors_json) as TensorInfo[]) : []
  }

  /** Within the caller's transaction. The same job is recorded once. */
  addBenchmark(model: string, benchmark: VersionBenchmark): void {
    const { job, version, at, device, threads, ...measured } = benchmark
    const row = { job, model, version, at: Date.parse(at), device, threads }
    this.#database.run(
      this.#tables
        .insertInto('benchmarks')
        .values({ ...row, result_json: JSON.stringify(measured) })
        .onConflict((conflict) => conflict.doNothing()),
    )
  }

  /** Newest first, at most 500. */
  benchmarks(model: string): VersionBenchmark[] {
    const query = this.#tables.selectFrom('benchmarks').selectAll().where('model', '=', model)
    return this.#database.all(query.orderBy('at', 'desc').limit(500)).map((row) => ({
      job: row.job,
      version: row.version,
      at: toIso(row.at),
      device: row.device,
      threads: row.threads,
      ...Measured.parse(JSON.parse(row.result_json)),
    }))
  }
}
