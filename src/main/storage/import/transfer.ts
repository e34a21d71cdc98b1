import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { assertUnchanged, changedWhileRead, openUnchanged, type SourceFile } from './source'

/** Measured: larger pieces gain nothing, and one hashes in about a millisecond. */
const PIECE_BYTES = 1024 * 1024

/**
 * So much may wait to be written to the disk. A commit of the database must wait for it on most file systems: with a
 * gigabyte unwritten the main process was seen to stand still for 0.7 s.
 */
const FLUSH_BYTES = 16 * 1024 * 1024

export interface Transferred {
  digest: string
  sizeBytes: number
}

/**
 * Copies a file that must not change meanwhile, hashing what it writes. The copy is read-only and synced when this
 * resolves; when it fails nothing is left at `to`. Synchronous reads and writes, so for a process of its own: between
 * pieces it yields, so that the process hears when its parent has died.
 * @throws AppError `storage.unreadable` when the source changed; system errors, such as ENOSPC
 */
export async function copyFile(
  source: Pick<SourceFile, 'path' | 'absolutePath' | 'stamp' | 'sizeBytes'>,
  to: string,
  onProgress: (bytesDone: number) => void,
): Promise<Transferred> {
  const input = openUnchanged(source)
  try {
    const output = openSync(to, 'wx', 0o600)
    let isWhole = false
    try {
      let unwritten = 0
      const result = await digestOf(input, source.sizeBytes, onProgress, (piece) => {
        writeAll(output, piece)
        unwritten += piece.length
        if (unwritten < FLUSH_BYTES) return
        fdatasyncSync(output)
        unwritten = 0
      })
      assertUnchanged(input, source)
      if (result.sizeBytes !== source.sizeBytes) throw changedWhileRead(source.path)
      fchmodSync(output, 0o444)
      fsyncSync(output)
      isWhole = true
      return result
    } finally {
      closeSync(output)
      if (!isWhole) rmSync(to, { force: true })
    }
  } finally {
    closeSync(input)
  }
}

/** Hashes a file of our own. `seal` makes it read-only and durable first. */
export async function hashFile(
  path: string,
  seal: boolean,
  onProgress: (bytesDone: number) => void,
): Promise<Transferred> {
  // Windows syncs only what is open for writing.
  const descriptor = openSync(path, seal ? constants.O_RDWR : constants.O_RDONLY)
  try {
    if (seal) {
      fchmodSync(descriptor, 0o444)
      fsyncSync(descriptor)
    }
    return await digestOf(descriptor, Number.POSITIVE_INFINITY, onProgress, () => undefined)
  } finally {
    closeSync(descriptor)
  }
}

/** Reads to the end, or to one piece past `limit`: what grows while it is read must not be read for ever. */
async function digestOf(
  input: number,
  limit: number,
  onProgress: (bytesDone: number) => void,
  use: (piece: Buffer) => void,
): Promise<Transferred> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES)
  const hash = createHash('sha256')
  let sizeBytes = 0
  while (sizeBytes <= limit) {
    const count = readSync(input, buffer, 0, PIECE_BYTES, null)
    if (count === 0) break
    const piece = count === PIECE_BYTES ? buffer : buffer.subarray(0, count)
    hash.update(piece)
    use(piece)
    sizeBytes += count
    onProgress(sizeBytes)
    await nextTurn()
  }
  return { digest: hash.digest('hex'), sizeBytes }
}

function writeAll(output: number, piece: Buffer): void {
  let done = 0
  while (done < piece.length) done += writeSync(output, piece, done, piece.length - done)
}
