import type { Job } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { addVectors, isEmptyVector } from '../../shared/domain/resources'
import { AppError } from '../../shared/errors'
import type { Core } from '../core'
import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { deadlineMissed, type Settler } from './dispatch/settle'
import type { JobEnds } from './job-ends'
import type { ActiveJob } from './jobs/active-job'
import type { JobIndex } from './jobs/job-index'
import type { JobStatus } from './jobs/job-row'

export interface ControlDeps {
  core: Core
  clock: Clock
  logger: Logger
  index: JobIndex
  settler: Settler
  ends: JobEnds
  /** @throws AppError `compute.not_found` */
  find(id: string): { status: JobStatus; live: ActiveJob | null }
  /** In the next turn of the scheduler: durable when it resolves. */
  write<T>(work: () => T): Promise<T>
  view(job: ActiveJob): Job
  /** Bytes that an engine takes at the least which a job has to load. */
  leastMemoryOf(job: ActiveJob): number
}

/** What people and deadlines do to jobs that have not ended. A move that is not legal is a `compute.conflict`. */
export class Control {
  readonly #deps: ControlDeps

  constructor(deps: ControlDeps) {
    this.#deps = deps
  }

  /** What waits ends at once; what runs when its worker has stopped. The wish is durable before anything stops. */
  async cancel(id: JobId): Promise<Job> {
    const { index, settler, ends, clock, write, view } = this.#deps
    const job = await write(() => {
      const found = this.#active(id, 'cancelled')
      if (found.status.state !== 'running') settler.end(found, 'cancelled', null)
      else if (!found.status.cancelRequested) index.change(found, { cancelRequested: true })
      return found
    })
    if (job.status.finishedAt === null) {
      const ended = ends.wait(id, clock, null)
      job.abort?.('cancelled')
      await ended
    }
    return view(job)
  }

  hold(id: JobId): Promise<Job> {
    return this.#change(id, 'held', (job) => {
      if (job.status.state !== 'queued') throw this.#conflict(job, 'held', 'Only a queued job can.')
      const { queuedMs, readyAt } = job.status
      // What waits for other jobs does not queue yet.
      const waitedMs = job.waitingOn.size > 0 ? 0 : this.#deps.clock.now() - readyAt
      return { state: 'held', queuedMs: Math.max(queuedMs, waitedMs) }
    })
  }

  resume(id: JobId): Promise<Job> {
    return this.#change(id, 'resumed', (job) => {
      if (job.status.state !== 'held') throw this.#conflict(job, 'resumed', 'Only a held job can.')
      return { state: 'queued', readyAt: this.#deps.clock.now() - job.status.queuedMs }
    })
  }

  setPriority(id: JobId, priority: number): Promise<Job> {
    return this.#change(id, 'given another priority', () => ({ priority }))
  }

  /** Never rejects. @returns false when it could not be written, and is to be tried again */
  async missDeadline(job: ActiveJob): Promise<boolean> {
    const { index, settler, logger, write } = this.#deps
    try {
      await write(() => {
        if (index.get(job.id) === job && job.status.state !== 'running')
          settler.end(job, 'failed', deadlineMissed())
      })
      return true
    } catch (error) {
      logger.error({ err: error, job: job.id }, 'A deadline could not be acted upon')
      return false
    } finally {
      job.abort?.('deadline')
    }
  }

  /**
   * Ends what waits, or is held, and no device that is known could ever hold with the engine that it needs. Never rejects.
   * @returns false when one could not be written, and is to be tried again
   */
  async endImpossible(): Promise<boolean> {
    const { index, settler, logger, write } = this.#deps
    const refusals = new Map<string, AppError | null>()
    const isImpossible = (job: ActiveJob) => {
      if (job.status.state !== 'queued' && job.status.state !== 'held') return false
      if (!refusals.has(job.kinKey)) refusals.set(job.kinKey, this.#refusalOf(job))
      return refusals.get(job.kinKey) !== null
    }
    // Each by itself: one that cannot be written keeps no other.
    const ends = [...index.all()].filter(isImpossible).map((job) =>
      write(() => {
        // By now it may have ended with one that it waited for, or the device be there again.
        const refusal = index.get(job.id) === job && this.#refusalOf(job)
        if (refusal && job.status.state !== 'running') settler.end(job, 'failed', refusal)
      }),
    )
    const failed = (await Promise.allSettled(ends)).flatMap((end) => (end.status === 'rejected' ? [end] : []))
    if (failed[0])
      logger.error({ err: failed[0].reason }, 'A job for a device that was removed could not be ended')
    return failed.length === 0
  }

  #refusalOf(job: ActiveJob): AppError | null {
    const { core, leastMemoryOf } = this.#deps
    const { need, place } = job.definition
    const whole = addVectors(need, { memoryBytes: leastMemoryOf(job) })
    try {
      if (!isEmptyVector(whole)) core.assertPossible(whole, undefined, true)
      if (place && !isEmptyVector(need)) core.assertPossible(need, place, true)
      return null
    } catch (error) {
      if (error instanceof AppError) return error
      throw error
    }
  }

  async #change(id: JobId, verb: string, decide: (job: ActiveJob) => Partial<JobStatus>): Promise<Job> {
    const job = await this.#deps.write(() => {
      const found = this.#active(id, verb)
      this.#deps.index.change(found, decide(found))
      return found
    })
    return this.#deps.view(job)
  }

  #active(id: JobId, verb: string): ActiveJob {
    const { live, status } = this.#deps.find(id)
    if (live) return live
    const message = `Job ${id} has already ${ENDED[status.state] ?? 'ended'}, so it cannot be ${verb}.`
    throw new AppError('compute.conflict', message, { state: status.state })
  }

  #conflict(job: ActiveJob, verb: string, hint: string): AppError {
    const message = `Job ${job.id} is ${job.status.state}, so it cannot be ${verb}. ${hint}`
    return new AppError('compute.conflict', message, { state: job.status.state })
  }
}

const ENDED: Partial<Record<JobStatus['state'], string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'been cancelled',
}
