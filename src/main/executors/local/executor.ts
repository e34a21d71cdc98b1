import type { Enforcement, EngineView, ModelFormat, RuntimeView } from '../../../shared/contract'
import type { EngineId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import { Emitter } from '../../platform/events'
import type { ToolStream } from '../../platform/tool-stream'
import { builtInRuntimes } from '../../runtimes/built-in'
import { threadVariables } from '../../runtimes/environment'
import { WORKER_ENV } from '../../runtimes/protocol'
import type {
  Allotment,
  GpuProgram,
  LoadableVersion,
  LoadOptions,
  LocalExecutor,
  LocalExecutorDeps,
  RunHooks,
  RunOutcome,
  RunRequest,
} from '.'
import { notStarted } from './ends'
import { Enforcer } from './enforcement'
import { gpuMemoryOf } from './enforcement/memory-watch'
import { processesOf, residentBytes } from './enforcement/processes'
import { watchWindowsMemory } from './enforcement/windows-memory'
import { Engine } from './engine'
import { MemoryEstimates } from './memory'
import { Runtimes } from './runtimes'
import { WorkerProcess } from './worker-process'
import { WorkerSocket } from './worker-socket'

const IDLE_LOOK_MS = 1000
const BUSY_LOOK_MS = 250
/** On Windows memory is watched where work takes so long, and for a while after that: to begin costs about a second of CPU. */
const LONG_WORK_MS = 1000
const WATCHED_ON_MS = 10_000

/** The pool of engines of this machine. */
export function createLocalExecutor(deps: LocalExecutorDeps): LocalExecutor {
  return new Pool(deps)
}

class Pool implements LocalExecutor {
  readonly #deps: LocalExecutorDeps
  readonly #runtimes: Runtimes
  readonly #estimates = new MemoryEstimates()
  readonly #engines = new Map<EngineId, Engine>()
  readonly #changes: Emitter<{ changed: EngineView[]; removed: string[] }>
  #socket: WorkerSocket | null = null
  #enforcer: Enforcer | null = null
  #stopLooking: (() => void) | null = null
  readonly #stopSeeing: () => void
  readonly #windowsMemory: ToolStream | null
  #workedLongAt = Number.NEGATIVE_INFINITY
  #disposed = false

  readonly onDidChangeEngines: LocalExecutor['onDidChangeEngines']
  readonly #ending: Emitter<string>
  readonly onWillEndEngine: LocalExecutor['onWillEndEngine']
  readonly onDidTryRuntime: LocalExecutor['onDidTryRuntime']

  constructor(deps: LocalExecutorDeps) {
    this.#deps = deps
    const builtIn = builtInRuntimes(deps.pythonPath ?? (() => ''), deps.dataDir)
    const onListenerError = (error: unknown) =>
      deps.logger.error({ error }, 'A listener of the executor failed')
    this.#runtimes = new Runtimes(builtIn, deps.plugins ?? (() => []), deps.workersDir, onListenerError)
    this.#changes = new Emitter(onListenerError)
    this.onDidChangeEngines = this.#changes.event
    this.#ending = new Emitter(onListenerError)
    this.onWillEndEngine = this.#ending.event
    this.onDidTryRuntime = this.#runtimes.onDidTry
    const seen = deps.onDidSeeGpuPrograms?.((programs) => void this.#lookAtGpus(programs))
    this.#stopSeeing = seen ?? (() => undefined)
    this.#windowsMemory =
      process.platform === 'win32'
        ? watchWindowsMemory(deps, (residentOf) => this.#watchMemory(residentOf))
        : null
  }

  async start(): Promise<void> {
    // It takes seconds, and one may hang: only the jobs of a runtime wait until it has been tried.
    void this.#runtimes.probe()
    const [socket, enforcer] = await Promise.all([WorkerSocket.open(), Enforcer.open(this.#deps.logger)])
    if (this.#disposed) {
      await Promise.all([socket.close(), enforcer.dispose()])
      return
    }
    this.#socket = socket
    this.#enforcer = enforcer
  }

  probe(): Promise<void> {
    return this.#runtimes.probe()
  }

  async refreshRuntimes(): Promise<void> {
    // What is there when it starts is tried then.
    if (!this.#socket) return
    const orphans = [...this.#engines.values()].filter(({ runtime }) => !this.#runtimes.has(runtime))
    await Promise.all([this.#runtimes.refresh(), ...orphans.map((engine) => engine.unload())])
  }

  runtimes(): RuntimeView[] {
    return this.#runtimes.views(this.engines())
  }

  untried(): ReadonlyMap<ModelFormat, string> {
    return this.#runtimes.untried()
  }

  engines(): EngineView[] {
    return [...this.#engines.values()].map((engine) => engine.view())
  }

  enforcement(): Enforcement[] {
    return this.#enforcer?.means() ?? []
  }

  runtimeFor(format: ModelFormat): string {
    return this.#runtimes.forFormat(format).id
  }

  codeFor(format: ModelFormat): string {
    const { id, pluginDigest } = this.#runtimes.forFormat(format)
    return pluginDigest === undefined ? id : `${id} ${pluginDigest}`
  }

  estimateMemory(version: LoadableVersion): number {
    const runtime = this.#runtimes.choiceFor(version.format)
    // Without one it is never loaded: the load says so, to its job alone.
    return runtime ? this.#estimates.estimate(runtime, version) : version.sizeBytes
  }

  leastMemory(version: LoadableVersion): number {
    const runtime = this.#runtimes.choiceFor(version.format)
    return runtime ? this.#estimates.least(runtime, version) : version.sizeBytes
  }

  async load(
    version: LoadableVersion | null,
    { threads, allotment, signal, device = null }: LoadOptions,
  ): Promise<EngineView> {
    const runtime = version ? this.#runtimes.forFormat(version.format) : this.#runtimes.byId('synthetic')
    if (this.#runtimes.isBeingTried(runtime)) await this.#runtimes.tried(runtime, signal)
    this.#runtimes.assertWorks(runtime)
    if (runtime.assertUnchanged) await this.#runtimes.assertUnchanged(runtime, signal)
    const socket = this.#socket
    const enforcer = this.#enforcer
    if (!socket || !enforcer)
      throw new AppError('system.stopping', 'The executor is not running. Try again when it has started.')
    signal.throwIfAborted()
    const files = version?.files.map((file) => file.absolutePath) ?? []
    const launch = this.#runtimes.launch(runtime, socket.path, files, device)
    const expected = socket.expect()
    const { entry, program, options, backend } = launch
    let engine: Engine | null = null
    const env = {
      ...threadVariables(threads),
      ...launch.env,
      [WORKER_ENV.socket]: socket.path,
      [WORKER_ENV.token]: expected.token,
      [WORKER_ENV.options]: options,
      ...(launch.seesParent ? { [WORKER_ENV.parent]: String(globalThis.process.pid) } : {}),
    }
    let process: WorkerProcess
    try {
      process = new WorkerProcess({ entry, program, env }, (level, line) => engine?.hear(level, line))
    } catch (error) {
      expected.forget()
      throw notStarted(runtime.name, error as Error)
    }
    const made: Engine = new Engine({
      clock: this.#deps.clock,
      runtime,
      version,
      backend,
      device: launch.usesDevice ? (device?.id ?? null) : null,
      process,
      expected,
      ranOutOfMemory: () => enforcer.ranOutOfMemory(made),
      onChange: () => this.#changed(made),
      onEnding: () => this.#ending.fire(made.id),
      onLine: (level, line) => this.#deps.logger.debug({ engine: made.id, runtime: runtime.id, level }, line),
    })
    engine = made
    this.#engines.set(made.id, made)
    void made.gone.then(() => this.#removed(made)).then(() => enforcer.ended(made))
    this.#changed(made)
    this.#look()
    void enforcer.began(made)
    await made.load(threads, signal, allotment)
    if (version) this.#estimates.loaded(version.digest, made.ownMemoryBytes)
    return made.view()
  }

  async run(id: EngineId, request: RunRequest, hooks: RunHooks, allotment?: Allotment): Promise<RunOutcome> {
    const engine = this.#engines.get(id)
    if (!engine) throw new AppError('compute.not_found', 'This engine is gone. Load the model again.')
    if (this.#enforcer?.isLimited(engine)) await this.#enforcer.lift(engine)
    return engine.run(request, hooks, allotment)
  }

  async unload(id: EngineId): Promise<void> {
    await this.#engines.get(id)?.unload()
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    this.#stopLooking?.()
    this.#stopSeeing()
    this.#windowsMemory?.run(false)
    const socket = this.#socket
    this.#socket = null
    await Promise.all([
      this.#runtimes.dispose(),
      ...[...this.#engines.values()].map((engine) => engine.unload()),
    ])
    await socket?.close()
    await this.#enforcer?.dispose()
  }

  #changed(engine: Engine): void {
    this.#changes.fire({ changed: [engine.view()], removed: [] })
  }

  #removed(engine: Engine): void {
    this.#engines.delete(engine.id)
    this.#changes.fire({ changed: [], removed: [engine.id] })
  }

  /** While there are engines: what they take, and whether they are held to what is leased for what they do now. */
  #look(): void {
    if (this.#stopLooking || this.#disposed) return
    const engines = [...this.#engines.values()]
    const ms = engines.some(({ work }) => work !== null) ? BUSY_LOOK_MS : IDLE_LOOK_MS
    this.#stopLooking = this.#deps.clock.setTimer(ms, () => {
      this.#stopLooking = null
      void this.#lookAtAll().then(() => {
        if (this.#engines.size > 0) this.#look()
      })
    })
  }

  async #lookAtAll(): Promise<void> {
    const engines = [...this.#engines.values()]
    const pids = engines.flatMap(({ pid }) => (pid === null ? [] : [pid]))
    const resting = engines.filter(({ state }) => state === 'idle')
    const holding = engines.map((engine) => this.#enforcer?.hold(engine))
    const [sizes] = await Promise.all([residentBytes(pids), ...holding])
    for (const engine of engines) {
      const bytes = engine.pid === null ? undefined : sizes.get(engine.pid)
      if (bytes !== undefined) engine.sampled(bytes)
    }
    for (const { state, digest, ownMemoryBytes } of resting)
      if (state === 'idle' && digest !== null) this.#estimates.rested(digest, ownMemoryBytes)
    this.#watchLongWork()
  }

  #watchLongWork(): void {
    const now = performance.now()
    const engines = [...this.#engines.values()]
    if (engines.some(({ work }) => work !== null && now - work.sinceMs >= LONG_WORK_MS))
      this.#workedLongAt = now
    const isWatched = engines.length > 0 && now - this.#workedLongAt < WATCHED_ON_MS
    this.#windowsMemory?.run(isWatched && !this.#disposed)
  }

  #watchMemory(residentOf: (pids: readonly number[]) => ReadonlyMap<number, number>): void {
    this.#enforcer?.seesMemory()
    const engines = [...this.#engines.values()]
    const sizes = residentOf(engines.flatMap(({ pid }) => pid ?? []))
    for (const engine of engines) {
      const bytes = engine.pid === null ? undefined : sizes.get(engine.pid)
      if (bytes !== undefined) engine.watched(bytes)
    }
  }

  async #lookAtGpus(programs: readonly GpuProgram[]): Promise<void> {
    this.#enforcer?.seesGpus()
    for (const engine of this.#engines.values()) {
      if (engine.pid === null || !engine.work?.allotment.gpuMemory.length) continue
      engine.sampledGpus(gpuMemoryOf(await processesOf(engine.pid), programs))
    }
  }
}
