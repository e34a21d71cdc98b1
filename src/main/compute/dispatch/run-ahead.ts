import type { LeaseId } from '../../../shared/domain/ids'
import { addVectors, isEmptyVector } from '../../../shared/domain/resources'
import { AppError } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import type { ActiveJob } from '../jobs/active-job'
import { startOf } from '../jobs/job-row'
import type { Apart } from './apart'
import type { AttemptEnd } from './attempt'
import { ALONE, type Company, patienceMs, type Together } from './company'
import type { EnginePool, PooledEngine } from './engine-pool'
import { nextOfKin, type Waiting } from './next-of-kin'
import type { Operation } from './operation'
import type { OwnLeases } from './own-leases'

/** A job so short may begin before that is on the disk. */
const SHORT_MS = 5
/** So long a row of short jobs may go on until the planner is asked again. */
const LONGEST_ROW_MS = 200
/** A row says within this time that its job runs. Most have ended by then, and their rows were written once less. */
const UNSTORED_MS = 50
/** A newcomer that takes longer than it was thought to is written after this time, while it runs. */
const NEWCOMER_WINDOW_MS = 10
/** Loads that take no time, in one go. */
const MOST_NOTHINGS = 64
/** In the middle of a row outcomes are gathered for twice the time that a commit takes here, within these bounds. */
const ROW_WINDOW_MS = { least: 2, most: 50 }

export interface RunAheadDeps extends Waiting {
  database: Database
  apart: Apart
  clock: Clock
  logger: Logger
  pool: EnginePool
  ownLeases: OwnLeases
  runMsOf(job: ActiveJob): number | null
  company: Company
  /** Whether jobs may run in one go with others. */
  mayGroup(): boolean
  /** Those whose attempt has begun, until a turn has written its end. */
  running(): Iterable<ActiveJob>
  /** Asks for a turn, which writes what ran ahead. */
  requestTurn(): void
}

interface Claim {
  startedAt: number
  placement: ActiveJob['status']['placement']
}

/** What a turn wrote of the jobs that ran ahead of it. */
interface Caught {
  jobs: ActiveJob[]
  /** In the queue now, where inputs are read when they are needed. */
  late: ActiveJob[]
  /** Newcomers that were not taken in: what they do is for nobody. Their place is free when they have stopped. */
  refused: ActiveJob[]
  outcomes: (() => void)[]
}

/**
 * Short jobs run ahead of the disk: an idle system answers with one commit, a busy one does thousands a second.
 *
 * A *newcomer* meets an empty queue and an idle engine of its own: it begins at once, and its row is inserted together
 * with its end. Should the program die before, the job never was, and its caller had no answer. One that finds the engine
 * busy with others like it that run ahead stands in line for it, and is inserted into the queue when that takes long.
 *
 * A *follower* is the next of all in the queue when a job like it has succeeded: it has that one's engine and lease at
 * once, and both are written together. Should the program die before, its row still says `queued` and it runs again, as
 * after any interruption; no outcome was told to anyone. What has not ended when others are written is itself written
 * soon after, unless it has ended by then. A follower that itself ends the program cannot do so for ever:
 * sooner or later it is the first of its row, which the planner starts, written before it begins, and such
 * interruptions are counted.
 */
export class RunAhead {
  readonly #deps: RunAheadDeps
  /** Jobs that run though no turn has written it yet, with the time they began. */
  readonly #claimed = new Map<ActiveJob, Claim>()
  #newcomers = new Map<ActiveJob, Operation>()
  /** Newcomers that have not begun, in their order. */
  #line: { job: ActiveJob; admit: Operation; since: number }[] = []
  /** Jobs that run though their row says that they queue, with the time they began. */
  readonly #unstored = new Map<ActiveJob, number>()
  #cancelStoring: (() => void) | null = null
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
    const { core, index, pool, clock } = this.#deps
    if (index.hasQueue || this.#line.length > 0 || !this.#isFree(job)) return null
    const idle = pool.idle(job.engineKey)
    if (!idle) return null
    // Not now: then it waits like any other, and is told for what.
    const { need, principal } = job.definition
    if (!core.mayHold(addVectors(need, { memoryBytes: idle.memoryBytes }), principal)) return null
    const placement = this.#allocate(job)
    if (!placement) return null
    const engine = pool.take(idle.ref, job)
    job.claimed = true
    this.#newcomers.set(job, admit)
    this.#claimed.set(job, { startedAt: clock.now(), placement })
    this.#gather(NEWCOMER_WINDOW_MS)
    return engine
  }

  /** Lets a job that nobody knows yet wait for the engine of one that runs ahead. @returns false when it has to queue */
  standInLine(job: ActiveJob, admit: Operation): boolean {
    const { clock, index } = this.#deps
    if (!this.#isNear(job) || index.hasOthersThan(job) || !this.#isFree(job)) return false
    this.#line.push({ job, admit, since: clock.now() })
    this.#gather(NEWCOMER_WINDOW_MS)
    return true
  }

  /** Whether one like it runs, after which it may be next. @param ended do not count */
  #isNear(job: ActiveJob, ended?: ReadonlySet<ActiveJob>): boolean {
    for (const other of this.#deps.running())
      if (other.kinKey === job.kinKey && !ended?.has(other)) return true
    return false
  }

  /**
   * Lets the next short job have the engine and the place of the one that has ended.
   * @param since when the row of jobs began that it follows in
   */
  follow({ job, outcome }: AttemptEnd, engine: PooledEngine, since: number): ActiveJob | null {
    const { clock, pool } = this.#deps
    const now = clock.now()
    if (outcome.kind !== 'succeeded' || engine.state !== 'idle' || now - since > LONGEST_ROW_MS) return null
    const [next] = this.#nextOfKin(job, engine)
    if (!next || !this.#isShort(next)) return null
    const placement = this.#claimed.get(job)?.placement ?? job.status.placement
    if (!this.#handOver(job, next, placement)) return null
    this.#claim(next, { startedAt: now, placement })
    pool.take(engine.ref, next)
    return next
  }

  /**
   * Lets like jobs that are next of all run in one go with one that begins on a loaded engine. They need no lease of
   * their own: the engine computes within that of the first, which counts for all of them in equal parts.
   */
  joining(job: ActiveJob, engine: PooledEngine): { jobs: ActiveJob[]; stack: Together['stack'] } {
    const { core, clock, pool } = this.#deps
    const { jobs, stack } = this.joiners(job, engine)
    if (jobs.length === 0) return { jobs, stack: 'no' }
    const claim = {
      startedAt: clock.now(),
      placement: this.#claimed.get(job)?.placement ?? job.status.placement,
    }
    const all = [job, ...jobs]
    for (const next of jobs) {
      this.#claim(next, claim)
      next.ridesAlong = true
    }
    job.passengers = jobs
    for (const member of all) member.together = all.length
    const principals = all.map(({ definition }) => definition.principal)
    if (new Set(principals).size > 1) {
      if (job.lease) core.share(job.lease, principals)
      pool.charge(engine, principals)
    }
    return { jobs, stack }
  }

  /** Those that {@link joining} would take, and how many it may be with the first; nothing changes yet. */
  joiners(job: ActiveJob, engine: PooledEngine): Together & { jobs: ActiveJob[] } {
    // The worker of a run that was held may have died meanwhile, and its lease is over.
    const isThere = engine.state === 'busy' && engine.id !== null
    const company = isThere && this.#deps.mayGroup() ? this.#companyFor(job) : ALONE
    const now = this.#deps.clock.now()
    const jobs: ActiveJob[] = []
    let { most } = company
    let longestMs = patienceMs(job.definition, now)
    for (const next of most > 1 ? this.#nextOfKin(job, engine) : []) {
      const theirs = this.#companyFor(next)
      most = Math.min(most, theirs.most)
      if (jobs.length + 1 >= most || theirs.stack !== company.stack) break
      longestMs = Math.min(longestMs, patienceMs(next.definition, now))
      const runMs = this.#deps.company.longestMs(job.engineKey, jobs.length + 2, company.stack)
      if (runMs !== null && runMs > longestMs) break
      jobs.push(next)
    }
    return { ...company, most, jobs }
  }

  #nextOfKin(job: ActiveJob, { memoryBytes }: PooledEngine): Iterable<ActiveJob> {
    const line = this.#line.map((waiting) => waiting.job)
    return nextOfKin(job, line, memoryBytes, this.#deps)
  }

  #claim(job: ActiveJob, claim: Claim): void {
    const at = this.#line.findIndex((waiting) => waiting.job === job)
    const [waiting] = at < 0 ? [] : this.#line.splice(at, 1)
    if (waiting) {
      job.claimed = true
      this.#newcomers.set(job, waiting.admit)
    } else this.#deps.index.claim(job)
    this.#claimed.set(job, claim)
  }

  /** @returns null when it cannot be had now */
  #allocate(job: ActiveJob, placement?: Claim['placement']): NonNullable<Claim['placement']> | null {
    const { core, ownLeases } = this.#deps
    const { need, principal: holder, name: purpose, place } = job.definition
    if (isEmptyVector(need)) return []
    try {
      const options = { holder, purpose, priority: job.status.priority, job: job.id, place, ttlMs: null }
      const lease = core.allocate(need, options, placement ?? undefined)
      ownLeases.add(lease.id)
      job.lease = lease.id as LeaseId
      return lease.placement as NonNullable<Claim['placement']>
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return null
    }
  }

  /** The place of one that has ended goes on to the next. @returns false when others get it */
  #handOver(from: ActiveJob, to: ActiveJob, placement: Claim['placement']): boolean {
    const { lease } = from
    if (!lease) return isEmptyVector(to.definition.need)
    const { principal, name: purpose } = to.definition
    from.lease = null
    if (from.definition.principal !== principal) {
      this.#deps.core.release(lease)
      return this.#allocate(to, placement) !== null
    }
    const { priority } = to.status
    this.#deps.core.share(lease, [principal], { job: to.id, purpose, priority })
    to.lease = lease
    return true
  }

  #companyFor({ definition: { parameters }, engineKey, runsAlone }: ActiveJob): Together {
    if (runsAlone) return ALONE
    if (parameters.kind === 'infer') return this.#deps.company.wanted(engineKey, parameters.latencyTargetMs)
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
    const { database, apart, index, clock } = this.#deps
    this.dispose()
    const now = clock.now()
    const newcomers = this.#newcomers
    const line = this.#line
    database.onRollback(() => {
      this.#newcomers = newcomers
      this.#line = line
    })
    // What has begun, or may soon, and is young: its row is written with its end.
    const isYoung = (since: number) => now - since < NEWCOMER_WINDOW_MS
    const stays = (job: ActiveJob) => !ended.has(job) && isYoung(this.#claimed.get(job)?.startedAt ?? 0)
    this.#newcomers = new Map([...newcomers].filter(([job]) => stays(job)))
    const kept = line.findIndex(({ job, since }) => isYoung(since) && this.#isNear(job, ended))
    const late = kept < 0 ? line : line.slice(0, kept)
    this.#line = line.slice(late.length)
    const admits = [...newcomers].filter(([job]) => !this.#newcomers.has(job)).map(([, admit]) => admit)
    const outcomes = [...admits, ...late.map(({ admit }) => admit)].map((admit) => admit.perform(apart))
    const claims = [...this.#claimed].filter(([job]) => !this.#newcomers.has(job))
    const refused: ActiveJob[] = []
    for (const [job, { startedAt, placement }] of claims) {
      if (index.get(job.id) !== job) {
        refused.push(job)
        continue
      }
      job.displacedBy = null
      index.change(job, startOf(job.status, startedAt, placement), false)
      this.#unstored.set(job, startedAt)
      database.onRollback(() => this.#unstored.delete(job))
    }
    for (const [job, startedAt] of this.#unstored) {
      const isOver = ended.has(job) || index.get(job.id) !== job || job.status.state !== 'running'
      if (!isOver && now - startedAt < UNSTORED_MS) continue
      if (!isOver) this.#store(job)
      this.#unstored.delete(job)
      database.onRollback(() => this.#unstored.set(job, startedAt))
    }
    const jobs = claims.map(([job]) => job)
    return { jobs, late: late.map(({ job }) => job), refused, outcomes }
  }

  /** That it runs; where the database refuses that, its end will say so. */
  #store(job: ActiveJob): void {
    const { apart, index, logger } = this.#deps
    try {
      apart.run(() => index.store(job))
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'internal') throw error
      logger.error({ err: error, job: job.id }, 'That a job runs could not be stored')
    }
  }

  /** What {@link write} wrote is on the disk. */
  written({ jobs, late, refused }: Caught, commitMs: number): void {
    this.#commitMs += 0.2 * (commitMs - this.#commitMs)
    const { index, clock, requestTurn } = this.#deps
    if (this.#line.length + this.#newcomers.size > 0) this.#gather(NEWCOMER_WINDOW_MS)
    if (this.#unstored.size > 0) this.#cancelStoring = clock.setTimer(UNSTORED_MS, requestTurn)
    for (const job of late) job.inputs = null
    for (const job of jobs) {
      this.#forget(job)
      // One that is to run again could not queue while it was claimed.
      if (job.status.state !== 'queued' || index.get(job.id) !== job) continue
      index.refresh(job)
      requestTurn()
    }
    for (const job of refused) job.abort?.('cancelled')
  }

  /** The turn came to nothing: newcomers are turned away; followers are written with the next. */
  failed(error: unknown): void {
    for (const [job, { reject }] of this.#newcomers) {
      this.#forget(job)
      job.abort?.('cancelled')
      reject(error)
    }
    this.#newcomers.clear()
    for (const { admit } of this.#line.splice(0)) admit.reject(error)
  }

  dispose(): void {
    this.#cancelWindow?.()
    this.#cancelWindow = null
    this.#cancelStoring?.()
    this.#cancelStoring = null
  }

  #gather(windowMs: number): void {
    const { clock, requestTurn } = this.#deps
    this.#cancelWindow ??= clock.setTimer(windowMs, requestTurn)
  }

  #forget(job: ActiveJob): void {
    this.#claimed.delete(job)
    job.claimed = false
  }

  /** Nothing but those before it can keep it from running at once. */
  #isFree(job: ActiveJob): boolean {
    const { definition, status } = job
    return (
      status.state === 'queued' &&
      definition.dependsOn.length === 0 &&
      definition.deadline === null &&
      // It may not have to run at all.
      definition.fingerprint === null &&
      this.#isShort(job)
    )
  }

  #isShort(job: ActiveJob): boolean {
    const { parameters } = job.definition
    if (parameters.kind !== 'infer' && !(parameters.kind === 'synthetic' && parameters.fail === null))
      return false
    const runMs = this.#deps.runMsOf(job)
    return runMs !== null && runMs <= SHORT_MS
  }
}
