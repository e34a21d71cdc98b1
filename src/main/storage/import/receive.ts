import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { AppError } from '../../../shared/errors'
import { translateFileError } from '../../platform/files'
import { flushEnd, writeFlushed } from '../flushing'
import { quoted, Rejection } from './rejection'
import { assertSafePath } from './source'

const MOST_FILES = 10_000

export interface ReceivedFile {
  /** As uploaded, checked: it never becomes a path of the disk. */
  path: string
  absolutePath: string
}

/**
 * Writes uploaded streams into `folder` under plain numbers. Nothing is hashed here: that happens beside the main
 * process, when the file is taken in.
 * @throws Rejection for a path that leaves the folder, AppError `storage.disk_full`, `storage.incomplete`
 */
export async function receive(
  files: AsyncIterable<{ path: string; content: Readable }>,
  folder: string,
  signal: AbortSignal,
  hooks: { onFile(path: string): void; onProgress(bytesDone: number): Promise<void> | undefined },
): Promise<ReceivedFile[]> {
  await mkdir(folder, { mode: 0o700 })
  const received: ReceivedFile[] = []
  const paths = new Set<string>()
  let bytesDone = 0
  for await (const { path, content } of untilAborted(files, signal)) {
    try {
      assertSafePath(path, path)
      if (paths.has(path))
        throw new Rejection('storage.unsafe', `The upload names ${quoted(path)} twice.`, path)
      if (paths.size >= MOST_FILES)
        throw new Rejection('storage.unsafe', `The upload has more than ${MOST_FILES} files.`, path)
      paths.add(path)
      hooks.onFile(path)
      const absolutePath = join(folder, String(received.length))
      await writeStream(content, absolutePath, signal, (count) => {
        bytesDone += count
        return hooks.onProgress(bytesDone)
      })
      received.push({ path, absolutePath })
    } catch (error) {
      content.on('error', () => undefined)
      content.resume()
      throw error
    }
  }
  if (received.length === 0)
    throw new Rejection(
      'storage.incomplete',
      'The upload holds no file. Choose a model file and try again.',
      '',
    )
  return received
}

async function writeStream(
  content: Readable,
  path: string,
  signal: AbortSignal,
  onBytes: (count: number) => Promise<void> | undefined,
): Promise<void> {
  const handle = await open(path, 'wx', 0o600)
  try {
    // A stream that was broken off before anybody read it has no error left to tell.
    if (content.destroyed && !content.readableEnded) throw brokenOff(content.errored)
    addAbortSignal(signal, content)
    let done = 0
    for await (const chunk of content) {
      const bytes: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      await writeFlushed(handle, bytes, done)
      done += bytes.length
      await onBytes(bytes.length)
    }
    await flushEnd(handle, done)
  } catch (error) {
    signal.throwIfAborted()
    const translated = translateFileError(error)
    throw translated instanceof AppError || isFileError(translated) ? translated : brokenOff(error)
  } finally {
    await handle.close()
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'write'
}

function brokenOff(cause: unknown): AppError {
  return new AppError(
    'storage.incomplete',
    'The upload was broken off before all bytes had come. Send it again.',
    {},
    { cause },
  )
}

/** The same items, but an abort ends the wait for the next one; the source is told by its `return`. */
async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  aborted.catch(() => undefined)
  try {
    for (;;) {
      signal.throwIfAborted()
      const next = await Promise.race([iterator.next(), aborted])
      if (next.done) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // A generator that is still waiting for its next item answers only after it: do not wait with it.
    void iterator.return?.().catch(() => undefined)
  }
}
