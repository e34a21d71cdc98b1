import type { LeaseId } from '../../../shared/domain/ids'
import { isEmptyVector } from '../../../shared/domain/resources'
import { AppError } from '../../../shared/errors'
import { type Core, place } from '../../core'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import type { ActiveJob } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import { plan } from '../schedule/plan'
import type { Place } from '../schedule/space'
import type { Plan, PlanState, SchedulePolicy, Start } from '../schedule/types'
import type { AttemptEnd } from './attempt'
import type { EnginePool, PooledEngine } from './engine-pool'
import type { OwnLeases } from './own-leases'
import { readQuotas } from './quotas'
import type { Settler } from './settle'

const DOOMED_A_TURN = 200
const RETRY_TURN_MS = 1_000
/** A job so short may follow another on its engine before that is on the disk. */
const SHORT_MS = 5
/** So long a row of short jobs may go on until the planner is asked again. */
const LONGEST_CHAIN_MS = 200
/** So many outcomes are written at once at the most, in the middle of a row. */
const CHAIN_COMMIT = 256
/** In the middle of a row outcomes are gathered for twice the time that a commit takes here, within these bounds. */
const CHAIN_WINDOW_MS = { least: 2, most: 50 }

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
  run(job: ActiveJob, engine: PooledEngine, attempt: number): Promise<AttemptEnd>
  onPlan(plan: Plan): void
}

interface Started {
  job: ActiveJob
  engine: PooledEngine
}

interface Operation {
  work: () => unknown
  resolve: (value: never) => void
  reject: (error: unknown) => void
}

/**
 * Turns: what callers asked for is done, whatever ended since the last one is settled, then what can start is started,
 * all in one transaction. Only when it is on the disk do the attempts begin.
 *
 * One exception makes thousands of short jobs a second possible: when a short job has succeeded and the next in the
 * queue is of the same kind, it follows at once on the same engine, under the same lease, and both are written together
 * with the next turn. Should the program die before, the rows still say `queued` and the jobs run again, as after any
 * interruption; no outcome was told to anyone.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #place: Place = (need, devices) => {
    const found = place(need, [...devices])
    return 'missing' in found ? null : found
  }
  readonly #running = new Map<ActiveJob, Promise<void>>()
  #settled: AttemptEnd[] = []
  #operations: Operation[] = []
  /** Jobs that run though no turn has written it yet, with the time they began. */
  readonly #claimed = new Map<ActiveJob, { startedAt: number; placement: ActiveJob['status']['placement'] }>()
  #cancelChainCommit: (() => void) | null = null
  /** What a commit takes on this disk, as a moving mean. */
  #commitMs = 1
  #waitingSince: ReadonlyMap<string, number> = new Map()
  #requested = false
  #accepting = false
  #cancelRetry: (() => void) | null = null
  #onIdle: (() => void) | null = null

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
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
    if (this.#requested) return
    this.#requested = true
    this.#turn()
  }

  /** Does `work` in the next turn, before anything is planned: durable when it resolves. */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#operations.push({ work, resolve, reject })
      // While a row of short jobs gathers outcomes a commit is near, and one is cheaper than two.
      if (this.#claimed.size > 0) this.#commitChain()
      else this.request()
    })
  }

  dispose(): void {
    this.pause()
    this.#cancelRetry?.()
    this.#cancelChainCommit?.()
  }

  #turn(): void {
    let workedAt = 0
    const work = () => {
      const done = this.#work()
      workedAt = performance.now()
      return done
    }
    this.#deps.database.write(work).then(
      (done) => {
        this.#commitMs += 0.2 * (performance.now() - workedAt - this.#commitMs)
        this.#settled.splice(0, done.settled.length)
        for (const job of done.claimed) {
          this.#claimed.delete(job)
          job.claimed = false
        }
        for (const { job } of done.settled) this.#running.delete(job)
        for (const tell of done.outcomes) tell()
        for (const started of done.started) this.#begin(started, null)
        for (const ref of done.evict) {
          const engine = this.#deps.pool.get(ref)
          if (engine) void this.#deps.pool.evict(engine)
        }
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
    const { settler, database } = this.#deps
    this.#requested = false
    this.#cancelChainCommit?.()
    this.#cancelChainCommit = null
    const settled = [...this.#settled]
    const claimed = this.#writeClaimed(new Set(settled.map(({ job }) => job)))
    const outcomes: (() => void)[] = []
    const operations = this.#operations.splice(0)
    database.onRollback(() => this.#operations.unshift(...operations))
    for (const { work, resolve, reject } of operations) {
      try {
        const value = database.transaction(work)
        outcomes.push(() => resolve(value as never))
      } catch (error) {
        outcomes.push(() => reject(error))
      }
    }
    for (const end of settled) this.#settle(end)
    const more = settler.failDoomed(DOOMED_A_TURN)
    const none = { claimed, settled, outcomes, started: [] as Started[], evict: [] as string[], more }
    if (!this.#accepting) return none
    const decided = plan(this.#state(), this.#place)
    const started: Started[] = []
    for (const start of decided.start) {
      const begun = this.#start(start)
      if (begun) started.push(begun)
    }
    this.#noteWaiting(decided)
    this.#deps.onPlan(decided)
    return { ...none, started, evict: decided.evict }
  }

  /** Rows of jobs that followed another: one that has ended by now is written once, with its end. */
  #writeClaimed(ended: ReadonlySet<ActiveJob>): ActiveJob[] {
    const { index } = this.#deps
    for (const [job, { startedAt, placement }] of this.#claimed) {
      const { attempt, readyAt } = job.status
      const queuedMs = Math.max(0, startedAt - readyAt)
      index.change(
        job,
        { state: 'running', attempt: attempt + 1, startedAt, queuedMs, placement, error: null },
        !ended.has(job),
      )
    }
    return [...this.#claimed.keys()]
  }

  /** An outcome that cannot be stored as it is becomes a failure, so that the job ends and frees what it holds. */
  #settle(end: AttemptEnd): void {
    const { database, settler, logger } = this.#deps
    try {
      database.transaction(() => settler.settle(end))
    } catch (error) {
      if (error instanceof AppError && error.code === 'storage.disk_full') throw error
      logger.error({ err: error, job: end.job.id }, 'The outcome of an attempt could not be stored')
      const failure =
        error instanceof AppError
          ? error
          : new AppError('internal', 'The result of the job could not be stored.')
      settler.settle({ ...end, artifacts: [], outcome: { kind: 'failed', error: failure } })
    }
  }

  #start(start: Start): Started | null {
    const { core, database, clock, index, pool, ownLeases, logger } = this.#deps
    const job = index.get(start.job.id)
    if (!job) return null
    const { definition, status } = job
    try {
      return database.transaction(() => {
        const now = clock.now()
        if (!isEmptyVector(definition.need)) {
          const { principal: holder, name: purpose } = definition
          const options = { holder, purpose, priority: status.priority, job: job.id, ttlMs: null }
          const lease = core.allocate(definition.need, options, start.placement)
          ownLeases.add(lease.id as LeaseId)
          job.lease = lease.id as LeaseId
          database.onRollback(() => {
            job.lease = null
          })
        }
        const engine =
          'load' in start.engine
            ? pool.reserve(job, start.engine.load, start.class.load.memoryBytes)
            : pool.take(start.engine.ref, job)
        index.change(job, {
          state: 'running',
          attempt: status.attempt + 1,
          startedAt: now,
          queuedMs: Math.max(0, now - status.readyAt),
          placement: start.placement as typeof status.placement,
          error: null,
        })
        return { job, engine }
      })
    } catch (error) {
      // Others may have taken it since it was planned; the next change of a lease makes the next turn.
      if (!(error instanceof AppError)) throw error
      logger.debug({ err: error, job: job.id }, 'A planned start was refused')
      return null
    }
  }

  /** @param chain when the row of jobs began that it follows in; null: it begins one */
  #begin({ job, engine }: Started, chain: number | null): void {
    const since = chain ?? this.#deps.clock.now()
    const attempt = job.status.attempt + (chain === null ? 0 : 1)
    const ended = this.#deps.run(job, engine, attempt).then((end) => {
      this.#settled.push(end)
      if (this.#follow(end, engine, since)) this.#commitChain()
      else this.request()
    })
    this.#running.set(job, ended)
  }

  /** Lets the next short job have the engine and the lease of the one that has ended. @returns false when there is none */
  #follow({ job, outcome }: AttemptEnd, engine: PooledEngine, since: number): boolean {
    const { clock, index, pool } = this.#deps
    const now = clock.now()
    if (!this.#accepting || outcome.kind !== 'succeeded' || engine.state !== 'idle') return false
    if (now - since > LONGEST_CHAIN_MS) return false
    const next = index.nextLike(job)
    if (!next || !this.#isShort(next)) return false
    index.claim(next)
    next.lease = job.lease
    job.lease = null
    pool.take(engine.ref, next)
    this.#claimed.set(next, {
      startedAt: now,
      placement: this.#claimed.get(job)?.placement ?? job.status.placement,
    })
    this.#begin({ job: next, engine }, since)
    return true
  }

  #isShort(job: ActiveJob): boolean {
    const { parameters } = job.definition
    if (parameters.kind !== 'infer' && !(parameters.kind === 'synthetic' && parameters.fail === null))
      return false
    const runMs = this.#deps.runMsOf(job)
    return runMs !== null && runMs <= SHORT_MS
  }

  #commitChain(): void {
    if (this.#requested) return
    const { clock } = this.#deps
    if (this.#cancelChainCommit === null) {
      const { least, most } = CHAIN_WINDOW_MS
      const windowMs = Math.min(most, Math.max(least, 2 * this.#commitMs))
      this.#cancelChainCommit = clock.setTimer(windowMs, () => this.request())
    }
    if (this.#settled.length >= CHAIN_COMMIT) this.request()
  }

  #noteWaiting({ blocked }: Plan): void {
    const now = this.#deps.clock.now()
    const since = new Map<string, number>()
    for (const block of blocked.values()) {
      if (block.kind === 'engine') since.set(block.engineKey, this.#waitingSince.get(block.engineKey) ?? now)
    }
    this.#waitingSince = since
  }

  #state(): PlanState {
    const { core, clock, index, pool, policy, runMsOf } = this.#deps
    const classes = index.classes()
    return {
      now: clock.now(),
      classes,
      devices: core.freeDevices(),
      engines: pool.planned(runMsOf),
      waitingSince: this.#waitingSince,
      quotas: readQuotas(core, new Set(classes.map(({ principal }) => principal))),
      policy,
    }
  }

  /** The whole turn was rolled back, memory with it. What ended is settled later, when there is room again. */
  #failed(error: unknown): void {
    const { clock, logger } = this.#deps
    for (const { reject } of this.#operations.splice(0)) reject(error)
    if (error instanceof AppError && error.code === 'system.stopping') return
    logger.error({ err: error }, 'A turn of the scheduler could not be stored; it is tried again')
    this.#cancelRetry ??= clock.setTimer(RETRY_TURN_MS, () => {
      this.#cancelRetry = null
      this.request()
    })
  }
}
