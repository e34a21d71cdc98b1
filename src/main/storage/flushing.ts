import type { FileHandle } from 'node:fs/promises'

/**
 * So much may wait to be written to the disk. A commit of the database must wait for it on most file systems: with a
 * gigabyte unwritten the main process was seen to stand still for 0.7 s.
 */
export const FLUSH_BYTES = 16 * 1024 * 1024
/** Of a file that ends: the ends of many would add up. */
const MOST_UNSYNCED_BYTES = 1024 * 1024

/** Writes a piece behind the `done` bytes of a file, which is synced after each {@link FLUSH_BYTES}, before anything follows. */
export async function writeFlushed(output: FileHandle, piece: Uint8Array, done: number): Promise<void> {
  for (let at = 0; at < piece.length; ) {
    const end = Math.min(piece.length, at + FLUSH_BYTES - ((done + at) % FLUSH_BYTES))
    // Goes on where the disk has taken only a part.
    await output.writeFile(piece.subarray(at, end))
    if ((done + end) % FLUSH_BYTES === 0) await output.datasync()
    at = end
  }
}

/** Before a file that was written with {@link writeFlushed} is closed. */
export async function flushEnd(output: FileHandle, sizeBytes: number): Promise<void> {
  if (sizeBytes % FLUSH_BYTES > MOST_UNSYNCED_BYTES) await output.datasync()
}

/**
 * Of a part that was written so, the bytes that are on the disk whatever happened since: what came later may be zeros after
 * a loss of power.
 */
export function syncedBytes(sizeBytes: number): number {
  return Math.max(0, Math.ceil(sizeBytes / FLUSH_BYTES) - 1) * FLUSH_BYTES
}
