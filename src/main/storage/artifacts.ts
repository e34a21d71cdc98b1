import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import { statement } from '../platform/statement'
import { type BlobStore, isMissing } from './blobs'
import type { Artifacts, StagedArtifact } from './index'
import type { StorageTables } from './schema'

/** The largest artifact that lies in its row; a larger one is a blob. */
const INLINE_BYTES = 64 * 1024

type Row = StorageTables['artifacts']

/**
 * Artifacts of jobs. The bytes of a staged blob are pinned for as long as the {@link StagedArtifact} itself is reachable
 * or until its row is committed, whichever comes first, so whoever drops a staged artifact leaks nothing.
 */
export function createArtifacts(deps: { database: Database; blobs: BlobStore; clock: Clock }): Artifacts {
  const { database, blobs, clock } = deps
  const tables = database.builder<StorageTables>()
  const insert = statement<Row, unknown>((value) =>
    tables
      .insertInto('artifacts')
      .values({
        job: value('job'),
        name: value('name'),
        digest: value('digest'),
        inline: value('inline'),
        size_bytes: value('size_bytes'),
        created_at: value('created_at'),
      })
      .onConflict((conflict) =>
        conflict.columns(['job', 'name']).doUpdateSet((e) => ({
          digest: e.ref('excluded.digest'),
          inline: e.ref('excluded.inline'),
          size_bytes: e.ref('excluded.size_bytes'),
          created_at: e.ref('excluded.created_at'),
        })),
      ),
  )
  const content = statement<Pick<Row, 'job' | 'name'>, Pick<Row, 'digest' | 'inline' | 'size_bytes'>>(
    (value) =>
      tables
        .selectFrom('artifacts')
        .select(['digest', 'inline', 'size_bytes'])
        .where('job', '=', value('job'))
        .where('name', '=', value('name')),
  )
  const names = statement<Pick<Row, 'job'>, { name: string }>((value) =>
    tables.selectFrom('artifacts').select('name').where('job', '=', value('job')).orderBy('name'),
  )
  const releases = new WeakMap<StagedArtifact, () => void>()
  const abandoned = new FinalizationRegistry<() => void>((release) => release())

  return {
    async stage(content) {
      const sizeBytes = content.byteLength
      const pieces = 'pieces' in content ? content.pieces : [content]
      // A copy: the caller may go on writing to its buffer before the row is written.
      if (sizeBytes <= INLINE_BYTES) return { digest: null, inline: Buffer.concat(pieces), sizeBytes }
      const { digest, release } = await blobs.put(pieces)
      const staged: StagedArtifact = { digest, inline: null, sizeBytes }
      releases.set(staged, release)
      abandoned.register(staged, release, staged)
      return staged
    },

    attach(staged, job, name) {
      if (staged.digest !== null) assertPresent(blobs.pathOf(staged.digest), name)
      database.run(
        insert({
          job,
          name,
          digest: staged.digest,
          inline: staged.inline === null ? null : Buffer.from(staged.inline),
          size_bytes: staged.sizeBytes,
          created_at: clock.now(),
        }),
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
      const row = database.first(content({ job, name }))
      if (!row) return null
      if (row.digest === null) return row.inline === null ? new Uint8Array() : Uint8Array.from(row.inline)
      try {
        return await readFile(blobs.pathOf(row.digest))
      } catch (error) {
        if (!isMissing(error)) throw error
        throw missingBytes(name, error)
      }
    },

    copy(from, to, name) {
      const row = database.first(content({ job: from, name }))
      if (!row) throw missingBytes(name, null)
      if (row.digest !== null) assertPresent(blobs.pathOf(row.digest), name)
      database.run(insert({ ...row, job: to, name, created_at: clock.now() }))
    },

    list(job) {
      return database.all(names({ job })).map((row) => row.name)
    },

    remove(job, name) {
      const all = tables.deleteFrom('artifacts').where('job', '=', job)
      return database.run(name === undefined ? all : all.where('name', '=', name))
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
