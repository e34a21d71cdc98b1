import {
  type Job,
  type JobResult,
  type LogLine,
  MOST_ACTIVE_LIVE,
  type WaitCause,
} from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { Artifacts } from '../storage'
import type { JobQuery } from '.'
import { type ActiveJob, viewOf, waitCausesOf } from './jobs/active-job'
import { LOG } from './jobs/artifact-names'
import type { JobIndex } from './jobs/job-index'
import { JobLog, linesFromRow } from './jobs/job-log'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import type { JobStore } from './jobs/job-store'
import type { Recent } from './jobs/recent'
import { readResult } from './results'
import type { Forecast } from './schedule/forecast'

interface JobViewsDeps {
  store: JobStore
  index: JobIndex
  recent: Recent
  artifacts: Artifacts
  clock: Clock
  /** Why a job waits of which that is not known yet. */
  causesOf(job: ActiveJob): WaitCause[]
  /** When it starts; null where nobody knows. */
  forecastOf(job: ActiveJob): Forecast | null
}

export interface FoundJob {
  definition: JobDefinition
  status: JobStatus
  /** Null when it has ended. */
  live: ActiveJob | null
}

/** Jobs as callers see them: what memory knows of those that have not ended, and the rows of the others. */
export class JobViews {
  readonly #deps: JobViewsDeps

  constructor(deps: JobViewsDeps) {
    this.#deps = deps
  }

  /** @throws AppError `compute.not_found` */
  find(id: string): FoundJob {
    const { index, store } = this.#deps
    const live = index.get(id)
    if (live) return { definition: live.definition, status: live.status, live }
    const stored = store.find(id)
    if (stored) return { ...stored, live: null }
    const message = `There is no job ${id}. It may have been removed after 30 days.`
    throw new AppError('compute.not_found', message, { job: id })
  }

  /** A job that is at hand already, as it stands now. */
  of({ definition, status }: { definition: JobDefinition; status: JobStatus }): Job {
    const { index, clock } = this.#deps
    const live = isTerminal(status.state) ? null : (index.get(definition.id) ?? null)
    return viewOf(definition, live?.status ?? status, live, clock.now())
  }

  get(id: string): Job {
    return this.whole(this.find(id))
  }

  /** Unlike in a list, one that stands far back in the queue also says why it waits, and until when. */
  whole(found: FoundJob): Job {
    const { clock, causesOf, forecastOf } = this.#deps
    const { live } = found
    if (!live?.queued || live.waitCauses) return this.of(found)
    const nowMs = clock.now()
    const causes = waitCausesOf(live, nowMs, causesOf(live))
    return viewOf(live.definition, live.status, live, nowMs, causes, forecastOf(live))
  }

  list(query: JobQuery): { items: Job[]; nextCursor: string | null } {
    const { items, nextCursor } = this.#deps.store.list(query)
    return { items: items.map((job) => this.of(job)), nextCursor }
  }

  /**
   * What runs, at most {@link MOST_ACTIVE_LIVE} of all others that have not ended, and those that ended last.
   * @param owner null: everybody's
   */
  recent(owner: PrincipalId | null): Job[] {
    const { index, recent } = this.#deps
    const active = new Set<ActiveJob>()
    const isSeen = (principal: string) => owner === null || principal === owner
    for (const job of index.running()) if (isSeen(job.definition.principal)) active.add(job)
    for (const job of index.all()) {
      if (active.size >= MOST_ACTIVE_LIVE) break
      if (isSeen(job.definition.principal)) active.add(job)
    }
    const ended = [...recent.ended()].filter(({ principal }) => isSeen(principal)).reverse()
    return [...[...active].map((job) => this.of(job)), ...ended]
  }

  /** Ids of unfinished jobs that need a version. */
  usersOf(model: string, version: number): JobId[] {
    return [...this.#deps.index.all()]
      .filter(({ definition }) => definition.model === model && definition.modelVersion === version)
      .map(({ id }) => id)
  }

  /** @throws AppError the job's own when it failed, `compute.conflict` when it was cancelled, `compute.not_finished` */
  result({ definition, status }: { definition: JobDefinition; status: JobStatus }): Promise<JobResult> {
    const { id } = definition
    const { state } = status
    switch (state) {
      case 'succeeded':
        return readResult(this.#deps.artifacts, definition, status)
      case 'failed': {
        const { code, message, details } = status.error ?? { code: 'internal', message: 'The job failed.' }
        throw new AppError(code, message, details)
      }
      case 'cancelled': {
        const message = `Job ${id} was cancelled and has no result. Retry it to get one.`
        throw new AppError('compute.conflict', message, { state })
      }
      default: {
        const message = `Job ${id} is ${state}; its result comes when it has ended.`
        throw new AppError('compute.not_finished', message, { state })
      }
    }
  }

  async log(id: string): Promise<LogLine[]> {
    const { definition, status, live } = this.find(id)
    if (live?.log) return live.log.lines()
    const bytes = await this.#deps.artifacts.read(definition.id, LOG)
    return bytes ? JobLog.decode(bytes).lines() : linesFromRow(definition, status)
  }
}
