import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Logger } from '../platform/logger'
import type { Storage } from '../storage'
import type { JobStore } from './jobs/job-store'
import type { PipelineStore } from './jobs/pipeline-store'

const MAX_ENDED = 100_000
const MAX_AGE_MS = 30 * 86_400_000
const EVERY_MS = 10 * 60_000
/** Jobs of one transaction: some milliseconds of the event loop. */
const STEP = 50
const PAUSE_MS = 20

export interface RetentionDeps {
  store: JobStore
  pipelines: PipelineStore
  storage: Storage
  database: Database
  clock: Clock
  logger: Logger
  /** Some jobs that have not ended were submitted to wait for it. */
  isNeeded(id: string): boolean
  onRemove(id: string): void
}

/** Forgets ended jobs beyond 100,000 or 30 days, with what they left behind, a few at a time. */
export class Retention {
  readonly #deps: RetentionDeps
  /** At least so many; counted anew before any is removed for their number. */
  #ended = 0
  #cancel: (() => void) | null = null
  #disposed = false

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#ended = this.#deps.store.countEnded()
    this.#next(PAUSE_MS)
  }

  /** Another job has ended. */
  count(): void {
    this.#ended++
  }

  dispose(): void {
    this.#disposed = true
    this.#cancel?.()
  }

  #next(waitMs: number): void {
    if (this.#disposed) return
    this.#cancel = this.#deps.clock.setTimer(waitMs, () => {
      this.step().then(
        (removed) => this.#next(removed === STEP ? PAUSE_MS : EVERY_MS),
        (error: unknown) => {
          this.#deps.logger.error({ err: error }, 'Old jobs could not be removed')
          this.#next(EVERY_MS)
        },
      )
    })
  }

  /** @returns how many it removed; a full step means that there may be more */
  async step(): Promise<number> {
    const { store, pipelines, storage, database, clock, isNeeded, onRemove } = this.#deps
    const removed = await database.write(() => {
      // A turn that was rolled back has counted what did not end.
      if (this.#ended > MAX_ENDED) this.#ended = store.countEnded()
      const surplus = this.#ended - MAX_ENDED
      const limit = clock.now() - MAX_AGE_MS
      const old = store
        .oldestEnded(STEP)
        .filter(({ id, finishedAt }, i) => (i < surplus || finishedAt < limit) && !isNeeded(id))
      for (const { id } of old) {
        for (const name of storage.artifacts.list(id)) storage.artifacts.remove(id, name)
        store.remove(id)
      }
      if (old.length > 0) pipelines.removeEmpty()
      return old
    })
    this.#ended -= removed.length
    for (const { id } of removed) onRemove(id)
    return removed.length
  }
}
