import { createHash, type Hash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readAt } from '../../platform/files'
import { FLUSH_BYTES, syncedBytes } from '../flushing'
import { assertUnchanged, changedWhileRead, openUnchanged, type SourceFile } from './source'

/** Measured: larger pieces gain nothing, and one hashes in about a millisecond. */
const PIECE_BYTES = 1024 * 1024

export interface Transferred {
  digest: string
  sizeBytes: number
}

/**
 * Copies a file that must not change meanwhile, hashing what it writes; what an earlier try has left at `to`, of the same
 * file in the same state, is kept as far as it was synced. The copy is read-only and synced when this resolves; when it fails
 * its part stays. Synchronous reads and writes, so for a process of its own: between pieces it yields, so that the process
 * hears when its parent has died.
 * @throws AppError `storage.unreadable` when the source changed; system errors, such as ENOSPC
 */
export async function copyFile(
  source: Pick<SourceFile, 'path' | 'absolutePath' | 'stamp' | 'sizeBytes'>,
  to: string,
  onProgress: (bytesDone: number) => void,
): Promise<Transferred> {
  const input = openUnchanged(source)
  try {
    const output = openPart(to)
    try {
      const hash = createHash('sha256')
      // The digest is made of what is read here, so it would not tell of bytes that are lost.
      const kept = await read(output, 0, syncedBytes(fstatSync(output).size), hash, onProgress)
      ftruncateSync(output, kept)
      // What grows while it is read is seen to, and not read for ever.
      const sizeBytes = await read(input, kept, source.sizeBytes + 1, hash, onProgress, (piece, end) => {
        writeAll(output, piece, end - piece.length)
        if (end % FLUSH_BYTES === 0) fdatasyncSync(output)
      })
      assertUnchanged(input, source)
      if (sizeBytes !== source.sizeBytes) throw changedWhileRead(source.path)
      fchmodSync(output, 0o444)
      fsyncSync(output)
      return { digest: hash.digest('hex'), sizeBytes }
    } finally {
      closeSync(output)
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
  // It may be sealed by an earlier try. Windows syncs only what is open for writing.
  if (seal) chmodSync(path, 0o600)
  const descriptor = openSync(path, seal ? constants.O_RDWR : constants.O_RDONLY)
  try {
    if (seal) {
      fchmodSync(descriptor, 0o444)
      fsyncSync(descriptor)
    }
    const hash = createHash('sha256')
    const sizeBytes = await read(descriptor, 0, Number.POSITIVE_INFINITY, hash, onProgress)
    return { digest: hash.digest('hex'), sizeBytes }
  } finally {
    closeSync(descriptor)
  }
}

function openPart(path: string): number {
  // A whole one is read-only already.
  if (existsSync(path)) chmodSync(path, 0o600)
  return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
}

/**
 * Hashes from `start` by whole pieces until `limit` is reached, or the end.
 * @param use gets each piece, and where it ends @returns where the reading ended
 */
async function read(
  descriptor: number,
  start: number,
  limit: number,
  hash: Hash,
  onProgress: (bytesDone: number) => void,
  use: (piece: Buffer, end: number) => void = () => undefined,
): Promise<number> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES)
  let end = start
  while (end < limit) {
    const piece = buffer.subarray(0, readAt(descriptor, buffer, end))
    if (piece.length === 0) break
    end += piece.length
    hash.update(piece)
    use(piece, end)
    onProgress(end)
    await nextTurn()
  }
  return end
}

function writeAll(output: number, piece: Buffer, at: number): void {
  let done = 0
  while (done < piece.length) done += writeSync(output, piece, done, piece.length - done, at + done)
}
