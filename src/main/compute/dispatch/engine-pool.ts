import type { Placement } from '../../../shared/contract'
import type { EngineId, LeaseId, PrincipalId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import type { Core, FreeDevice, MemoryLack } from '../../core'
import type { Allotment, LoadableVersion, LocalExecutor } from '../../executors/local'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import type { ResolvedVersion, Storage } from '../../storage'
import type { ActiveJob } from '../jobs/active-job'
import { contextTokens, SYNTHETIC } from '../jobs/active-job'
import type { Estimates } from '../jobs/estimates'
import { keep } from '../jobs/keep'
import type { PlanEngine, QueueClass } from '../schedule/types'
import { type EngineSize, engineMemory } from './engine-size'
import { leasedDevice, nearestNode } from './leased-device'

/** Holds the memory of engines, which outlive the jobs that made them necessary. */
const SYSTEM = 'system' as PrincipalId
/** A lease that cannot be released, as on a full disk, is tried again after this time. */
const RETRY_MS = 1_000

/** A loaded model in a worker, or one on its way there. */
export interface PooledEngine {
  readonly ref: string
  readonly key: string
  readonly label: string
  /** Null: a synthetic load. */
  readonly version: { model: string; version: number } | null
  readonly threads: number
  readonly memory: Placement
  readonly memoryBytes: number
  id: EngineId | null
  /** It takes no more work, and goes by itself. */
  isEnding: boolean
  /** It computes on what its job has leased, so it cannot outlive the job. */
  isBound: boolean
  state: PlanEngine['state'] | 'gone'
  lease: LeaseId | null
  job: ActiveJob | null
  idleSinceMs: number
  busySinceMs: number
}

export interface EnginePoolDeps {
  core: Core
  storage: Storage
  executor: LocalExecutor
  database: Database
  clock: Clock
  logger: Logger
  estimates: Estimates
  idleMs: number
  /** Something became free. */
  onFree(): void
  /** The lease is this module's own, so that its change is no news. */
  ownLease(id: LeaseId): void
}

/** Which engines there are, what they hold, who uses them. One job at a time each. */
export class EnginePool {
  readonly #deps: EnginePoolDeps
  readonly #engines = new Map<string, PooledEngine>()
  /** By engine key. */
  readonly #sizes = new Map<string, EngineSize>()
  #seen: readonly FreeDevice[] | null = null
  readonly #unsubscribe: () => void
  #idleMs: number
  #count = 0
  #cancelSweep: (() => void) | null = null

  constructor(deps: EnginePoolDeps) {
    this.#deps = deps
    this.#idleMs = deps.idleMs
    const unsubscribe = [
      deps.executor.onDidChangeEngines(({ removed }) => {
        for (const id of removed) this.#drop(this.find(id))
      }),
      deps.executor.onWillEndEngine((id) => this.#leave(id)),
    ]
    this.#unsubscribe = () => {
      for (const stop of unsubscribe) stop()
    }
  }

  /** What a new engine for a job takes: bytes of memory (a synthetic load has no model, so none), and time to load. */
  loadOf(job: ActiveJob): QueueClass['load'] {
    const { estimates } = this.#deps
    const size = this.#sizeOf(job)
    return {
      memoryBytes: engineMemory(size, job.definition.need, () => this.#devices()),
      estimateMs: estimates.loadMs(job.engineKey, size.fileBytes),
    }
  }

  /** As they are in this turn of the event loop, in which thousands of jobs may ask. */
  #devices(): readonly FreeDevice[] {
    if (this.#seen === null) {
      this.#seen = this.#deps.core.freeDevices()
      setImmediate(() => {
        this.#seen = null
      })
    }
    return this.#seen
  }

  /** Bytes without which a job will never run: those of the engine that it has to load. */
  leastMemoryOf(job: ActiveJob): number {
    const isThere = [...this.#engines.values()].some(({ key }) => key === job.engineKey)
    return isThere ? 0 : this.#sizeOf(job).leastBytes
  }

  #sizeOf(job: ActiveJob): EngineSize {
    return this.#sizes.get(job.engineKey) ?? this.#measure(job, this.resolve(job))
  }

  /** As it is known now. */
  #measure(job: ActiveJob, version: ResolvedVersion | null): EngineSize {
    const { executor } = this.#deps
    const loaded = version && loadable(version, job)
    const size = {
      memoryBytes: loaded ? executor.estimateMemory(loaded) : 0,
      leastBytes: loaded ? executor.leastMemory(loaded) : 0,
      fileBytes: loaded?.sizeBytes ?? 0,
    }
    keep(this.#sizes, job.engineKey, size)
    return size
  }

  /** By engine key: the runtime of a version that is not loaded, while it is not known whether that runtime works. */
  untried(jobs: Iterable<ActiveJob>): ReadonlyMap<string, string> {
    const formats = this.#deps.executor.untried()
    const untried = new Map<string, string>()
    if (formats.size === 0) return untried
    const loaded = new Set([...this.#engines.values()].map(({ key }) => key))
    for (const job of jobs) {
      if (loaded.has(job.engineKey)) continue
      const version = this.resolve(job)
      const name = version && formats.get(version.format)
      if (name) untried.set(job.engineKey, name)
    }
    return untried
  }

  /** Null when the version is no more; then the attempt says so. */
  resolve(job: ActiveJob): ResolvedVersion | null {
    const { model, modelVersion } = job.definition
    if (model === null) return null
    try {
      return this.#deps.storage.resolve(`${model}@${modelVersion}`)
    } catch (error) {
      if (error instanceof AppError) return null
      throw error
    }
  }

  planned(runMsOf: (job: ActiveJob) => number | null): PlanEngine[] {
    const now = this.#deps.clock.now()
    return [...this.#engines.values()].map((engine) => {
      const runMs = engine.job ? runMsOf(engine.job) : 0
      const loadMs = engine.state === 'loading' && engine.job ? this.loadOf(engine.job).estimateMs : 0
      return {
        ref: engine.ref,
        engineKey: engine.key,
        state: engine.state === 'gone' ? 'leaving' : engine.state,
        memory: engine.memory,
        lease: engine.lease,
        idleSinceMs: engine.idleSinceMs,
        job: engine.job?.id ?? null,
        remainingMs: runMs === null ? null : Math.max(0, loadMs + runMs - (now - engine.busySinceMs)),
      }
    })
  }

  /** The engine that a job loads or runs on. */
  refOf(job: ActiveJob): string | null {
    for (const engine of this.#engines.values()) if (engine.job === job) return engine.ref
    return null
  }

  get(ref: string): PooledEngine | undefined {
    return this.#engines.get(ref)
  }

  idle(key: string): PooledEngine | undefined {
    return [...this.#engines.values()].find((engine) => engine.key === key && engine.state === 'idle')
  }

  find(id: string): PooledEngine | undefined {
    return [...this.#engines.values()].find((engine) => engine.id === id)
  }

  /** Makes an idle engine busy. Undone with the transaction now open. */
  take(ref: string, job: ActiveJob): PooledEngine {
    const engine = this.#engines.get(ref)
    if (engine?.state !== 'idle') throw new AppError('internal', `Engine ${ref} is not idle.`)
    engine.state = 'busy'
    engine.job = job
    engine.busySinceMs = this.#deps.clock.now()
    this.#deps.database.onRollback(() => {
      if (engine.state !== 'busy') return
      engine.state = engine.isEnding ? 'leaving' : 'idle'
      engine.job = null
    })
    this.charge(engine, [job.definition.principal])
    return engine
  }

  /** While it is in use its memory counts for those who use it, in equal parts; while it is idle, for nobody. */
  charge({ lease }: PooledEngine, users: readonly PrincipalId[]): void {
    if (lease) this.#deps.core.share(lease, users)
  }

  /** Leases the memory of a new engine. Undone with the transaction now open; {@link load} loads it. */
  reserve(job: ActiveJob, memory: Placement, memoryBytes: number): PooledEngine {
    const { core, clock, database } = this.#deps
    const { model, modelVersion, parameters } = job.definition
    const label = model === null ? SYNTHETIC : `${model}@${modelVersion}`
    let lease: LeaseId | null = null
    if (memoryBytes > 0) {
      const options = {
        holder: SYSTEM,
        purpose: `engine ${label}`,
        priority: job.status.priority,
        since: job.status.readyAt,
        ttlMs: null,
      }
      lease = core.allocate({ memoryBytes }, options, memory).id as LeaseId
      this.#deps.ownLease(lease)
    }
    const engine: PooledEngine = {
      ref: `engine-${++this.#count}`,
      key: job.engineKey,
      label,
      version: model === null || modelVersion === null ? null : { model, version: modelVersion },
      threads: 'threads' in parameters ? parameters.threads : 1,
      memory,
      memoryBytes,
      id: null,
      isEnding: false,
      isBound: false,
      state: 'loading',
      lease,
      job,
      idleSinceMs: clock.now(),
      busySinceMs: clock.now(),
    }
    this.#engines.set(engine.ref, engine)
    database.onRollback(() => this.#engines.delete(engine.ref))
    this.charge(engine, [job.definition.principal])
    return engine
  }

  /**
   * What a worker may take for a job, and for those that run in one go with it: what the job and the engine have leased.
   * @param priority of the most urgent of them
   */
  allotmentOf(
    { definition, status }: ActiveJob,
    { memoryBytes: engineMemoryBytes }: PooledEngine,
    priority = status.priority,
  ): Allotment {
    const { need, place } = definition
    const { cpuCores = 1, memoryBytes = 0 } = need
    const gpuMemory = (status.placement ?? []).flatMap(({ device, amounts }) =>
      amounts.gpuMemoryBytes ? [{ device, memoryBytes: amounts.gpuMemoryBytes }] : [],
    )
    const numaNode = nearestNode(this.#deps.core.listDevices(), place, status.placement)
    return { cpuCores, numaNode, memoryBytes, engineMemoryBytes, gpuMemory, priority }
  }

  /** @returns milliseconds it took @throws AppError as the executor's `load` */
  async load(engine: PooledEngine, job: ActiveJob, signal: AbortSignal): Promise<number> {
    const { core, executor, storage, clock, estimates } = this.#deps
    const began = clock.now()
    const { model, modelVersion } = job.definition
    try {
      // Resolved anew, so that a version that is gone says so.
      const version = model === null ? null : storage.resolve(`${model}@${modelVersion}`)
      const device = leasedDevice(core.listDevices(), job.status.placement)
      const view = await executor.load(version, {
        threads: engine.threads,
        allotment: this.allotmentOf(job, engine),
        signal,
        device,
      })
      engine.id = view.id as EngineId
      engine.isBound = view.device !== null
      engine.state = 'busy'
      const loadMs = view.loadMs ?? clock.now() - began
      estimates.observeLoad(engine.key, loadMs)
      if (version) this.#measure(job, version)
      engine.busySinceMs = clock.now()
      return loadMs
    } catch (error) {
      this.#drop(engine)
      throw error
    }
  }

  /** The job that used it has ended. */
  giveBack(engine: PooledEngine, failed: boolean): void {
    if (engine.state !== 'busy') return
    engine.job = null
    const gone = failed && !this.#deps.executor.engines().some(({ id }) => id === engine.id)
    if (gone) {
      this.#drop(engine)
      return
    }
    engine.state = engine.isEnding ? 'leaving' : 'idle'
    this.charge(engine, [SYSTEM])
    engine.idleSinceMs = this.#deps.clock.now()
    this.#armSweep()
  }

  /** Unloads an idle engine, or waits for one that goes by itself; its memory is free when it is gone. */
  async evict(engine: PooledEngine): Promise<void> {
    if ((engine.state !== 'idle' && engine.state !== 'leaving') || engine.id === null) return
    engine.state = 'leaving'
    try {
      await this.#deps.executor.unload(engine.id)
    } catch (error) {
      this.#deps.logger.error({ err: error, engine: engine.id }, 'An engine could not be unloaded')
    }
    this.#drop(engine)
  }

  /**
   * For programs that ask for memory, the first first: idle engines go, those that are kept warm last; none for one to whom
   * all of them together would not give enough.
   */
  makeRoom(lacks: readonly MemoryLack[]): void {
    const engines = [...this.#engines.values()]
    const idle = engines
      .filter(({ state }) => state === 'idle')
      .sort(
        (a, b) => Number(this.#staysWarm(a)) - Number(this.#staysWarm(b)) || a.idleSinceMs - b.idleSinceMs,
      )
    let leavingBytes = sizeOf(engines.filter(({ state }) => state === 'leaving'))
    const mostBytes = leavingBytes + sizeOf(idle)
    let takenBytes = 0
    let wantedBytes = 0
    for (const { missingBytes, needBytes } of lacks) {
      // Of what is free now each counts all: those before it take it first.
      const bytes = takenBytes + missingBytes
      if (bytes > mostBytes) continue
      wantedBytes = bytes
      takenBytes += needBytes
    }
    for (const engine of idle) {
      if (leavingBytes >= wantedBytes) return
      leavingBytes += engine.memoryBytes
      void this.evict(engine)
    }
  }

  get idleMs(): number {
    return this.#idleMs
  }

  setIdle(ms: number): void {
    this.#idleMs = ms
    this.#cancelSweep?.()
    this.#cancelSweep = null
    this.#armSweep()
  }

  async unloadAll(): Promise<void> {
    await Promise.all([...this.#engines.values()].map((engine) => this.evict(engine)))
  }

  dispose(): void {
    this.#unsubscribe()
    this.#cancelSweep?.()
  }

  #leave(id: string): void {
    const engine = this.find(id)
    if (!engine) return
    engine.isEnding = true
    if (engine.state === 'idle') engine.state = 'leaving'
  }

  #drop(engine: PooledEngine | undefined): void {
    if (!engine || engine.state === 'gone') return
    engine.state = 'gone'
    this.#release(engine)
  }

  /** Memory is offered again only when the lease is over; until then the planner sees the engine leave. */
  #release(engine: PooledEngine): void {
    const { core, database, clock, logger } = this.#deps
    const { lease } = engine
    database
      .write(() => {
        if (lease) core.release(lease)
      })
      .then(
        () => this.#forget(engine),
        (error: unknown) => {
          if (error instanceof AppError && error.code !== 'storage.disk_full') return this.#forget(engine)
          logger.error({ err: error, lease }, 'The lease of an engine could not be released; trying again')
          clock.setTimer(RETRY_MS, () => this.#release(engine))
        },
      )
  }

  #forget(engine: PooledEngine): void {
    this.#engines.delete(engine.ref)
    this.#deps.onFree()
  }

  /** Ends engines that nobody has used for long; one that its model's policy keeps warm goes only when it is in the way. */
  #armSweep(): void {
    if (this.#cancelSweep) return
    const { clock } = this.#deps
    const idle = [...this.#engines.values()].filter(({ state }) => state === 'idle')
    if (idle.length === 0) return
    // Of a clock that was set back: else one would stay as long as that again.
    for (const engine of idle) engine.idleSinceMs = Math.min(engine.idleSinceMs, clock.now())
    // A policy may change at any time: whom it keeps now is looked at again.
    const waits = idle.map((engine) =>
      this.#staysWarm(engine) ? this.#idleMs : engine.idleSinceMs + this.#idleMs - clock.now(),
    )
    this.#cancelSweep = clock.setTimer(Math.max(10, Math.min(...waits)), () => {
      this.#cancelSweep = null
      const limit = clock.now() - this.#idleMs
      for (const engine of this.#engines.values()) {
        const isOld = engine.state === 'idle' && engine.idleSinceMs <= limit
        if (isOld && !this.#staysWarm(engine)) void this.evict(engine)
      }
      this.#armSweep()
    })
  }

  #staysWarm({ version }: PooledEngine): boolean {
    return version !== null && this.#deps.storage.staysWarm(version.model, version.version)
  }
}

function sizeOf(engines: readonly PooledEngine[]): number {
  return engines.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
}

/** What a language model is to hold in mind is a matter of the job, and a part of what its engine takes. */
function loadable(version: ResolvedVersion, { definition }: ActiveJob): LoadableVersion {
  const tokens = contextTokens(definition.parameters)
  return tokens === undefined ? version : { ...version, contextTokens: tokens }
}
