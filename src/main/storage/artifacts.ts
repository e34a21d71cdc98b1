import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { JobId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import { type BlobStore, isMissing } from './blobs'
import type { Artifacts, StagedArtifact } from './index'
import type { StorageTables } from './schema'

/** The largest artifact that lies in its row; a larger one is a blob. */
const INLINE_BYTES = 64 * 1024

/**
 * Artifacts of jobs. The bytes of a staged blob are pinned for as long as the {@link StagedArtifact} itself is reachable
 * or until its row is committed, whichever comes first, so whoever drops a staged artifact leaks nothing.
 */
export function createArtifacts(deps: { database: Database; blobs: BlobStore; clock: Clock }): Artifacts {
  const { database, blobs, clock } = deps
  const tables = database.builder<StorageTables>()
  const releases = new WeakMap<StagedArtifact, () => void>()
  const abandoned = new FinalizationRegistry<() => void>((release) => release())

  return {
    async stage(bytes) {
      if (bytes.byteLength <= INLINE_BYTES) {
        // A copy: the caller may go on writing to its buffer before the row is written.
        return { digest: null, inline: Uint8Array.from(bytes), sizeBytes: bytes.byteLength }
      }
      const { digest, release } = await blobs.put(bytes)
      const staged: StagedArtifact = { digest, inline: null, sizeBytes: bytes.byteLength }
      releases.set(staged, release)
      abandoned.register(staged, release, staged)
      return staged
    },

    attach(staged, job, name) {
      if (staged.digest !== null) assertPresent(blobs.pathOf(staged.digest), name)
      const row = {
        job,
        name,
        digest: staged.digest,
        inline: staged.inline === null ? null : Buffer.from(staged.inline),
        size_bytes: staged.sizeBytes,
        created_at: clock.now(),
      }
      const { job: _job, name: _name, ...content } = row
      database.run(
        tables
          .insertInto('artifacts')
          .values(row)
          .onConflict((conflict) => conflict.columns(['job', 'name']).doUpdateSet(content)),
      )
      const release = releases.get(staged)
      if (!release) return
      // Transactions are synchronous: by the next turn the row is committed, or rolled back and may be attached again.
      let rolledBack = false
      database.onRollback(() => {
        rolledBack = true
      })
      setImmediate(() => {
        if (rolledBack) return
        abandoned.unregister(staged)
        release()
      })
    },

    async read(job, name) {
      const row = database.first(
        tables
          .selectFrom('artifacts')
          .select(['digest', 'inline'])
          .where('job', '=', job)
          .where('name', '=', name),
      )
      if (!row) return null
      if (row.digest === null) return row.inline === null ? new Uint8Array() : Uint8Array.from(row.inline)
      try {
        return await readFile(blobs.pathOf(row.digest))
      } catch (error) {
        if (!isMissing(error)) throw error
        throw missingBytes(name, error)
      }
    },

    list(job) {
      const query = tables.selectFrom('artifacts').select('name').where('job', '=', job).orderBy('name')
      return database.all(query).map((row) => row.name)
    },

    remove(job: JobId, name) {
      database.run(tables.deleteFrom('artifacts').where('job', '=', job).where('name', '=', name))
    },
  }
}

function assertPresent(path: string, name: string): void {
  try {
    statSync(path)
  } catch (error) {
    throw missingBytes(name, error)
  }
}

function missingBytes(name: string, cause: unknown): AppError {
  const message = `The stored bytes of "${name}" are missing from the data folder. Run the job again.`
  return new AppError('storage.corrupt', message, { name }, { cause })
}
