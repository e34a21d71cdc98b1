import type { JobId, LeaseId, PrincipalId } from '../../../shared/domain/ids'
import { isEmptyVector } from '../../../shared/domain/resources'
import { AppError } from '../../../shared/errors'
import type { Core } from '../../core'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import { type AbortReason, type ActiveJob, namedJob } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import { startOf } from '../jobs/job-row'
import { engineWaits } from '../schedule/engines'
import type { UrgencyOf } from '../schedule/heads'
import { LossBudget } from '../schedule/loss-budget'
import { placeOrNull } from '../schedule/place-or-null'
import { plan } from '../schedule/plan'
import { QueuePace } from '../schedule/queue-pace'
import { type Standing, urgencyIn } from '../schedule/rank'
import { type Holding, RecentUse } from '../schedule/recent-use'
import { leastWeightOf } from '../schedule/share'
import type { Plan, PlanState, Preemption, RunningJob, SchedulePolicy, Start } from '../schedule/types'
import { Apart } from './apart'
import type { AttemptEnd } from './attempt'
import type { Company, Together } from './company'
import type { EnginePool, PooledEngine } from './engine-pool'
import { Holds } from './holds'
import { KeptRooms } from './kept-rooms'
import { type Operation, operationOf } from './operation'
import type { OwnLeases } from './own-leases'
import { readQuotas } from './quotas'
import { RunAhead } from './run-ahead'
import { runningJob } from './running-job'
import type { Settler } from './settle'

/** A turn does so much for callers, and for jobs that waited for others, at the most; the rest follows in the next. */
const MOST_OPERATIONS = 256
const MOST_FOLLOWED_UP = 200
const RETRY_TURN_MS = 1_000
/** While anything waits a turn comes each second: after so long the machine has slept, or the clock was set forward. */
const LONGEST_GAP_MS = 10_000
/** So many callers that wait are enough to share a commit; in a row of short jobs fewer wait for others. */
const ENOUGH_COMPANY = 16
/** So many outcomes are written at once at the most, in the middle of a row of short jobs. */
const MOST_OUTCOMES = 256

export interface DispatcherDeps {
  core: Core
  database: Database
  clock: Clock
  logger: Logger
  index: JobIndex
  pool: EnginePool
  settler: Settler
  policy: SchedulePolicy
  ownLeases: OwnLeases
  runMsOf(job: ActiveJob): number | null
  mostMsOf(job: ActiveJob): number | null
  /** The greatest part of any resource of the machine that the job takes. */
  shareOf(job: ActiveJob): number
  company: Company
  /** Whether jobs may run in one go with others. */
  mayGroup(): boolean
  /** Runs one attempt, or several in one go. */
  run(attempts: Attempt[], engine: PooledEngine, stack: Together['stack']): Promise<AttemptEnd[]>
  /** A turn is about to be planned. */
  beforePlan(): void
  /** What the turn plans for; it changes when the plan is carried out. */
  onState(state: PlanState): void
  onPlan(plan: Plan): void
}

export interface Attempt {
  job: ActiveJob
  attempt: number
}

interface Started {
  job: ActiveJob
  engine: PooledEngine
}

/**
 * Turns: what callers asked for is done, whatever ended since the last one is settled, then what can start is started,
 * all in one transaction. Only when it is on the disk do the attempts begin, but for short ones (see {@link RunAhead}).
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #running = new Set<ActiveJob>()
  #settled: AttemptEnd[] = []
  #operations: Operation[] = []
  readonly #ahead: RunAhead
  readonly #holds: Holds
  readonly #apart: Apart
  #waitingSince: ReadonlyMap<string, number> = new Map()
  readonly #pace: QueuePace
  readonly #losses: LossBudget
  readonly #keptRooms: KeptRooms
  #uses: Pick<Standing, 'shares' | 'recent' | 'leastWeight'> = {
    shares: new Map(),
    recent: new Map(),
    leastWeight: 1,
  }
  readonly #recent = new RecentUse()
  #requested = false
  /** Another that is asked for in a turn comes when this one has been carried out: it would take the same ends again. */
  #isInTurn = false
  #isWantedAgain = false
  #accepting = false
  #cancelRetry: (() => void) | null = null
  #cancelLook: (() => void) | null = null
  readonly #promised = new Map<JobId, JobId[]>()
  #onIdle: (() => void) | null = null

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    this.#pace = new QueuePace(deps.policy, { longestGapMs: LONGEST_GAP_MS })
    this.#losses = new LossBudget(deps.policy)
    this.#keptRooms = new KeptRooms(deps.core, deps.index)
    this.#apart = new Apart(deps.database, () => deps.index.flush())
    this.#ahead = new RunAhead({
      ...deps,
      apart: this.#apart,
      requestTurn: () => this.request(),
      urgencyOf: this.urgencyOf,
      running: () => this.#running.keys(),
    })
    this.#holds = new Holds(deps)
  }

  /** The planner's order between classes now, with the pace and the shares of its last turn. */
  readonly urgencyOf: UrgencyOf = (group, job) => {
    const { clock, policy } = this.#deps
    if (this.#promised.has(job.id)) return Number.NEGATIVE_INFINITY
    return urgencyIn({ now: clock.now(), pace: this.#pace.value, ...this.#uses, policy }, group, job)
  }

  start(): void {
    this.#accepting = true
    this.request()
  }

  /** Starts nothing more. */
  pause(): void {
    this.#accepting = false
  }

  get running(): IterableIterator<ActiveJob> {
    return this.#running.keys()
  }

  /** Resolves when no attempt runs and all that ended are settled. */
  idle(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }

  /** Asks for a turn; many requests of one turn of the event loop make one. */
  request(): void {
    if (this.#isInTurn) {
      this.#isWantedAgain = true
      return
    }
    if (this.#requested) return
    this.#requested = true
    this.#turn()
  }

  /** Does `work` in the next turn, before anything is planned: durable when it resolves. */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#operations.push(operationOf(work, resolve, reject))
      if (this.#ahead.isGathering && this.#operations.length < ENOUGH_COMPANY) this.#ahead.gather()
      else this.request()
    })
  }

  /** Like {@link write}, for the work that adds a job: a short one may begin at once, if nobody is before it. */
  enter<T>(job: ActiveJob, work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#holds.arrived(job)
      const isFirst = this.#accepting && this.#operations.length === 0
      const admit = operationOf(work, resolve, reject)
      const engine = isFirst ? this.#ahead.enter(job, admit) : null
      if (engine) {
        this.#begin({ job, engine }, this.#deps.clock.now())
        return
      }
      if (isFirst && this.#ahead.standInLine(job, admit)) {
        this.#holds.look()
        return
      }
      job.inputs = null
      this.write(work).then(resolve, reject)
    })
  }

  dispose(): void {
    this.pause()
    this.#cancelRetry?.()
    this.#cancelLook?.()
    this.#holds.dispose()
    this.#ahead.dispose()
  }

  #turn(): void {
    let workedAt = 0
    const work = () => {
      this.#isInTurn = true
      this.#isWantedAgain = false
      try {
        const done = this.#work()
        workedAt = performance.now()
        return { ...done, more: done.more || this.#isWantedAgain }
      } finally {
        this.#isInTurn = false
      }
    }
    this.#deps.database.write(work).then(
      (done) => {
        this.#apart.isOn = false
        this.#settled.splice(0, done.settled.length)
        this.#ahead.written(done.caught, performance.now() - workedAt)
        for (const { job } of done.settled) this.#running.delete(job)
        for (const tell of done.outcomes) tell()
        for (const started of done.started) this.#begin(started)
        for (const preemption of done.preempt) this.#preempt(preemption)
        for (const ref of done.evict) {
          const engine = this.#deps.pool.get(ref)
          if (engine) void this.#deps.pool.evict(engine)
        }
        this.#holds.look()
        if (done.more) this.request()
        if (this.#running.size === 0) {
          this.#onIdle?.()
          this.#onIdle = null
        }
      },
      (error: unknown) => this.#failed(error),
    )
  }

  #work() {
    const { database, index, settler } = this.#deps
    this.#requested = false
    const settled = [...this.#settled]
    const caught = this.#ahead.write(new Set(settled.map(({ job }) => job)))
    const operations = this.#operations.splice(0, MOST_OPERATIONS)
    database.onRollback(() => this.#operations.unshift(...operations))
    const outcomes = [...caught.outcomes, ...operations.map((operation) => operation.perform(this.#apart))]
    for (const end of settled) {
      // One that ran ahead and was not taken in is nobody's.
      if (index.get(end.job.id) !== end.job) {
        settler.releaseLease(end.job)
        continue
      }
      this.#noteUse(end)
      this.#settle(end)
    }
    const more = this.#followUp() || this.#operations.length > 0
    const none = {
      caught,
      settled,
      outcomes,
      started: [] as Started[],
      evict: [] as string[],
      preempt: [] as Preemption[],
      more,
    }
    if (!this.#accepting) return none
    this.#deps.beforePlan()
    const state = this.#snapshot()
    this.#deps.onState(state)
    const decided = plan(state, placeOrNull)
    this.#pace.planned(state.now, decided)
    this.#deps.database.onRollback(this.#losses.spend(decided))
    const started = decided.start.flatMap((start) => this.#start(start) ?? [])
    // What has been started may be why others were refused: the next plan knows, and says so.
    const isRefused = started.length > 0 && started.length < decided.start.length
    this.#waitingSince = engineWaits(this.#waitingSince, decided, state.now)
    index.strand(decided.stranded)
    this.#keptRooms.update(decided.kept, state)
    this.#deps.onPlan(decided)
    this.#lookAgain(decided.lookAgainAt)
    return { ...none, started, evict: decided.evict, preempt: decided.preempt, more: more || isRefused }
  }

  /** It goes back to the queue when its worker has stopped; only then its place is free. */
  #preempt({ job: id, for: by }: Preemption): void {
    const job = this.#deps.index.get(id)
    const urgent = this.#deps.index.get(by)
    if (!job?.abort || !urgent || job.displacedBy !== null) return
    job.displacedBy = namedJob(urgent.definition)
    this.#promised.set(by, [...(this.#promised.get(by) ?? []), id])
    job.abort('preempted')
  }

  #lookAgain(at: number | null): void {
    const { clock } = this.#deps
    this.#cancelLook?.()
    this.#cancelLook =
      at === null ? null : clock.setTimer(Math.max(1, at - clock.now()), () => this.request())
  }

  /** What it took of the machine, before it gives that back. */
  #noteUse({ job, loadMs, computeMs }: AttemptEnd): void {
    const { clock, core, database, shareOf } = this.#deps
    const { principal } = job.definition
    const share = shareOf(job) / (core.weights().get(principal) ?? 1)
    database.onRollback(this.#recent.end(principal, share, loadMs + computeMs, clock.now()))
  }

  /** An outcome that cannot be stored as it is becomes a failure, so that the job ends and frees what it holds. */
  #settle(end: AttemptEnd): void {
    const { settler, logger } = this.#deps
    try {
      this.#apart.run(() => settler.settle(end))
    } catch (error) {
      if (error instanceof AppError && error.code === 'storage.disk_full') throw error
      logger.error({ err: error, job: end.job.id }, 'The outcome of an attempt could not be stored')
      const failure =
        error instanceof AppError
          ? error
          : new AppError('internal', 'The result of the job could not be stored.')
      // Nothing of what was measured: that may be what cannot be stored.
      const outcome = { kind: 'failed' as const, error: failure }
      const bare = { job: end.job, outcome, artifacts: [], loadMs: 0, computeMs: 0, benchmark: null }
      this.#apart.run(() => settler.settle(bare))
    }
  }

  /** What follows for others; of those that the database refuses, nothing. @returns whether there is more */
  #followUp(): boolean {
    const { settler, logger } = this.#deps
    try {
      return this.#apart.run(() => settler.followUp(MOST_FOLLOWED_UP))
    } catch (error) {
      if (!this.#apart.isOn || (error instanceof AppError && error.code === 'storage.disk_full')) throw error
      logger.error({ err: error }, 'What follows from the end of jobs could not be stored')
      return false
    }
  }

  #start(start: Start): Started | null {
    const { core, database, clock, index, pool, ownLeases, logger } = this.#deps
    const job = index.get(start.job.id)
    if (!job) return null
    const { definition, status } = job
    try {
      return this.#apart.run(() => {
        const now = clock.now()
        if (!isEmptyVector(definition.need)) {
          const { principal: holder, name: purpose, place } = definition
          const { priority, readyAt: since } = status
          const options = { holder, purpose, priority, since, job: job.id, place, ttlMs: null }
          const lease = core.allocate(definition.need, options, start.placement)
          ownLeases.add(lease.id as LeaseId)
          job.lease = lease.id as LeaseId
          database.onRollback(() => {
            job.lease = null
          })
        }
        job.displacedBy = null
        const engine =
          'load' in start.engine
            ? pool.reserve(job, start.engine.load, start.class.load.memoryBytes)
            : pool.take(start.engine.ref, job)
        index.change(job, startOf(status, now, start.placement as typeof status.placement))
        return { job, engine }
      })
    } catch (error) {
      // Others may have taken it since it was planned; the next change of a lease makes the next turn.
      if (!(error instanceof AppError)) throw error
      if (error.code === 'internal') this.#giveUp(job, error)
      else logger.debug({ err: error, job: job.id }, 'A planned start was refused')
      return null
    }
  }

  /** A job whose start cannot be stored does not stand in the way of the others. */
  #giveUp(job: ActiveJob, error: AppError): void {
    const { settler, logger } = this.#deps
    logger.error({ err: error, job: job.id }, 'The start of a job could not be stored')
    this.#apart.run(() => settler.end(job, 'failed', error))
  }

  /**
   * @param ahead when the row of short jobs began that it runs ahead of the disk in
   * @returns whether it waits for company before
   */
  #begin({ job, engine }: Started, ahead: number | null = null): boolean {
    this.#running.add(job)
    const joiners = () => {
      const { most, stack, jobs } = this.#ahead.joiners(job, engine)
      return { most: stack === 'yes' ? most : 1, jobs }
    }
    return this.#holds.gather(job, joiners, (stop) =>
      this.#go({ job, engine }, ahead ?? this.#deps.clock.now(), stop),
    )
  }

  /** @param stop why it was told to stop before it had begun */
  #go({ job, engine }: Started, since: number, stop: AbortReason | null): void {
    const { logger } = this.#deps
    const joining = stop ? { jobs: [], stack: 'no' as const } : this.#ahead.joining(job, engine)
    // The row of one that was claimed does not count this attempt yet.
    const attempts = [job, ...joining.jobs].map((each) => ({
      job: each,
      attempt: each.status.attempt + (each.claimed ? 1 : 0),
    }))
    const ended = this.#deps.run(attempts, engine, joining.stack).then((ends) => {
      this.#settled.push(...ends)
      const first = ends[0]
      const next = this.#accepting && first ? this.#ahead.follow(first, engine, since) : null
      const isHeld = next !== null && this.#begin({ job: next, engine }, since)
      // Whom it waits for may wait for these outcomes.
      if (next && !isHeld && this.#settled.length < MOST_OUTCOMES) this.#ahead.gather()
      else this.request()
    })
    ended.catch((error: unknown) => {
      logger.error({ err: error, job: job.id }, 'What follows from the end of an attempt failed')
      this.request()
    })
    for (const attempt of attempts) this.#running.add(attempt.job)
    if (stop) job.abort?.(stop)
    if (joining.jobs.length > 0) this.#ahead.gather()
  }

  /** What this turn is planned from. */
  #snapshot(): PlanState {
    const { core, clock, index, pool, policy, runMsOf } = this.#deps
    const now = clock.now()
    const classes = index.classes()
    const weights = core.weights()
    const running: RunningJob[] = []
    const shares = new Map<PrincipalId, number>()
    const held: Holding[] = []
    let runningMs = 0
    const engines = pool.planned(runMsOf)
    const loading = new Set(engines.map(({ state, job }) => (state === 'loading' ? job : null)))
    for (const id of this.#promised.keys()) if (!index.get(id)?.queued) this.#promised.delete(id)
    for (const job of index.running()) {
      const { principal } = job.definition
      const share = this.#deps.shareOf(job)
      const part = share / job.together / (weights.get(principal) ?? 1)
      const startedAt = job.status.startedAt ?? now
      shares.set(principal, (shares.get(principal) ?? 0) + part)
      held.push({ principal, share: part, since: startedAt })
      if (job.ridesAlong) continue
      const isLoading = loading.has(job.id)
      const loadMs = isLoading ? pool.loadOf(job).estimateMs : job.loadMs
      const withLoad = (ms: number | null) => (ms === null ? null : ms + loadMs)
      const times = { runMs: withLoad(runMsOf(job)), mostMs: withLoad(this.#deps.mostMsOf(job)) }
      running.push(runningJob(job, times, share, isLoading, now))
      runningMs += share * Math.max(0, startedAt + (runMsOf(job) ?? policy.unknownRunMs) - now)
    }
    const recent = this.#recent.at(now, held)
    const request = core.keptRoom()
    this.#uses = { shares, recent, leastWeight: leastWeightOf(classes, weights) }
    return {
      now,
      classes,
      devices: request?.devices ?? core.freeDevices(),
      request,
      engines,
      running,
      ...this.#pace.observe(now, runningMs, classes),
      shares,
      recent,
      weights,
      waitingSince: this.#waitingSince,
      untried: pool.untried(index.heads()),
      quotas: readQuotas(core, new Set(classes.map(({ principal }) => principal))),
      promised: this.#promised,
      stranded: index.stranded,
      lossBudgetMs: this.#losses.observe(now),
      policy,
    }
  }

  /** The whole turn was rolled back, memory with it. What ended is settled later, when there is room again. */
  #failed(error: unknown): void {
    const { clock, logger } = this.#deps
    // It may be the row of one job that the database refuses, and no reason for the others to wait.
    if (!(error instanceof AppError) && !this.#apart.isOn) {
      logger.warn(
        { err: error },
        'A turn of the scheduler could not be stored; it is done again, each job apart',
      )
      this.#apart.isOn = true
      this.request()
      return
    }
    this.#apart.isOn = false
    this.#ahead.failed(error)
    for (const { reject } of this.#operations.splice(0)) reject(error)
    if (error instanceof AppError && error.code === 'system.stopping') return
    logger.error({ err: error }, 'A turn of the scheduler could not be stored; it is tried again')
    this.#cancelRetry ??= clock.setTimer(RETRY_TURN_MS, () => {
      this.#cancelRetry = null
      this.request()
    })
  }
}
