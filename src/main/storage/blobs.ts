import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Digest } from '../../shared/domain/ids'
import { codeOf } from '../platform/error-code'
import { syncDirectory, translateFileError } from '../platform/files'
import type { Logger } from '../platform/logger'
import { clear, MOST_RETRIES } from './clear'
import { writeFlushed } from './flushing'

/** Between an owner and the key of its part. */
const OF = '~'
/** Small enough that hashing so many bytes stays far below a turn of 16 ms. */
const TURN_BYTES = 1024 * 1024

export function isDigest(text: string): text is Digest {
  return /^[0-9a-f]{64}$/.test(text)
}

/**
 * Content-addressed files: `<folder>/ab/<sha-256>`, each stored once, read-only. A file comes in under a temporary name
 * on the same disk and is renamed when it is whole and synced, so a blob that is there is complete.
 *
 * Who needs a digest that no row names yet holds a pin on it; {@link remove} and {@link adopt} of one digest exclude
 * each other. So the order "pin, adopt, write the row, release" never loses bytes to a collection.
 */
export class BlobStore {
  readonly #folder: string
  readonly #logger: Logger
  readonly #incoming: string
  readonly #pins = new Map<string, number>()
  readonly #busy = new Map<string, Promise<unknown>>()
  readonly #temporary = new Set<string>()
  /** Whose parts are not to be removed. */
  readonly #owners = new Set<string>()
  readonly #madeFolders = new Set<string>()
  #serial = 0
  #changes = 0
  #counted: { changes: number; blobs: number; blobBytes: number } | null = null

  constructor(folder: string, logger: Logger) {
    this.#folder = folder
    this.#logger = logger
    this.#incoming = join(folder, 'incoming')
  }

  /**
   * Makes the folders and removes temporary files of an earlier process.
   * @param owners who will go on with the parts they have there, and calls {@link parts}
   */
  async open(owners: readonly string[] = []): Promise<void> {
    for (const owner of owners) this.#owners.add(owner)
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 })
    // A blob is no safer than the folder that holds it.
    await syncDirectory(dirname(this.#folder))
    await this.removeStaleTemporaries()
  }

  pathOf(digest: string): string {
    return join(this.#folder, digest.slice(0, 2), digest)
  }

  /** A new name on the blobs' disk. `discard` removes what lies there, and is to be called in any case. */
  async temporary(): Promise<{ path: string; discard(): Promise<void> }> {
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 })
    const path = join(this.#incoming, `${process.pid}-${++this.#serial}`)
    this.#temporary.add(path)
    return {
      path,
      discard: async () => {
        await clear(path, this.#logger)
        this.#temporary.delete(path)
      },
    }
  }

  /**
   * Unfinished files on the blobs' disk that outlive this process: under the same keys their owner finds them again.
   * `bytes` is what they take now; `discard` removes them, and is to be called when nobody will go on with them.
   */
  parts(owner: string): { pathOf(key: string): string; bytes(): Promise<number>; discard(): Promise<void> } {
    this.#owners.add(owner)
    const paths = async () =>
      (await namesIn(this.#incoming))
        .filter((name) => name.startsWith(owner + OF))
        .map((name) => join(this.#incoming, name))
    return {
      pathOf: (key) => join(this.#incoming, `${owner}${OF}${key}`),
      bytes: async () => {
        let bytes = 0
        for (const path of await paths()) bytes += (await sizeOf(path)) ?? 0
        return bytes
      },
      discard: async () => {
        this.#owners.delete(owner)
        for (const path of await paths()) await clear(path, this.#logger)
      },
    }
  }

  /** Keeps a digest from collection until the returned function is called. */
  pin(digest: string): () => void {
    this.#pins.set(digest, (this.#pins.get(digest) ?? 0) + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      const left = (this.#pins.get(digest) ?? 1) - 1
      if (left === 0) this.#pins.delete(digest)
      else this.#pins.set(digest, left)
    }
  }

  /**
   * Makes a whole, synced, read-only temporary file the blob of its digest, also where one is there already: what lies on
   * a disk may have been damaged since, and these bytes are good. The caller holds a pin.
   */
  adopt(temporary: string, digest: Digest, sizeBytes: number): Promise<void> {
    return this.#exclusive(digest, async () => {
      const path = this.pathOf(digest)
      // Windows replaces no file that is read-only, or open.
      if (process.platform === 'win32') {
        if (await this.#isWhole(digest, sizeBytes)) return rm(temporary, { force: true })
        await removeFile(path)
      }
      await this.#makeFolder(join(this.#folder, digest.slice(0, 2)))
      await rename(temporary, path)
      await syncDirectory(join(this.#folder, digest.slice(0, 2)))
      this.#changes++
    })
  }

  /** Stores bytes from memory; durable and pinned when it resolves. @throws AppError `storage.disk_full` */
  async put(pieces: readonly Uint8Array[]): Promise<{ digest: Digest; release: () => void }> {
    const digest = await digestOf(pieces)
    const sizeBytes = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const release = this.pin(digest)
    const temporary = await this.temporary()
    try {
      if (!(await this.#exclusive(digest, () => this.#isWhole(digest, sizeBytes)))) {
        const handle = await open(temporary.path, 'wx', 0o444)
        try {
          let done = 0
          for (const piece of pieces) {
            await writeFlushed(handle, piece, done)
            done += piece.byteLength
          }
          await handle.sync()
        } finally {
          await handle.close()
        }
        await this.adopt(temporary.path, digest, sizeBytes)
      }
      return { digest, release }
    } catch (error) {
      release()
      throw translateFileError(error)
    } finally {
      await temporary.discard()
    }
  }

  /** Removes a blob unless it is pinned or named. @returns its bytes; null when it stayed or was not there */
  remove(digest: string, isNamed: (digest: string) => boolean): Promise<number | null> {
    return this.#exclusive(digest, async () => {
      const path = this.pathOf(digest)
      try {
        const sizeBytes = await sizeOf(path)
        if (sizeBytes === null || this.#pins.has(digest) || isNamed(digest)) return null
        await removeFile(path)
        this.#changes++
        return sizeBytes
      } catch (error) {
        this.#logger.warn({ err: error, path }, 'A blob that nothing needs could not be removed.')
        return null
      }
    })
  }

  /** Every blob on the disk; anything else that lies in the folders is passed over. */
  async *list(): AsyncGenerator<{ digest: Digest; sizeBytes: number }> {
    for (const folder of await namesIn(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue
      for (const name of (await this.#try(join(this.#folder, folder), namesIn)) ?? []) {
        if (!isDigest(name) || !name.startsWith(folder)) continue
        const sizeBytes = await this.#try(this.pathOf(name), sizeOf)
        if (sizeBytes !== null) yield { digest: name, sizeBytes }
      }
    }
  }

  /** What lies on the disk; counted again only when it has changed. */
  async count(): Promise<{ blobs: number; blobBytes: number }> {
    if (this.#counted?.changes !== this.#changes) {
      const counted = { changes: this.#changes, blobs: 0, blobBytes: 0 }
      for await (const { sizeBytes } of this.list()) {
        counted.blobs++
        counted.blobBytes += sizeBytes
      }
      this.#counted = counted
    }
    const { blobs, blobBytes } = this.#counted
    return { blobs, blobBytes }
  }

  /** Whether it is there, after any removal that has begun: what a caller with a pin sees here stays. */
  has(digest: string): Promise<boolean> {
    return this.#exclusive(digest, async () => (await sizeOf(this.pathOf(digest))) !== null)
  }

  /** The next {@link put} or {@link adopt} of this digest replaces the file: one that can be written to is not whole. */
  async markDamaged(digest: Digest): Promise<void> {
    await this.#exclusive(digest, () => this.#try(this.pathOf(digest), (path) => chmod(path, 0o600)))
  }

  /** Removes temporary files that no one here is writing. */
  async removeStaleTemporaries(): Promise<number> {
    let freedBytes = 0
    for (const name of await namesIn(this.#incoming)) {
      const path = join(this.#incoming, name)
      if (this.#temporary.has(path) || this.#owners.has(name.split(OF)[0] ?? '')) continue
      const stats = await lstat(path).catch(() => null)
      if ((await clear(path, this.#logger)) && stats?.isFile()) freedBytes += stats.size
    }
    return freedBytes
  }

  async #try<T>(path: string, work: (path: string) => Promise<T>): Promise<T | null> {
    try {
      return await work(path)
    } catch (error) {
      this.#logger.warn({ err: error, path }, 'A part of the store cannot be reached; it is passed over.')
      return null
    }
  }

  /** Meaningful only within {@link #exclusive}: outside, a collection may be removing what was seen. */
  async #isWhole(digest: string, sizeBytes: number): Promise<boolean> {
    const stats = await statOf(this.pathOf(digest))
    return stats?.isFile() === true && stats.size === sizeBytes && (stats.mode & 0o222) === 0
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#madeFolders.has(path)) return
    await mkdir(path, { recursive: true, mode: 0o700 })
    await syncDirectory(this.#folder)
    this.#madeFolders.add(path)
  }

  async #exclusive<T>(digest: string, work: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(digest)
    const turn = (before ?? Promise.resolve()).then(work, work)
    this.#busy.set(digest, turn)
    try {
      return await turn
    } finally {
      if (this.#busy.get(digest) === turn) this.#busy.delete(digest)
    }
  }
}

async function digestOf(pieces: readonly Uint8Array[]): Promise<Digest> {
  const hash = createHash('sha256')
  let hashed = 0
  for (const piece of pieces) {
    for (let start = 0; start < piece.byteLength; start += TURN_BYTES) {
      const part = piece.subarray(start, start + TURN_BYTES)
      if (hashed + part.byteLength > TURN_BYTES) {
        await nextTurn()
        hashed = 0
      }
      hash.update(part)
      hashed += part.byteLength
    }
  }
  return hash.digest('hex') as Digest
}

/** Bytes of a regular file; null when there is none. */
async function sizeOf(path: string): Promise<number | null> {
  const stats = await statOf(path)
  return stats?.isFile() ? stats.size : null
}

async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

export async function removeFile(path: string): Promise<void> {
  const stats = process.platform === 'win32' ? await statOf(path) : null
  // Windows refuses to delete a read-only file.
  if (stats?.isFile()) await chmod(path, 0o600)
  try {
    await rm(path, { recursive: true, force: true, maxRetries: MOST_RETRIES })
  } catch (error) {
    // A blob that stays is as whole as before, and one that can be written to is taken for damaged.
    if (stats?.isFile()) await chmod(path, stats.mode).catch(() => undefined)
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
