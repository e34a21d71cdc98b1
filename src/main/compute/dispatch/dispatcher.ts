import type { LeaseId, PrincipalId } from '../../../shared/domain/ids'
import { isEmptyVector, type ResourceVector, subtractVectors } from '../../../shared/domain/resources'
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
import type { Settler } from './settle'

const DOOMED_A_TURN = 200
const RETRY_TURN_MS = 1_000

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
  run(job: ActiveJob, engine: PooledEngine): Promise<AttemptEnd>
  onPlan(plan: Plan): void
}

interface Started {
  job: ActiveJob
  engine: PooledEngine
}

/**
 * Turns: whatever happened since the last one is settled, then what can start is started, all in one transaction. Only
 * when it is on the disk do the attempts begin.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #place: Place = (need, devices) => {
    const found = place(need, [...devices])
    return 'missing' in found ? null : found
  }
  readonly #running = new Map<ActiveJob, Promise<void>>()
  #settled: AttemptEnd[] = []
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

  dispose(): void {
    this.pause()
    this.#cancelRetry?.()
  }

  #turn(): void {
    this.#deps.database.write(() => this.#work()).then(
      (done) => {
        this.#settled.splice(0, done.settled.length)
        for (const { job } of done.settled) this.#running.delete(job)
        for (const started of done.started) this.#begin(started)
        for (const ref of done.evict) {
          const engine = this.#deps.pool.get(ref)
          if (engine) void this.#deps.pool.evict(engine)
        }
        if (done.more || this.#settled.length > 0) this.request()
        if (this.#running.size === 0) {
          this.#onIdle?.()
          this.#onIdle = null
        }
      },
      (error: unknown) => this.#failed(error),
    )
  }

  #work(): { settled: AttemptEnd[]; started: Started[]; evict: string[]; more: boolean } {
    this.#requested = false
    const { settler } = this.#deps
    const settled = [...this.#settled]
    for (const end of settled) this.#settle(end)
    const more = settler.failDoomed(DOOMED_A_TURN)
    if (!this.#accepting) return { settled, started: [], evict: [], more }
    const decided = plan(this.#state(), this.#place)
    const started: Started[] = []
    for (const start of decided.start) {
      const engine = this.#start(start)
      if (engine) started.push(engine)
    }
    this.#deps.onPlan(decided)
    return { settled, started, evict: decided.evict, more }
  }

  /** An outcome that cannot be stored as it is becomes a failure, so that the job ends and frees what it holds. */
  #settle(end: AttemptEnd): void {
    const { database, settler, logger } = this.#deps
    try {
      database.transaction(() => settler.settle(end))
    } catch (error) {
      if (error instanceof AppError && error.code === 'storage.disk_full') throw error
      logger.error({ err: error, job: end.job.id }, 'The outcome of an attempt could not be stored')
      const failure = error instanceof AppError ? error : new AppError('internal', 'The result of the job could not be stored.')
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

  #begin({ job, engine }: Started): void {
    const ended = this.#deps.run(job, engine).then((end) => {
      this.#settled.push(end)
      this.request()
    })
    this.#running.set(job, ended)
  }

  #state(): PlanState {
    const { core, clock, index, pool, policy, runMsOf } = this.#deps
    const classes = index.classes()
    return {
      now: clock.now(),
      classes,
      devices: core.freeDevices(),
      engines: pool.planned(runMsOf),
      quotas: this.#quotas(new Set(classes.map(({ principal }) => principal))),
      policy,
    }
  }

  #quotas(principals: ReadonlySet<PrincipalId>): PlanState['quotas'] {
    const { core } = this.#deps
    const quotas = new Map<PrincipalId, { limited: string[]; left: ResourceVector }>()
    for (const principal of principals) {
      const { limit } = core.getQuota(principal)
      const { custom = {}, ...plain } = limit
      const limited = [...Object.keys(plain), ...Object.keys(custom).map((name) => `custom.${name}`)]
      if (limited.length > 0) quotas.set(principal, { limited, left: limit })
    }
    if (quotas.size === 0) return quotas
    for (const { holder, need } of core.listLeases()) {
      const quota = quotas.get(holder as PrincipalId)
      if (quota) quota.left = subtractVectors(quota.left, need)
    }
    return quotas
  }

  /** The whole turn was rolled back, memory with it. What ended is settled later, when there is room again. */
  #failed(error: unknown): void {
    const { clock, logger } = this.#deps
    if (error instanceof AppError && error.code === 'system.stopping') return
    logger.error({ err: error }, 'A turn of the scheduler could not be stored; it is tried again')
    this.#cancelRetry ??= clock.setTimer(RETRY_TURN_MS, () => {
      this.#cancelRetry = null
      this.request()
    })
  }
}
