import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, openSync, readSync } from 'node:fs'
import { open, rename, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../../shared/errors'
import { codeOf } from './error-code'

/** Makes the rename or creation of a directory's entries durable. Windows has no such call and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Fills `bytes` from a place of a file: some file systems read less than they are asked for. @returns how many came before its end */
export function readAt(descriptor: number, bytes: Uint8Array, position: number): number {
  let done = 0
  while (done < bytes.length) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Makes sure that the file is there and that nobody else may read it, whatever the folder around it allows. */
export function ensurePrivateFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}

/** Writes a small file so that after a crash it is there whole, or not at all. */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  // Two writers of one file must not meet in one temporary file.
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'w', mode)
    try {
      await handle.writeFile(data)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    await syncDirectory(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw translateFileError(error)
  }
}

/** Free and total bytes of the disk that holds `path`. */
export async function diskSpace(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const stats = await statfs(path)
  return { freeBytes: stats.bavail * stats.bsize, totalBytes: stats.blocks * stats.bsize }
}

/** A full disk or an exceeded quota becomes `storage.disk_full`; anything else stays what it is. */
export function translateFileError(error: unknown): unknown {
  const code = codeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError(
      'storage.disk_full',
      'The disk is full. Free some space and try again; nothing was changed.',
      {},
      { cause: error },
    )
  }
  return error
}
