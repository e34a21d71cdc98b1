import { open } from 'node:fs/promises'
import type { DatasetVersion, RowPage, ShownCell } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import { BoundedMap } from '../../platform/bounded-map'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'
import type { BlobStore } from '../blobs'
import { Rejection } from '../import/rejection'
import type { FileWorker, StoredTable } from '../import/worker'
import type { Datasets } from './datasets'
import { imageTypeOf } from './formats'
import { fromText } from './profile'
import type { RowRange } from './read'
import { LONGEST_TEXT, type RawRow, type ShownRow } from './table'

/** The process that reads tables ends after so long without work. */
const IDLE_MS = 30_000
const LARGEST_IMAGE = 8 * 1024 * 1024
/** Cells of a page, about: all of it is checked and written as JSON in one go. */
const MOST_CELLS = 5_000
/** Versions whose description is kept: with many columns or files it takes longer to read than a page of rows. */
const KEPT = 4

interface DescribedTable {
  found: DatasetVersion
  table: StoredTable
}

export interface TableReadingDeps {
  datasets: Datasets
  blobs: BlobStore
  clock: Clock
  startWorker(): FileWorker
}

/** Reads parts of stored tables in a process of its own, one after the other; the process stays warm for a while. */
export class TableReading implements Disposable {
  readonly #deps: TableReadingDeps
  readonly #stopping = new AbortController()
  /** By `name@version`: what never changes, until something is removed. */
  readonly #kept = new BoundedMap<string, DescribedTable>(KEPT)
  readonly #forget: () => void
  #worker: FileWorker | null = null
  #cancelIdle: () => void = () => undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(deps: TableReadingDeps) {
    this.#deps = deps
    this.#forget = deps.datasets.onDidChange(() => this.#kept.clear())
  }

  /** Fewer than asked for where they are large or have many columns. */
  async rows(
    name: string,
    version: number,
    { tensors, offset, limit }: RowRange & { tensors?: 'whole' | 'short' },
    reader?: AbortSignal,
  ): Promise<RowPage> {
    const { found, table } = this.#table(name, version)
    const most = Math.max(1, Math.floor(MOST_CELLS / Math.max(1, found.columns.length)))
    const range = { offset, limit: Math.min(limit, most) }
    const rows = await this.#inTurn<ShownRow[]>(
      (worker, signal) =>
        tensors === 'short' ? worker.shortRows(table, range, signal) : worker.rows(table, range, signal),
      reader,
    )
    return { offset, total: found.rows, items: typed(rows, found).map(cut) }
  }

  /** Rows with all of their texts and tensors. */
  async records(name: string, version: number, range: RowRange): Promise<{ total: number; items: RawRow[] }> {
    const { found, table } = this.#table(name, version)
    const rows = await this.#inTurn((worker, signal) => worker.rows(table, range, signal))
    return { total: found.rows, items: typed(rows, found) }
  }

  #table(name: string, version: number): DescribedTable {
    const key = `${name}@${version}`
    const kept = this.#kept.get(key)
    if (kept) return kept
    const { datasets, blobs } = this.#deps
    const found = datasets.version(name, version)
    const files = found.files.map((file) => ({ ...file, absolutePath: blobs.pathOf(file.digest) }))
    const described = { found, table: { format: found.format, files, index: datasets.index(name, version) } }
    this.#kept.set(key, described)
    return described
  }

  async image(name: string, version: number, path: string): Promise<{ mediaType: string; base64: string }> {
    const { datasets, blobs } = this.#deps
    const file = datasets.file(name, version, path)
    if (file.sizeBytes > LARGEST_IMAGE)
      throw new AppError('network.too_large', 'This image has more than 8 MiB. Download it as a file.', {
        path,
      })
    const handle = await open(blobs.pathOf(file.digest), 'r')
    try {
      const bytes = await handle.readFile()
      const mediaType = imageTypeOf(bytes.subarray(0, 16))
      if (!mediaType) throw new AppError('storage.not_found', `"${path}" is no image.`, { path })
      return { mediaType, base64: bytes.toString('base64') }
    } finally {
      await handle.close()
    }
  }

  async dispose(): Promise<void> {
    this.#stopping.abort(new AppError('system.stopping', 'LLMAgentOS is stopping.'))
    this.#cancelIdle()
    this.#forget()
    await this.#end()
  }

  /** @param reader does not get a turn once they have gone */
  #inTurn<T>(
    work: (worker: FileWorker, signal: AbortSignal) => Promise<T>,
    reader?: AbortSignal,
  ): Promise<T> {
    const { clock, startWorker } = this.#deps
    const turn = this.#queue.then(async () => {
      reader?.throwIfAborted()
      this.#cancelIdle()
      this.#worker ??= startWorker()
      try {
        return await work(this.#worker, this.#stopping.signal)
      } catch (error) {
        // A process that a table broke is of no more use.
        await this.#end()
        throw error instanceof Rejection ? new AppError('storage.unreadable', error.message) : error
      } finally {
        this.#cancelIdle = clock.setTimer(IDLE_MS, () => void this.#end())
      }
    })
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = null
    await worker?.dispose()
  }
}

/** Texts of a CSV table become what their column is found to hold. */
function typed<Shown extends ShownCell>(
  rows: Record<string, Shown>[],
  { format, columns }: DatasetVersion,
): Record<string, Shown | string | number | boolean>[] {
  if (format !== 'csv') return rows
  const texts = new Set(columns.filter(({ type }) => type === 'string').map(({ name }) => name))
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, cell]) => [
        name,
        typeof cell !== 'string' || texts.has(name) ? cell : fromText(cell),
      ]),
    ),
  )
}

function cut(row: ShownRow): ShownRow {
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, cutText(cell)]))
}

function cutText(cell: ShownCell): ShownCell {
  return typeof cell === 'string' && cell.length > LONGEST_TEXT ? `${cell.slice(0, LONGEST_TEXT)}...` : cell
}
