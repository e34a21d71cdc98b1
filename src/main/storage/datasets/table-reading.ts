import { open } from 'node:fs/promises'
import type { Cell, DatasetVersion, RowPage } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'
import type { BlobStore } from '../blobs'
import { Rejection } from '../import/rejection'
import type { FileWorker } from '../import/worker'
import type { Datasets } from './datasets'
import { imageTypeOf } from './formats'
import { fromText } from './profile'
import { LONGEST_TEXT, type RawRow } from './table'

/** The process that reads tables ends after so long without work. */
const IDLE_MS = 30_000
const LARGEST_IMAGE = 8 * 1024 * 1024

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
  #worker: FileWorker | null = null
  #cancelIdle: () => void = () => undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(deps: TableReadingDeps) {
    this.#deps = deps
  }

  async rows(name: string, version: number, range: { offset: number; limit: number }): Promise<RowPage> {
    const { total, items } = await this.records(name, version, range)
    return { offset: range.offset, total, items: items.map(cut) }
  }

  /** Rows with all of their texts. */
  async records(
    name: string,
    version: number,
    range: { offset: number; limit: number },
  ): Promise<{ total: number; items: RawRow[] }> {
    const { datasets, blobs } = this.#deps
    const found = datasets.version(name, version)
    const files = found.files.map((file) => ({ ...file, absolutePath: blobs.pathOf(file.digest) }))
    const table = { format: found.format, files, index: datasets.index(name, version) }
    const rows = await this.#inTurn((worker, signal) => worker.rows(table, range, signal))
    const items = found.format === 'csv' ? rows.map((row) => typed(row, found)) : rows
    return { total: found.rows, items }
  }

  async image(name: string, version: number, path: string): Promise<{ mediaType: string; base64: string }> {
    const { datasets, blobs } = this.#deps
    const file = datasets.version(name, version).files.find((candidate) => candidate.path === path)
    if (!file)
      throw new AppError('storage.not_found', `Version ${version} of ${name} has no file "${path}".`, {
        path,
      })
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
    await this.#end()
  }

  #inTurn<T>(work: (worker: FileWorker, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, startWorker } = this.#deps
    const turn = this.#queue.then(async () => {
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

/** Texts of a table become what their column is found to hold. */
function typed(row: RawRow, { columns }: DatasetVersion): RawRow {
  const types = new Map(columns.map((column) => [column.name, column.type]))
  return Object.fromEntries(
    Object.entries(row).map(([name, cell]) => {
      const isText = types.get(name) === 'string' || typeof cell !== 'string'
      return [name, isText ? cell : fromText(cell)]
    }),
  )
}

function cut(row: RawRow): RawRow {
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, shortened(cell)]))
}

function shortened(cell: Cell): Cell {
  return typeof cell === 'string' && cell.length > LONGEST_TEXT ? `${cell.slice(0, LONGEST_TEXT)}...` : cell
}
