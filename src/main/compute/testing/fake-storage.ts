import type { Migration } from 'kysely'
import type { JobId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import type { Database } from '../../platform/database'
import type { ResolvedVersion, Storage } from '../../storage'

interface Tables {
  fake_artifact: { job: string; name: string; bytes: Uint8Array }
}

export const fakeStorageMigrations: Record<string, Migration> = {
  '0009-fake-storage': {
    async up(db) {
      await db.schema
        .createTable('fake_artifact')
        .addColumn('job', 'text')
        .addColumn('name', 'text')
        .addColumn('bytes', 'blob')
        .addPrimaryKeyConstraint('fake_artifact_key', ['job', 'name'])
        .execute()
    },
  },
}

/** Versions by `name@selector`, artifacts in SQLite. */
export function createFakeStorage(database: Database, versions: Map<string, ResolvedVersion>): Storage {
  const db = database.builder<Tables>()
  const fake: Pick<Storage, 'resolve' | 'artifacts'> = {
    resolve(reference) {
      const version = versions.get(reference)
      if (!version) throw new AppError('storage.not_found', `There is no ${reference}.`)
      return version
    },
    artifacts: {
      stage: async (bytes) => ({ digest: null, inline: bytes, sizeBytes: bytes.length }),
      attach(staged, job, name) {
        const bytes = staged.inline ?? new Uint8Array()
        database.run(
          db
            .insertInto('fake_artifact')
            .values({ job, name, bytes: Buffer.from(bytes) })
            .onConflict((conflict) => conflict.columns(['job', 'name']).doUpdateSet({ bytes: Buffer.from(bytes) })),
        )
      },
      async read(job, name) {
        const row = database.first(db.selectFrom('fake_artifact').select('bytes').where('job', '=', job).where('name', '=', name))
        return row ? Uint8Array.from(row.bytes) : null
      },
      list: (job) =>
        database.all(db.selectFrom('fake_artifact').select('name').where('job', '=', job).orderBy('name')).map(({ name }) => name),
      remove: (job: JobId, name) =>
        void database.run(db.deleteFrom('fake_artifact').where('job', '=', job).where('name', '=', name)),
    },
  }
  return fake as Storage
}
