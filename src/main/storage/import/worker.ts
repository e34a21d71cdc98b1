import type { ChildProcess } from 'node:child_process'
import { z } from 'zod'
import {
  Cell,
  Column,
  DatasetFormat,
  Finding,
  ModelFormat,
  ModelVersion,
  ShownCell,
  TensorInfo,
} from '../../../shared/contract'
import { Signature } from '../../../shared/domain/tensor'
import { AppError, isErrorCode } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'
import type { Logger } from '../../platform/logger'
import { spawnWorker } from '../../platform/processes'
import type { Profile } from '../datasets/profile'
import type { RowRange } from '../datasets/read'
import type { RawRow, RowIndex, ShownRow, TableFile } from '../datasets/table'
import { Manifest } from '../export'
import type { Inspection } from './inspect'
import type { WorkerRequest } from './protocol'
import { Rejection } from './rejection'
import type { SourceFile, SourceLocation } from './source'
import type { Transferred } from './transfer'
import { MOST_MEMORY_MIB, MOST_TABLE_MEMORY_MIB } from './watchdog'

export interface StoredTable {
  format: DatasetFormat
  files: readonly TableFile[]
  index: RowIndex | null
}

/** Reads, copies and hashes files outside this process. One task at a time. After an abort it is of no more use. */
export interface FileWorker extends Disposable {
  /**
   * @param scratch where archives may be unpacked: a path that nothing is at
   * @param onProgress how far an archive is unpacked, and what has been written for it by then
   * @throws AppError; a file that crashes or exhausts the reader is a rejection, not an error
   */
  inspect(
    location: SourceLocation,
    scratch: string,
    signal: AbortSignal,
    onProgress?: (bytesDone: number, bytesTotal?: number, unpackedBytes?: number) => void,
  ): Promise<Inspection>
  copy(
    source: SourceFile,
    to: string,
    signal: AbortSignal,
    onProgress?: (bytesDone: number) => void,
  ): Promise<Transferred>
  hash(
    path: string,
    seal: boolean,
    signal: AbortSignal,
    onProgress?: (bytesDone: number) => void,
  ): Promise<Transferred>
  /** The shards that a TensorFlow.js `model.json` names; none where it breaks its reader: the import says why. */
  shards(path: string, signal: AbortSignal): Promise<string[]>
  /** What the columns of a table are like; all of it is read. @throws Rejection for what is no sound table */
  profile(
    format: DatasetFormat,
    files: readonly TableFile[],
    signal: AbortSignal,
    onProgress?: (bytesDone: number) => void,
  ): Promise<Profile>
  /** Some rows of a table: fewer at its end, and where they are large. @throws Rejection */
  rows(table: StoredTable, range: RowRange, signal: AbortSignal): Promise<RawRow[]>
  /** The same, of long tensors only the first elements. */
  shortRows(table: StoredTable, range: RowRange, signal: AbortSignal): Promise<ShownRow[]>
  /** Resolves when nothing writes any more: the process is gone, or it waits for a disk and will never run again. */
  dispose(): Promise<void>
}

const START_LIMIT_MS = 30_000
/** A disk that gives nothing for so long will not give it at all. */
const SILENCE_LIMIT_MINUTES = 5
/** A process that has been killed, but waits for a disk that does not answer, ends only when that does. */
const GONE_LIMIT_MS = 30_000
const HEAP_MEGABYTES = 192
const LONGEST_LINE = 8 * 1024 * 1024

const Transfer = z.object({
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().nonnegative(),
})
const Files = z
  .array(
    z.object({
      path: z.string(),
      absolutePath: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      stamp: z.string(),
    }),
  )
  .min(1)
const Profiled = z.object({
  rows: z.number().int().nonnegative(),
  columns: z.array(Column),
  index: z.object({ step: z.number(), offsets: z.array(z.number()) }).nullable(),
})
const Shards = z.array(z.string())
const Rows = z.array(rowOf(Cell))
const ShortRows = z.array(rowOf(ShownCell))
const Inspected = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('table'),
    format: DatasetFormat,
    findings: z.array(Finding),
    files: Files,
    folder: z.string(),
    gaveFolder: z.boolean(),
    isOurs: z.boolean().optional(),
    manifest: Manifest.optional(),
  }),
  z.object({ outcome: z.literal('rejected'), findings: z.array(Finding).min(1) }),
  z.object({
    outcome: z.literal('readable'),
    format: ModelFormat,
    framework: z.string(),
    signature: Signature,
    metadata: ModelVersion.shape.metadata,
    tensors: z.array(TensorInfo),
    findings: z.array(Finding),
    files: Files,
    folder: z.string(),
    gaveFolder: z.boolean(),
    title: z.string().nullable(),
    isOurs: z.boolean().optional(),
    manifest: Manifest.optional(),
  }),
])
const Reply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({
    type: z.literal('progress'),
    bytesDone: z.number(),
    bytesTotal: z.number().optional(),
    unpackedBytes: z.number().optional(),
  }),
  z.object({ type: z.literal('exceeded'), what: z.enum(['cpu', 'memory']) }),
  z.object({ type: z.literal('result'), result: z.unknown() }),
  z.object({
    type: z.literal('error'),
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    }),
  }),
])
type Reply = z.infer<typeof Reply>

/** Rows may have millions of cells together, so only objects are held against the schema: all else in JSON is a cell. */
function rowOf<Value>(cell: z.ZodType<Value>): z.ZodType<Record<string, Value>> {
  const isCell = (value: unknown) =>
    value === null || typeof value !== 'object' || cell.safeParse(value).success
  return z.custom<Record<string, Value>>(
    (row) =>
      typeof row === 'object' && row !== null && !Array.isArray(row) && Object.values(row).every(isCell),
    'must be a row of cells',
  )
}

/** The process ended, or said something that is no answer, before the task was done. */
class WorkerGone extends Error {
  override readonly name = 'WorkerGone'
  /** What the process took too much of; null: it crashed. */
  readonly exceeded: 'cpu' | 'memory' | null

  constructor(message: string, options?: ErrorOptions, exceeded: WorkerGone['exceeded'] = null) {
    super(message, options)
    this.exceeded = exceeded
  }
}

/** Starts the process that {@link FileWorker} speaks to. @param entry the built `inspect-worker.ts` */
export function startFileWorker(entry: string, clock: Clock, logger: Logger): FileWorker {
  const child = spawnWorker({ entry, nodeArgs: [`--max-old-space-size=${HEAP_MEGABYTES}`] })
  const lines = readLines(child)
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  const kill = () => child.kill('SIGKILL')
  let isReady = false
  let isSilent = false

  async function ask(
    request: WorkerRequest,
    signal: AbortSignal,
    onProgress?: (bytesDone: number, bytesTotal?: number, unpackedBytes?: number) => void,
  ): Promise<unknown> {
    signal.throwIfAborted()
    signal.addEventListener('abort', kill)
    let cancelTimer = isReady ? () => undefined : clock.setTimer(START_LIMIT_MS, kill)
    try {
      if (!isReady) {
        const first = await lines.next()
        if (first.type !== 'ready') throw new WorkerGone(`unexpected ${first.type}`)
        isReady = true
        cancelTimer()
      }
      const watchSilence = () => {
        cancelTimer()
        cancelTimer = clock.setTimer(SILENCE_LIMIT_MINUTES * 60_000, () => {
          isSilent = true
          kill()
        })
      }
      watchSilence()
      child.stdin?.write(`${JSON.stringify(request)}\n`)
      for (;;) {
        const reply = await lines.next()
        if (reply.type === 'progress') {
          onProgress?.(reply.bytesDone, reply.bytesTotal, reply.unpackedBytes)
          watchSilence()
        } else if (reply.type === 'exceeded') {
          throw new WorkerGone(`Parsing took too much ${reply.what}.`, {}, reply.what)
        } else if (reply.type === 'result') return reply.result
        else if (reply.type === 'error') throw toAppError(reply.error)
      }
    } catch (error) {
      signal.throwIfAborted()
      throw isSilent ? diskIsSilent() : error
    } finally {
      cancelTimer()
      signal.removeEventListener('abort', kill)
    }
  }

  /** A table that breaks its reader is refused; so is what the reader itself refuses. */
  async function readTable(
    request: WorkerRequest,
    signal: AbortSignal,
    onProgress?: (bytesDone: number) => void,
  ): Promise<unknown> {
    try {
      return await ask(request, signal, onProgress)
    } catch (error) {
      if (error instanceof AppError) {
        const file = error.details['file']
        throw new Rejection(error.code, error.message, typeof file === 'string' ? file : '')
      }
      if (!(error instanceof WorkerGone) || !isReady) throw error
      throw new Rejection('storage.unreadable', tooCostly(error.exceeded, 'table').message, '')
    }
  }

  function toAppError(error: {
    code: string
    message: string
    details?: Record<string, unknown> | undefined
  }): unknown {
    if (isErrorCode(error.code) && error.code !== 'internal')
      return new AppError(error.code, error.message, error.details)
    return new Error(`The inspecting process failed: ${error.message}`)
  }

  return {
    async inspect(location, scratch, signal, onProgress) {
      try {
        const request = { task: 'inspect' as const, location, scratch }
        return Inspected.parse(await ask(request, signal, onProgress))
      } catch (error) {
        // Before the first answer it is our process that does not start; after it, it is the file that broke it.
        if (!(error instanceof WorkerGone) || !isReady) throw error
        logger.warn({ err: error, stderr: lines.stderr() }, 'A file broke the inspecting process.')
        return { outcome: 'rejected', findings: [tooCostly(error.exceeded)] }
      }
    },
    copy: async (source, to, signal, onProgress) =>
      Transfer.parse(await ask({ task: 'copy', source, to }, signal, onProgress)),
    async shards(path, signal) {
      try {
        return Shards.parse(await ask({ task: 'shards', path }, signal))
      } catch (error) {
        if (!(error instanceof WorkerGone) || !isReady) throw error
        return []
      }
    },
    async profile(format, files, signal, onProgress) {
      const request = { task: 'profile' as const, format, files: [...files] }
      return Profiled.parse(await readTable(request, signal, onProgress))
    },
    rows: async (table, range, signal) =>
      Rows.parse(await readTable(rowsTask(table, range, 'whole'), signal)),
    shortRows: async (table, range, signal) =>
      ShortRows.parse(await readTable(rowsTask(table, range, 'short'), signal)),
    hash: async (path, seal, signal, onProgress) =>
      Transfer.parse(await ask({ task: 'hash', path, seal }, signal, onProgress)),
    async dispose() {
      kill()
      let cancelTimer: () => void = () => undefined
      const waited = new Promise<void>((resolve) => {
        cancelTimer = clock.setTimer(GONE_LIMIT_MS, resolve)
      })
      await Promise.race([gone, waited])
      cancelTimer()
    },
  }
}

function rowsTask(
  { format, files, index }: StoredTable,
  { offset, limit }: RowRange,
  tensors: 'whole' | 'short',
): WorkerRequest {
  return { task: 'rows', format, files: [...files], index, offset, limit, tensors }
}

function tooCostly(exceeded: WorkerGone['exceeded'], kind: 'model' | 'table' = 'model'): Finding {
  const mostMib = kind === 'model' ? MOST_MEMORY_MIB : MOST_TABLE_MEMORY_MIB
  const what =
    exceeded === 'memory'
      ? `more than ${mostMib} MiB of memory, which no real ${kind} needs`
      : `more ${exceeded === 'cpu' ? 'computing time' : 'time or memory'} than any real ${kind} needs`
  const message = `Reading this file took ${what}. It is damaged, or made to do harm.`
  return { severity: 'reject', code: 'storage.unreadable', message, file: '' }
}

function diskIsSilent(): AppError {
  const message = `The file could not be read within ${SILENCE_LIMIT_MINUTES} minutes. Check the disk or the network folder it lies on, or copy it here first.`
  return new AppError('storage.unreadable', message)
}

/** Replies in order; rejects with {@link WorkerGone} once the process has ended. */
function readLines(child: ChildProcess): { next(): Promise<Reply>; stderr(): string } {
  const ready: Reply[] = []
  let failure: Error | null = null
  let waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null
  let rest = ''
  let stderr = ''

  const fail = (error: Error) => {
    failure ??= error
    waiting?.reject(failure)
    waiting = null
  }
  const take = (line: string) => {
    let reply: Reply
    try {
      reply = Reply.parse(JSON.parse(line))
    } catch (error) {
      child.kill('SIGKILL')
      fail(new WorkerGone('The inspecting process gave no valid answer.', { cause: error }))
      return
    }
    if (waiting) {
      waiting.resolve(reply)
      waiting = null
    } else ready.push(reply)
  }
  child.stdout?.setEncoding('utf8')
  child.stdout?.on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > LONGEST_LINE) {
      child.kill('SIGKILL')
      fail(new WorkerGone('The inspecting process answered without end.'))
    }
    for (const line of parts) take(line)
  })
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000)
  })
  // A write to a process that has just died; its end is reported by `close`.
  child.stdin?.on('error', () => undefined)
  child.once('error', fail)
  child.once('close', (code, signal) =>
    fail(new WorkerGone(`The inspecting process ended (${signal ?? code}).`)),
  )
  return {
    next() {
      const reply = ready.shift()
      if (reply) return Promise.resolve(reply)
      if (failure) return Promise.reject(failure)
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
      })
    },
    stderr: () => stderr,
  }
}
