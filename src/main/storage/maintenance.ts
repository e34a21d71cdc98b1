import { AppError } from '../../shared/errors'
import type { Database } from '../platform/database'
import type { BlobStore } from './blobs'
import type { FileWorker } from './import/worker'
import type { StorageTables } from './schema'
import type { TaskContext } from './tasks'

/** Which blobs the rows name: those of versions, of artifacts, and of imports that wait. */
export class NamedBlobs {
  readonly #database: Database
  readonly #tables

  constructor(database: Database) {
    this.#database = database
    this.#tables = database.builder<StorageTables>()
  }

  has(digest: string): boolean {
    const query = this.#tables
      .selectFrom('artifacts')
      .select('digest')
      .where('digest', '=', digest)
      .unionAll(this.#tables.selectFrom('model_files').select('digest').where('digest', '=', digest))
      .unionAll(this.#tables.selectFrom('dataset_files').select('digest').where('digest', '=', digest))
      .unionAll(this.#tables.selectFrom('import_blobs').select('digest').where('digest', '=', digest))
      .limit(1)
    return this.#database.first(query) !== undefined
  }

  all(): Set<string> {
    const query = this.#tables
      .selectFrom('artifacts')
      .select('digest')
      .where('digest', 'is not', null)
      .union(this.#tables.selectFrom('model_files').select('digest'))
      .union(this.#tables.selectFrom('dataset_files').select('digest'))
      .union(this.#tables.selectFrom('import_blobs').select('digest'))
    return new Set(this.#database.all(query).flatMap((row) => row.digest ?? []))
  }
}

/**
 * Frees what nothing names and no one is about to name, and temporary files nobody writes.
 * @throws the signal's reason; what is freed by then stays freed
 */
export async function collect(
  blobs: BlobStore,
  named: NamedBlobs,
  context?: TaskContext,
): Promise<{ removed: number; freedBytes: number }> {
  let removed = 0
  let freedBytes = await blobs.removeStaleTemporaries()
  const { blobBytes } = await blobs.count()
  let seenBytes = 0
  for await (const { digest, sizeBytes } of blobs.list()) {
    context?.signal.throwIfAborted()
    seenBytes += sizeBytes
    context?.onProgress(seenBytes, blobBytes)
    const bytes = await blobs.remove(digest, (candidate) => named.has(candidate))
    if (bytes === null) continue
    removed++
    freedBytes += bytes
  }
  return { removed, freedBytes }
}

/**
 * Hashes every blob in a process of its own. A damaged one is replaced by the next import of the same bytes.
 * @throws the signal's reason
 */
export async function verifyBlobs(
  blobs: BlobStore,
  named: NamedBlobs,
  worker: FileWorker,
  { signal, onProgress }: TaskContext,
): Promise<{ checked: number; checkedBytes: number; damaged: string[]; missing: string[] }> {
  const expected = named.all()
  const damaged: string[] = []
  const { blobBytes } = await blobs.count()
  let checked = 0
  let checkedBytes = 0
  for await (const { digest, sizeBytes } of blobs.list()) {
    signal.throwIfAborted()
    // Pinned, so that a collection beside us does not take it away under the reader.
    const release = blobs.pin(digest)
    try {
      if (!(await blobs.has(digest))) continue
      const found = await worker
        .hash(blobs.pathOf(digest), false, signal, (bytesDone) =>
          onProgress(checkedBytes + bytesDone, blobBytes),
        )
        .catch((error: unknown) => {
          // A bad sector is what a check is for: the rest is looked at all the same.
          if (error instanceof AppError && error.code === 'storage.unreadable') return null
          throw error
        })
      expected.delete(digest)
      checked++
      checkedBytes += sizeBytes
      onProgress(checkedBytes, blobBytes)
      if (found?.digest === digest) continue
      damaged.push(digest)
      await blobs.markDamaged(digest)
    } finally {
      release()
    }
  }
  const missing: string[] = []
  for (const digest of expected) {
    // Pinned, it cannot go between the two looks; what was removed since the beginning, and perhaps imported anew, is not missing.
    const release = blobs.pin(digest)
    // What cannot even be looked at is of no more use than what is gone.
    const isThere = await blobs.has(digest).catch(() => false)
    if (named.has(digest) && !isThere) missing.push(digest)
    release()
  }
  return { checked, checkedBytes, damaged: damaged.sort(), missing: missing.sort() }
}
