import type { JobId } from '../../../shared/domain/ids'
import type { Database } from '../../platform/database'
import { rowOfParameters, statement } from '../../platform/statement'

/** The table `prediction`: what a job was told first. Times are Unix ms. */
export interface PredictionRow {
  job: JobId
  principal: string
  name: string
  madeAt: number
  at: number
  earliest: number
  latest: number
  startedAt: number | null
}

const COLUMNS = ['job', 'principal', 'name', 'madeAt', 'at', 'earliest', 'latest', 'startedAt'] as const

/** Its queries; those that write belong into a transaction of the caller. */
export function createPredictionStore(database: Database) {
  const db = database.builder<{ prediction: PredictionRow }>()
  const add = statement<PredictionRow, unknown>((value) =>
    db
      .insertInto('prediction')
      .values(rowOfParameters<PredictionRow>(COLUMNS, value))
      .onConflict((conflict) => conflict.column('job').doNothing()),
  )
  const started = statement<{ job: JobId; startedAt: number }, unknown>((value) =>
    db
      .updateTable('prediction')
      .set({ startedAt: value('startedAt') })
      .where('job', '=', value('job')),
  )
  const remove = statement<{ job: JobId }, unknown>((value) =>
    db.deleteFrom('prediction').where('job', '=', value('job')),
  )
  return {
    add: (row: PredictionRow) => void database.run(add(row)),
    started: (job: JobId, startedAt: number) => void database.run(started({ job, startedAt })),
    remove: (job: JobId) => void database.run(remove({ job })),
    removeBefore: (madeAt: number) =>
      void database.run(db.deleteFrom('prediction').where('madeAt', '<', madeAt)),
    /** By the time they were made. */
    since: (madeAt: number): PredictionRow[] =>
      database.all(db.selectFrom('prediction').selectAll().where('madeAt', '>=', madeAt).orderBy('madeAt')),
  }
}
