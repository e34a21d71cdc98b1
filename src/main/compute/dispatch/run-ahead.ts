import type { LeaseId } from '../../../shared/domain/ids'
import { isEmptyVector } from '../../../shared/domain/resources'
import { AppError } from '../../../shared/errors'
import type { Core } from '../../core'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { ActiveJob } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import type { UrgencyOf } from '../schedule/heads'
import type { AttemptEnd } from './attempt'
import { ALONE, type Company, type Together } from './company'
import type { EnginePool, PooledEngine } from './engine-pool'
import { type Operation, perform } from './operation'
import type { OwnLeases } from './own-leases'

/** A job so short may begin before that is on the disk. */
const SHORT_MS = 5
/** So long a row of short jobs may go on until the planner is asked again. */
const LONGEST_ROW_MS = 200
/** A newcomer that takes longer than it was thought to is written after this time, while it runs. */
const NEWCOMER_WINDOW_MS = 10
/** Loads that take no time, in one go. */
const MOST_NOTHINGS = 64
/** In the middle of a row outcomes are gathered for twice the time that a commit takes here, within these bounds. */
const ROW_WINDOW_MS = { least: 2, most: 50 }

export interface RunAheadDeps {
  core: Core
  database: Database
  clock: Clock
  index: JobIndex
  pool: EnginePool
  ownLeases: OwnLeases
  runMsOf(job: ActiveJob): number | null
  /** The planner's order between classes, as of its last turn. */
  urgencyOf: UrgencyOf
  company: Company
  /** Whether jobs may run in one go with others. */
  mayGroup(): boolean
  /** Asks for a turn, which writes what ran ahead. */
  requestTurn(): void
}

/** What a turn wrote of the jobs that ran ahead of it. */
interface Caught {
  jobs: ActiveJob[]
  /** Newcomers that were not taken in: what they do is for nobody. */
  refused: ActiveJob[]
  outcomes: (() => void)[]
}

/**
 * Short jobs run ahead of the disk: an idle system answers with one commit, a busy one does thousands a second.
 *
 * A *newcomer* meets an empty queue and an idle engine of its own: it begins at once, and its row is inserted together
 * with its end. Should the program die before, the job never was, and its caller had no answer.
 *
 * A *follower* is the next of all in the queue when a job like it has succeeded: it has that one's engine and lease at
 * once, and both are written together. Should the program die before, its row still says `queued` and it runs again, as
 * after any interruption; no outcome was told to anyone. A follower that itself ends the program cannot do so for ever:
 * sooner or later it is the first of its row, which the planner starts, written before it begins, and such
 * interruptions are counted.
 */
export class RunAhead {
  readonly #deps: RunAheadDeps
  /** Jobs that run though no turn has written it yet, with the time they began. */
  readonly #claimed = new Map<ActiveJob, { startedAt: number; placement: ActiveJob['status']['placement'] }>()
  readonly #newcomers = new Map<ActiveJob, Operation>()
  #cancelWindow: (() => void) | null = null
  /** What a commit takes on this disk, as a moving mean. */
  #commitMs = 1

  constructor(deps: RunAheadDeps) {
    this.#deps = deps
  }

  /** A commit is near, and one is cheaper than two. */
  get isGathering(): boolean {
    return this.#claimed.size > 0
  }

  /** Lets a job that nobody knows yet have its idle engine. @param admit inserts it @returns null when it has to queue */
  enter(job: ActiveJob, admit: Operation): PooledEngine | null {
    const { core, index, pool, clock, ownLeases } = this.#deps
    const { definition, status } = job
    const isFree =
      status.state === 'queued' &&
      definition.dependsOn.length === 0 &&
      definition.deadline === null &&
      // It may not have to run at all.
      definition.fingerprint === null
    if (!isFree || index.classes().length > 0 || !this.#isShort(job)) return null
    const idle = pool.idle(job.engineKey)
    if (!idle) return null
    let placement: ActiveJob['status']['placement'] = []
    try {
      if (!isEmptyVector(definition.need)) {
        const { principal: holder, name: purpose, place } = definition
        const options = { holder, purpose, priority: status.priority, job: job.id, place, ttlMs: null }
        const lease = core.allocate(definition.need, options)
        ownLeases.add(lease.id)
        job.lease = lease.id as LeaseId
        placement = lease.placement as typeof placement
      }
    } catch (error) {
      // Not now: then it waits like any other, and is told for what.
      if (!(error instanceof AppError)) throw error
      return null
    }
    const engine = pool.take(idle.ref, job)
    job.claimed = true
    this.#newcomers.set(job, admit)
    this.#claimed.set(job, { startedAt: clock.now(), placement })
    this.#gather(NEWCOMER_WINDOW_MS)
    return engine
  }

  /**
   * Lets the next short job have the engine and the lease of the one that has ended.
   * @param since when the row of jobs began that it follows in
   */
  follow({ job, outcome }: AttemptEnd, engine: PooledEngine, since: number): ActiveJob | null {
    const { clock, index, pool } = this.#deps
    const now = clock.now()
    if (outcome.kind !== 'succeeded' || engine.state !== 'idle' || now - since > LONGEST_ROW_MS) return null
    const next = index.nextLike(job, this.#deps.urgencyOf)
    if (!next || !this.#isShort(next) || (!job.lease && !isEmptyVector(next.definition.need))) return null
    index.claim(next)
    next.lease = job.lease
    job.lease = null
    pool.take(engine.ref, next)
    this.#claimed.set(next, {
      startedAt: now,
      placement: this.#claimed.get(job)?.placement ?? job.status.placement,
    })
    return next
  }

  /**
   * Lets like jobs that are next of all run in one go with one that begins on a loaded engine. They need no lease of
   * their own: the engine computes within that of the first.
   */
  joining(job: ActiveJob, engine: PooledEngine): { jobs: ActiveJob[]; stack: Together['stack'] } {
    const { index, clock } = this.#deps
    const wanted = engine.id !== null && this.#deps.mayGroup() ? this.#companyFor(job) : ALONE
    const jobs: ActiveJob[] = []
    const placement = this.#claimed.get(job)?.placement ?? job.status.placement
    while (jobs.length + 1 < wanted.most) {
      const next = index.nextLike(job, this.#deps.urgencyOf)
      if (!next || this.#companyFor(next).most === 1) break
      index.claim(next)
      next.ridesAlong = true
      this.#claimed.set(next, { startedAt: clock.now(), placement })
      jobs.push(next)
    }
    return { jobs, stack: jobs.length === 0 ? 'no' : wanted.stack }
  }

  #companyFor({ definition, engineKey, runsAlone }: ActiveJob): Together {
    const { parameters } = definition
    if (runsAlone) return ALONE
    if (parameters.kind === 'infer') return this.#deps.company.wanted(engineKey)
    const isNothing = parameters.kind === 'synthetic' && parameters.durationMs === 0 && !parameters.fail
    return isNothing ? { most: MOST_NOTHINGS, stack: 'no' } : ALONE
  }

  /** Writes soon, with whatever ends until then. */
  gather(): void {
    const { least, most } = ROW_WINDOW_MS
    this.#gather(Math.min(most, Math.max(least, 2 * this.#commitMs)))
  }

  /** Within the transaction of a turn, before anything else. @param ended their rows are written once, with their end */
  write(ended: ReadonlySet<ActiveJob>): Caught {
    const { database, index } = this.#deps
    this.dispose()
    const newcomers = [...this.#newcomers]
    this.#newcomers.clear()
    database.onRollback(() => {
      for (const [job, admit] of newcomers) this.#newcomers.set(job, admit)
    })
    const outcomes = newcomers.map(([, admit]) => perform(database, admit))
    const jobs = [...this.#claimed.keys()]
    const refused: ActiveJob[] = []
    for (const [job, { startedAt, placement }] of this.#claimed) {
      if (index.get(job.id) !== job) {
        refused.push(job)
        continue
      }
      const { attempt, readyAt } = job.status
      const queuedMs = Math.max(0, startedAt - readyAt)
      index.change(
        job,
        { state: 'running', attempt: attempt + 1, startedAt, queuedMs, placement, error: null },
        !ended.has(job),
      )
    }
    return { jobs, refused, outcomes }
  }

  /** What {@link write} wrote is on the disk. */
  written({ jobs, refused }: Caught, commitMs: number): void {
    this.#commitMs += 0.2 * (commitMs - this.#commitMs)
    const { index, requestTurn } = this.#deps
    for (const job of jobs) {
      this.#forget(job)
      // One that is to run again could not queue while it was claimed.
      if (job.status.state !== 'queued' || index.get(job.id) !== job) continue
      index.refresh(job)
      requestTurn()
    }
    for (const job of refused) this.#drop(job)
  }

  /** The turn came to nothing: newcomers are turned away; followers are written with the next. */
  failed(error: unknown): void {
    for (const [job, { reject }] of this.#newcomers) {
      this.#forget(job)
      this.#drop(job)
      reject(error)
    }
    this.#newcomers.clear()
  }

  dispose(): void {
    this.#cancelWindow?.()
    this.#cancelWindow = null
  }

  #gather(windowMs: number): void {
    const { clock, requestTurn } = this.#deps
    this.#cancelWindow ??= clock.setTimer(windowMs, requestTurn)
  }

  #forget(job: ActiveJob): void {
    this.#claimed.delete(job)
    job.claimed = false
  }

  #drop(job: ActiveJob): void {
    if (job.lease) this.#deps.core.release(job.lease)
    job.lease = null
    job.abort?.('cancelled')
  }

  #isShort(job: ActiveJob): boolean {
    const { parameters } = job.definition
    if (parameters.kind !== 'infer' && !(parameters.kind === 'synthetic' && parameters.fail === null))
      return false
    const runMs = this.#deps.runMsOf(job)
    return runMs !== null && runMs <= SHORT_MS
  }
}
