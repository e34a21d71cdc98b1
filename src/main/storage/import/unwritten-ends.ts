import type { Import } from '../../../shared/contract'
import type { Clock } from '../../platform/clock'
import type { Disposable } from '../../platform/events'
import type { Logger } from '../../platform/logger'
import type { ImportRows } from './import-rows'

const RETRY_MS = 2_000

/** Imports that have ended though their rows cannot say it yet, as on a full disk: it is tried again until they do. */
export class UnwrittenEnds implements Disposable {
  readonly #rows: ImportRows
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #views = new Map<string, Import>()
  #cancelRetry: () => void = () => undefined

  constructor(rows: ImportRows, clock: Clock, logger: Logger) {
    this.#rows = rows
    this.#clock = clock
    this.#logger = logger
  }

  get(id: string): Import | undefined {
    return this.#views.get(id)
  }

  add(view: Import): void {
    this.#views.set(view.id, view)
    this.#retry()
  }

  /** Tries a last time. */
  dispose(): void {
    this.#cancelRetry()
    this.#write()
  }

  #retry(): void {
    this.#cancelRetry()
    this.#cancelRetry = this.#clock.setTimer(RETRY_MS, () => {
      if (!this.#write()) this.#retry()
    })
  }

  /** @returns whether all are written */
  #write(): boolean {
    try {
      for (const view of this.#views.values()) {
        this.#rows.update(view)
        this.#views.delete(view.id)
      }
      return true
    } catch (error) {
      this.#logger.debug({ err: error }, 'The ends of imports cannot be written.')
      return false
    }
  }
}
