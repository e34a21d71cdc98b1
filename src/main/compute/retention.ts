import type { PipelineId } from '../../shared/domain/ids'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Logger } from '../platform/logger'
import type { Storage } from '../storage'
import type { EndedJob, JobStore } from './jobs/job-store'
import type { PipelineStore } from './jobs/pipeline-store'

const MAX_ENDED = 100_000
const MAX_AGE_MS = 30 * 86_400_000
const EVERY_MS = 10 * 60_000
/** Of one transaction, jobs that are looked at, and other rows after which it removes no more: some milliseconds of the event loop. */
const STEP = 50
const MOST_ROWS = 300
const PAUSE_MS = 20
/** Steps follow each other sooner, by timers that nobody can set. */
const LEAP_MS = 6 * 3_600_000

export interface RetentionDeps {
  store: JobStore
  pipelines: PipelineStore
  storage: Storage
  database: Database
  clock: Clock
  logger: Logger
  /** Some jobs that have not ended were submitted to wait for it. */
  isNeeded(id: string): boolean
  /** The first job of an ended pipeline is about to be removed. @returns how many of its jobs were looked at for that */
  keepOutcome(id: PipelineId): number
  onRemove(id: string): void
}

/**
 * Forgets ended jobs beyond 100,000 or 30 days, with what they left behind, a few at a time. Those of a pipeline stay until
 * it has ended.
 */
export class Retention {
  readonly #deps: RetentionDeps
  #ended = 0
  /** The last that was looked at in this round; null at its beginning. */
  #after: EndedJob | null = null
  #steppedAt: number
  /** By so much the clock has gone forward while no time passed, ms: nobody ages by that. */
  #leaptMs = 0
  #cancel: (() => void) | null = null
  #disposed = false

  constructor(deps: RetentionDeps) {
    this.#deps = deps
    this.#steppedAt = deps.clock.now()
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
        (isOver) => this.#next(isOver ? EVERY_MS : PAUSE_MS),
        (error: unknown) => {
          this.#deps.logger.error({ err: error }, 'Old jobs could not be removed')
          this.#next(EVERY_MS)
        },
      )
    })
  }

  /** Looks at the next few. @returns whether no more of them can be removed now */
  async step(): Promise<boolean> {
    const { store, pipelines, storage, database, isNeeded, keepOutcome, onRemove } = this.#deps
    const limit = this.#trustedNow() - MAX_AGE_MS
    const { last, removed, isOver } = await database.write(() => {
      let surplus = this.#ended - MAX_ENDED
      const mayGo = ({ finishedAt }: EndedJob) => surplus > 0 || finishedAt < limit
      const page = store.oldestEnded(STEP, this.#after)
      const open = pipelines.openOf(pipelinesOf(page))
      const removed: EndedJob[] = []
      let last: EndedJob | undefined
      let rows = 0
      for (const job of page) {
        if (rows >= MOST_ROWS) break
        last = job
        const { pipeline } = job
        if (!mayGo(job) || isNeeded(job.id) || (pipeline && open.has(pipeline))) continue
        surplus--
        if (pipeline) rows += keepOutcome(pipeline)
        rows += storage.artifacts.remove(job.id)
        store.remove(job.id)
        removed.push(job)
      }
      pipelines.removeEmpty(pipelinesOf(removed))
      const isLast = page.length < STEP && last === page.at(-1)
      return { last, removed, isOver: isLast || !last || !mayGo(last) }
    })
    this.#ended -= removed.length
    // What is kept is passed over, and looked at again in the next round.
    this.#after = isOver ? null : (last ?? null)
    for (const { id } of removed) onRemove(id)
    return isOver
  }

  /**
   * The time by which jobs age. A clock that is set forward by a month would make all of them old at once, and what is
   * removed does not come back when it is set right again. After a night in which the machine slept timers have stood still
   * too, so that looks the same: it only delays what is removed, until the jobs are as old without it, or the next start.
   */
  #trustedNow(): number {
    const { clock, logger } = this.#deps
    const now = clock.now()
    const passedMs = now - this.#steppedAt
    this.#steppedAt = now
    if (passedMs > LEAP_MS) {
      if (this.#leaptMs === 0)
        logger.warn(
          { passedMs },
          'The clock went forward by hours at once: until the next start no job ages by that',
        )
      this.#leaptMs += passedMs
    }
    return now - this.#leaptMs
  }
}

/** Each once. */
function pipelinesOf(jobs: readonly EndedJob[]): PipelineId[] {
  return [...new Set(jobs.flatMap(({ pipeline }) => pipeline ?? []))]
}
