import type { EngineView } from '../../../shared/contract'
import type { EngineId } from '../../../shared/domain/ids'
import { packTensorPieces } from '../../../shared/domain/tensor-codec'
import { AppError } from '../../../shared/errors'
import { type Clock, toIso } from '../../platform/clock'
import type { RuntimeAdapter } from '../../runtimes/adapter'
import { ProtocolError } from '../../runtimes/frames'
import type { Allotment, LoadableVersion, RunHooks, RunOutcome, RunRequest } from '.'
import { expectReply, readItem, WorkerCancelled } from './answers'
import { GroupSize, runBatch } from './batch'
import { Connection } from './connection'
import { crashed, interrupted, longestLoadMs, tooLate } from './ends'
import type { Work } from './enforcement'
import { gpuBound, hostBound, loadBound, MemoryWatch } from './enforcement/memory-watch'
import { residentBytes } from './enforcement/processes'
import { runGenerate } from './generate'
import { runSeveral } from './several'
import type { WorkerEnd, WorkerProcess } from './worker-process'
import type { Expected } from './worker-socket'

const HELLO_MS = 30_000
/** From a cancel to SIGKILL. */
const CANCEL_MS = 500
/** The same where what there is has to be written down before. */
const KEEP_MS = 5000
/** From a request to end to SIGKILL. */
const EXIT_MS = 2000
/** A worker that closed its socket has this long to end by itself. */
const CLOSED_MS = 1000
/** Memory that changed less is no news. */
const MEMORY_STEP_BYTES = 2 ** 20
/** Lines of one attempt that are kept. */
export const MAX_LINES = 1000

export interface EngineParts {
  clock: Clock
  runtime: RuntimeAdapter
  version: LoadableVersion | null
  /** What its worker computes on. */
  backend: string
  /** The id of the leased device that it is bound to. */
  device: string | null
  process: WorkerProcess
  expected: Expected
  /** Whether the system has ended it for the memory that it took. */
  ranOutOfMemory(): boolean
  onChange(): void
  /** Once: it takes no more work. */
  onEnding(): void
  onLine(level: 'info' | 'warn', line: string): void
}

/** A model loaded in a worker: one attempt at a time, and an end that every caller hears of. */
export class Engine {
  readonly id: EngineId
  /** Resolves when the worker is gone. */
  readonly gone: Promise<void>
  readonly #parts: EngineParts
  readonly #groupSize = new GroupSize()
  #connection: Connection | null = null
  #state: EngineView['state'] = 'loading'
  #memoryBytes = 0
  /** The most that a job has leased for its work; what it took of that, the worker may still hold. */
  #leasedBytes = 0
  #loadMs: number | null = null
  #runs = 0
  #idleSince: number | null = null
  /** Why it ended or is about to; the first reason counts. */
  #end: AppError | null = null
  #buried = false
  #work: (Work & { watch: MemoryWatch; gpuWatches: Map<string, MemoryWatch> }) | null = null
  #onLog: ((level: 'info' | 'warn', line: string) => void) | null = null

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.id = parts.clock.newId<EngineId>('eng')
    this.gone = parts.process.ended.then((end) => this.#bury(end))
  }

  get state(): EngineView['state'] {
    return this.#state
  }

  get pid(): number | null {
    return this.#parts.process.pid
  }

  get runtime(): RuntimeAdapter {
    return this.#parts.runtime
  }

  /** What it does, if it is to be held to what is leased for that. */
  get work(): Work | null {
    return this.#work
  }

  get digest(): string | null {
    return this.#parts.version?.digest ?? null
  }

  /** What it takes without what its jobs have leased for their work. */
  get ownMemoryBytes(): number {
    return Math.max(0, this.#memoryBytes - this.#leasedBytes)
  }

  view(): EngineView {
    const { version, runtime, backend, device, process } = this.#parts
    return {
      id: this.id,
      runtime: runtime.id,
      model: version?.model ?? runtime.id,
      version: version?.version ?? 0,
      state: this.#state,
      backend,
      device,
      pid: process.pid,
      memoryBytes: this.#memoryBytes,
      loadMs: this.#loadMs,
      runs: this.#runs,
      idleSince: this.#idleSince === null ? null : toIso(this.#idleSince),
    }
  }

  /** A line of the worker: to the running attempt, else to whoever keeps the log. */
  hear(level: 'info' | 'warn', line: string): void {
    if (this.#onLog) this.#onLog(level, line)
    else this.#parts.onLine(level, line)
  }

  measured(bytes: number): void {
    const moved = Math.abs(bytes - this.#memoryBytes) >= MEMORY_STEP_BYTES
    this.#memoryBytes = bytes
    if (moved && this.#state !== 'loading') this.#parts.onChange()
  }

  /** As {@link measured}; the running attempt ends when it is too much for too long. */
  sampled(bytes: number): void {
    this.measured(bytes)
    this.watched(bytes)
  }

  /** As {@link sampled}, where it is only looked at while it works: that says nothing of what it takes at rest. */
  watched(bytes: number): void {
    const exceeded = this.#work?.watch.sample(bytes)
    if (exceeded) this.#kill(exceeded)
  }

  /** As {@link sampled}, of GPUs: also while it loads, for what a model takes there is a part of the job's lease. */
  sampledGpus(bytes: ReadonlyMap<string, number>): void {
    for (const [device, watch] of this.#work?.gpuWatches ?? []) {
      const exceeded = watch.sample(bytes.get(device) ?? 0)
      if (exceeded) this.#kill(exceeded)
    }
  }

  /** @throws as `LocalExecutor.load`; the worker is gone then */
  async load(threads: number, signal: AbortSignal, allotment?: Allotment): Promise<void> {
    const start = performance.now()
    this.#begin(allotment)
    const limitMs = longestLoadMs(this.#parts.version?.files ?? [])
    const tooLong = this.#parts.clock.setTimer(limitMs, () =>
      this.#kill(tooLate(this.#parts.runtime.name, 'loading', limitMs)),
    )
    const abort = () => this.#kill(interrupted('The load was cancelled.'))
    signal.addEventListener('abort', abort)
    try {
      signal.throwIfAborted()
      const connection = await this.#connect()
      const { version } = this.#parts
      const answer = await connection.request({
        type: 'load',
        format: version?.format ?? 'none',
        // A version knows more of them than a worker is told.
        files: (version?.files ?? []).map(({ path, absolutePath, sizeBytes }) => ({
          path,
          absolutePath,
          sizeBytes,
        })),
        threads: Math.max(1, Math.floor(threads)),
      })
      expectReply(answer, 'loaded')
      await this.#measure()
      signal.throwIfAborted()
    } catch (error) {
      this.#kill(interrupted('The load failed.'))
      await this.gone
      signal.throwIfAborted()
      throw this.#inWords(error)
    } finally {
      tooLong()
      signal.removeEventListener('abort', abort)
    }
    this.#loadMs = performance.now() - start
    this.#rest()
  }

  /** @throws as `LocalExecutor.run` */
  async run(request: RunRequest, hooks: RunHooks, allotment?: Allotment): Promise<RunOutcome> {
    const connection = this.#connection
    if (this.#state !== 'idle' || !connection || this.#end) {
      throw new AppError('compute.conflict', 'This engine is not idle. Wait until it is, or load another.')
    }
    hooks.signal.throwIfAborted()
    this.#state = 'busy'
    this.#idleSince = null
    this.#begin(allotment)
    this.#onLog = boundedLog(hooks)
    this.#parts.onChange()
    const stop = () => this.#stop(connection, request.kind === 'generate' && hooks.isPause?.() === true)
    hooks.signal.addEventListener('abort', stop)
    try {
      return await this.#perform(connection, request, hooks)
    } catch (error) {
      if (error instanceof ProtocolError) connection.break(error.message)
      // Nothing of this attempt may still run when the next one starts.
      if (connection.pending > 0) this.#stop(connection, false)
      await this.#settled(connection)
      hooks.signal.throwIfAborted()
      throw this.#inWords(error)
    } finally {
      hooks.signal.removeEventListener('abort', stop)
      // What the worker printed before its answer lies in the pipe: one turn brings it.
      await new Promise((resolve) => setImmediate(resolve))
      if (!this.#end) this.#parts.process.endWords()
      this.#onLog = null
      this.#runs++
      // Its end with the answer is no failure of this run, and the next must not find it idle.
      if (connection.isBroken) this.#endFor(interrupted('The worker ended after its work.'))
      if (!this.#end) this.#rest()
    }
  }

  /** Politely, after two seconds by SIGKILL. Resolves when the worker is gone. */
  async unload(): Promise<void> {
    if (!this.#end) {
      this.#endFor(interrupted('The engine was unloaded while it worked.'))
      this.#connection?.exit()
      if (!this.#connection) this.#parts.process.kill()
    }
    const late = this.#parts.clock.setTimer(EXIT_MS, () => this.#parts.process.kill())
    await this.gone
    late()
  }

  async #connect(): Promise<Connection> {
    const { clock, expected } = this.#parts
    const late = clock.setTimer(HELLO_MS, () =>
      this.#kill(tooLate(this.#parts.runtime.name, 'starting', HELLO_MS)),
    )
    try {
      const socket = await Promise.race([expected.connected, this.gone])
      if (!socket) throw new ProtocolError('It ended before it said hello.')
      const connection = new Connection(socket, {
        onBroken: (why) => this.#broken(why),
        // Where the system can measure, what a worker says of itself is not believed: it is held to what is measured.
        onMemory: (bytes) => {
          if (process.platform === 'win32') this.measured(bytes)
        },
      })
      this.#connection = connection
      if (this.#buried) connection.failAll(this.#end)
      return connection
    } finally {
      late()
    }
  }

  /** What it takes before its first run. @throws why it has ended meanwhile */
  async #measure(): Promise<void> {
    const pid = this.pid ?? 0
    const bytes = (await residentBytes([pid])).get(pid)
    if (this.#end) throw this.#end
    if (bytes !== undefined) this.measured(bytes)
  }

  async #perform(connection: Connection, request: RunRequest, hooks: RunHooks): Promise<RunOutcome> {
    const progress = (fraction: number) => hooks.onProgress(fraction)
    if (request.kind === 'infer') {
      const answer = await connection.request({ type: 'run', stack: 1 }, packTensorPieces([request.inputs]))
      const { outputs, computeMs } = readItem(answer)
      hooks.signal.throwIfAborted()
      return { kind: 'infer', computeMs, outputs }
    }
    if (request.kind === 'batch') {
      const computeMs = await runBatch(connection, request, hooks, this.#groupSize)
      hooks.signal.throwIfAborted()
      return { kind: 'batch', computeMs }
    }
    if (request.kind === 'benchmark') {
      const { iterations, warmup } = request
      const body = packTensorPieces([request.inputs])
      const answer = await connection.request({ type: 'benchmark', iterations, warmup }, body, { progress })
      const { computeMs, latencyMs, throughput } = expectReply(answer, 'measured')
      return { kind: 'benchmark', computeMs, iterations, latencyMs, throughput }
    }
    if (request.kind === 'several') {
      return runSeveral(connection, request, hooks, (error) => this.#inWords(error) as AppError)
    }
    if (request.kind === 'generate') return runGenerate(connection, request, hooks)
    const { durationMs, busy, fail } = request
    const answer = await connection.request({ type: 'synthetic', durationMs, busy, fail }, undefined, {
      progress,
    })
    return { kind: 'synthetic', computeMs: expectReply(answer, 'done').computeMs }
  }

  #begin(allotment: Allotment | undefined): void {
    if (!allotment) return
    const isLoading = this.#state === 'loading'
    if (!isLoading) this.#leasedBytes = Math.max(this.#leasedBytes, allotment.memoryBytes)
    const { runtime, version, device } = this.#parts
    const bound = isLoading
      ? loadBound(allotment, runtime.estimateMemory(version), device !== null)
      : hostBound(allotment, this.#memoryBytes)
    const watch = new MemoryWatch(bound)
    const gpuWatches = new Map(
      allotment.gpuMemory.map((leased) => [leased.device, new MemoryWatch(gpuBound(leased))]),
    )
    const memoryLimitBytes = watch.limitBytes
    this.#work = { allotment, sinceMs: performance.now(), memoryLimitBytes, watch, gpuWatches }
  }

  #rest(): void {
    this.#work = null
    this.#state = 'idle'
    this.#idleSince = this.#parts.clock.now()
    this.#parts.onChange()
  }

  /** Asks the worker to stop what it does; SIGKILL if it has not in time. */
  #stop(connection: Connection, keep: boolean): void {
    connection.cancelAll(keep)
    const late = this.#parts.clock.setTimer(keep ? KEEP_MS : CANCEL_MS, () =>
      this.#kill(interrupted('The worker did not stop when it was asked to.')),
    )
    // Before the next attempt begins, which it must not end.
    void connection.drained().then(late)
  }

  async #settled(connection: Connection): Promise<void> {
    await connection.drained()
    if (this.#end) await this.gone
  }

  #endFor(why: AppError): void {
    if (this.#end) return
    this.#end = why
    this.#parts.onEnding()
  }

  #kill(why: AppError): void {
    this.#endFor(why)
    this.#parts.process.kill()
  }

  /** The connection is closed: by the worker's end, or because it made no sense. */
  #broken(why: string | null): void {
    if (why !== null) {
      this.#kill(
        new AppError(
          'compute.worker_crashed',
          `The ${this.#parts.runtime.name} worker broke the protocol and was ended: ${why}`,
        ),
      )
      return
    }
    // Why the worker ended is known when it has, and of interest to who waits for it.
    if (this.#state === 'idle') this.#endFor(interrupted('The worker ended while it was idle.'))
    this.#parts.clock.setTimer(CLOSED_MS, () => this.#parts.process.kill())
  }

  #bury(end: WorkerEnd): void {
    this.#buried = true
    this.#parts.expected.forget()
    if (this.#work && this.#parts.ranOutOfMemory()) this.#endFor(this.#work.watch.exceeded(null))
    this.#endFor(crashed(this.#parts.runtime.name, end))
    this.#connection?.break(null)
    this.#connection?.failAll(this.#end)
  }

  /** The error a caller gets: the engine's end explains whatever else went wrong on the way. */
  #inWords(error: unknown): unknown {
    if (error instanceof ProtocolError) return this.#end ?? error
    if (error instanceof WorkerCancelled) return this.#end ?? interrupted('The worker stopped.')
    if (error instanceof AppError && error.code === 'compute.runtime_failed') {
      return new AppError(error.code, `${this.#parts.runtime.name} says: ${error.message}`, error.details, {
        cause: error,
      })
    }
    return error
  }
}

/** At most {@link MAX_LINES} lines of an attempt; the last says that there were more. */
function boundedLog(hooks: RunHooks): (level: 'info' | 'warn', line: string) => void {
  let lines = 0
  return (level, line) => {
    lines++
    if (lines <= MAX_LINES) hooks.onLog(level, line)
    else if (lines === MAX_LINES + 1) hooks.onLog('warn', 'The worker said more; it is not kept.')
  }
}
