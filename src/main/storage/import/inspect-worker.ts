import { createInterface } from 'node:readline'
import { AppError, type ErrorView } from '../../../shared/errors'
import { translateFileError } from '../../platform/files'
import { profileTable, readRows, readShortRows } from '../datasets/read'
import type { TableFile } from '../datasets/table'
import { namedShards } from '../hub/shards'
import { inspect } from './inspect'
import type { WorkerReply, WorkerRequest } from './protocol'
import { Rejection } from './rejection'
import { copyFile, hashFile } from './transfer'
import { MOST_TABLE_MEMORY_MIB, Watchdog } from './watchdog'

// The entry of a process of its own: reads model files that may be hostile, hashes and copies large ones, and can be
// killed at any moment. It ends with its stdin, so it never outlives the system.

const PROGRESS_MS = 100

const watchdog = new Watchdog()

function reply(message: WorkerReply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

async function handle(request: WorkerRequest): Promise<WorkerReply> {
  let told = Date.now()
  const onProgress = (bytesDone: number, bytesTotal?: number, unpackedBytes?: number) => {
    if (Date.now() - told < PROGRESS_MS) return
    told = Date.now()
    reply({ type: 'progress', bytesDone, bytesTotal, unpackedBytes })
  }
  try {
    if (request.task === 'inspect') {
      watchdog.begin()
      const scratch = { path: request.scratch, onProgress, onRead: watchdog.allow.bind(watchdog) }
      return { type: 'result', result: await inspect(request.location, scratch) }
    }
    if (request.task === 'shards') {
      watchdog.begin()
      return { type: 'result', result: await namedShards(request.path) }
    }
    if (request.task === 'copy')
      return { type: 'result', result: await copyFile(request.source, request.to, onProgress) }
    if (request.task === 'profile') {
      watchTable(request.files)
      const onRow = (bytesDone: number) => {
        watchdog.renew()
        onProgress(bytesDone)
      }
      return { type: 'result', result: await profileTable(request.format, request.files, onRow) }
    }
    if (request.task === 'rows') {
      watchTable(request.files)
      const read = request.tensors === 'short' ? readShortRows : readRows
      return { type: 'result', result: await read(request, request) }
    }
    return { type: 'result', result: await hashFile(request.path, request.seal, onProgress) }
  } catch (error) {
    return { type: 'error', error: viewOf(error) }
  } finally {
    watchdog.end()
  }
}

function watchTable(files: readonly TableFile[]): void {
  watchdog.begin(MOST_TABLE_MEMORY_MIB)
  for (const { sizeBytes } of files) watchdog.allow(sizeBytes)
}

function viewOf(error: unknown): ErrorView {
  if (error instanceof Rejection)
    return { code: error.code, message: error.message, details: { file: error.file } }
  const translated = translateFileError(error)
  if (translated instanceof AppError) return translated.toView()
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && typeof syscall === 'string') {
    const details = { code, syscall }
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return {
        code: 'storage.not_found',
        message: 'The file is not there any more. Check where it is and import it again.',
        details,
      }
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return {
        code: 'storage.unreadable',
        message: 'The file may not be read. Check its permissions and import it again.',
        details,
      }
    }
    if (code === 'ELOOP') {
      return {
        code: 'storage.unreadable',
        message: 'The file became a link while it was being read. Import it again.',
        details,
      }
    }
    return {
      code: 'storage.unreadable',
      message: `The system could not read the file (${code}). Check the disk and import it again.`,
      details,
    }
  }
  return {
    code: 'internal',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}

async function main(): Promise<void> {
  process.stdin.on('end', () => process.exit(0))
  reply({ type: 'ready' })
  for await (const line of createInterface({ input: process.stdin })) reply(await handle(JSON.parse(line)))
}

void main()
