import { AppError } from '../../../shared/errors'
import type { Database } from '../../platform/database'

/**
 * Does the parts of a turn, each undone alone when it fails. Rows are written together before the commit, so that one that
 * the database refuses undoes the whole turn; done again with `isOn`, each part writes its own, and whose it is is known.
 */
export class Apart {
  isOn = false
  readonly #database: Database
  readonly #flush: () => void

  constructor(database: Database, flush: () => void) {
    this.#database = database
    this.#flush = flush
  }

  /** @throws what the work throws; AppError `internal` where the database refuses what it writes */
  run<T>(work: () => T): T {
    return this.#database.transaction(() => {
      const value = work()
      if (this.isOn) this.#write()
      return value
    })
  }

  #write(): void {
    try {
      this.#flush()
    } catch (error) {
      if (error instanceof AppError) throw error
      const message =
        'The database refused what was to be stored of the job. The log of the program says why.'
      throw new AppError('internal', message, {}, { cause: error })
    }
  }
}
