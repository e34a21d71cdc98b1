import type { Enforcement, EngineView, ModelFormat, RuntimeView } from '../../../shared/contract'
import type { EngineId } from '../../../shared/domain/ids'
import type { PackedItems } from '../../../shared/domain/packed-items'
import type { Tensors } from '../../../shared/domain/tensor'
import type { AppError } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import type { Disposable, Event } from '../../platform/events'
import type { Logger } from '../../platform/logger'
import type { LeasedDevice, RuntimeAdapter } from '../../runtimes/adapter'
import type { Prompt, Request } from '../../runtimes/protocol'

/** What a runtime needs to know of a model version; satisfied by storage's `ResolvedVersion`. */
export interface LoadableVersion {
  model: string
  version: number
  digest: string
  format: ModelFormat
  sizeBytes: number
  files: { path: string; sizeBytes: number; absolutePath: string }[]
  metadata?: Readonly<Record<string, unknown>>
  /** Tokens that a language model is to hold in mind, over all that it writes at once. */
  contextTokens?: number
}

/** What may run in one go with others of its kind. */
export type SingleRun =
  | { kind: 'infer'; inputs: Tensors }
  | { kind: 'synthetic'; durationMs: number; busy: boolean; fail: 'error' | 'crash' | 'hang' | null }

export type RunRequest =
  | SingleRun
  /**
   * Several of one kind in one go; each succeeds or fails by itself. `stack`: inputs are laid together along their first
   * dimension where the signature allows it; `check`: one by one, and stacked as well to see whether that gives the same.
   */
  | { kind: 'several'; requests: readonly SingleRun[]; stack: 'no' | 'check' | 'yes' }
  /** A group of finished items after the other is handed to {@link RunHooks.onItems}, in order. */
  | {
      kind: 'batch'
      /** Of the whole batch. */
      items: number
      startAt: number
      /** The items from `startAt` on, in parts of any size; read as the worker needs them. */
      parts: AsyncIterable<PackedItems> | Iterable<PackedItems>
      batchSize: number
    }
  | { kind: 'benchmark'; inputs: Tensors; iterations: number; warmup: number }
  /** What is written is handed to {@link RunHooks.onText} as it comes. */
  | {
      kind: 'generate'
      prompt: Prompt
      sampling: Sampling
      /** A folder to keep it in when it is paused, and to go on from; absent: it is not kept. */
      keepIn?: string
    }

/** How a language model chooses its words, and how many. */
export type Sampling = Omit<Extract<Request, { type: 'generate' }>, 'type' | 'id' | 'keepIn'>

export type RunOutcome = { computeMs: number } & (
  | { kind: 'infer'; outputs: Tensors }
  | { kind: 'batch' }
  | {
      kind: 'several'
      /** In the order of the requests. */
      results: ({ outputs: Tensors } | { error: AppError })[]
      /** Of a `check` that came to an end: whether stacking gives the same answers, and the time it takes. */
      stacked?: { alike: boolean; computeMs: number }
    }
  | {
      kind: 'benchmark'
      iterations: number
      latencyMs: { p50: number; p95: number; p99: number; mean: number }
      throughput: number
    }
  | { kind: 'synthetic' }
  | {
      kind: 'generate'
      promptTokens: number
      completions: { text: string; tokens: number; finishReason: 'stop' | 'stop_word' | 'length' }[]
    }
)

export interface RunHooks {
  /** Aborting stops the work: between items or iterations when it can, else (after half a second) by killing the worker. */
  signal: AbortSignal
  /** Asked when it is aborted: whether it is to go on later, so that where it is should be kept. */
  isPause?(): boolean
  onProgress(fraction: number): void
  /**
   * Finished items of a batch; the next group is not reported before the promise resolves (checkpoint, backpressure).
   * @param computeMs of the worker since the run began
   */
  onItems(startAt: number, outputs: PackedItems, computeMs: number): Promise<void>
  /** What follows in one of the texts of a `generate`. */
  onText?(completion: number, text: string): void
  onLog(level: 'info' | 'warn' | 'error', text: string): void
}

/** What may be taken of this machine: what a job and its engine have leased. */
export interface Allotment {
  cpuCores: number
  /** Of which memory node the cores are best; null: of any. */
  numaNode: number | null
  /** Of the job, beside its engine's. */
  memoryBytes: number
  engineMemoryBytes: number
  /** Of the job on each GPU of which it has leased memory. */
  gpuMemory: readonly { device: string; memoryBytes: number }[]
  /** 0 to 100, of the job. */
  priority: number
}

export interface LoadOptions {
  threads: number
  /** What the load may take; absent: it is not held to anything. */
  allotment?: Allotment
  signal: AbortSignal
  /** The accelerator that its job has leased; the worker is bound to it where the runtime can compute on it. */
  device?: LeasedDevice | null
}

/**
 * Runs attempts on this machine: engines are models loaded in worker processes, one attempt at a time each, warm until
 * unloaded. It decides nothing: who runs where, what is evicted and what may be leased is the caller's business.
 */
export interface LocalExecutor extends Disposable {
  /** Opens the workers' socket and begins to try the runtimes. */
  start(): Promise<void>
  /** Tries the runtimes again, by the settings of now; what is loaded goes on. Resolves when all have answered. */
  probe(): Promise<void>
  /** Tries the runtimes of {@link LocalExecutorDeps.plugins} that are new, and ends the engines of those that are no more. */
  refreshRuntimes(): Promise<void>
  runtimes(): RuntimeView[]
  /** Formats whose runtime is being tried, so that it is not known whether it runs them here, and its name. */
  untried(): ReadonlyMap<ModelFormat, string>
  engines(): EngineView[]
  /** How workers are held to their leases here, and why not where not. */
  enforcement(): Enforcement[]
  /** The id of the runtime that runs a format here, or that is being tried. @throws AppError `compute.no_runtime` saying why and what would help */
  runtimeFor(format: ModelFormat): string
  /** By whose code results of a format come about: the id of its runtime, and the digest of a plugin's files. @throws AppError as {@link runtimeFor} */
  codeFor(format: ModelFormat): string
  /** Bytes of memory that a loaded engine is expected to take; from the sizes of the files, refined by what was measured. */
  estimateMemory(version: LoadableVersion): number
  /** Bytes with which one may be loaded where there is no more: what was measured counts only where it is less than was thought. */
  leastMemory(version: LoadableVersion): number
  /**
   * Starts a worker and loads the version (null: the synthetic load, which needs no model).
   * @throws AppError `compute.runtime_failed` with the runtime's words, `compute.worker_crashed`, `compute.timeout` (60 s, and
   * a second for each 50 MB), `compute.exceeded_lease`, `compute.invalid_input` for too many files
   */
  load(version: LoadableVersion | null, options: LoadOptions): Promise<EngineView>
  /**
   * Runs one attempt on an idle engine.
   * @param allotment what it may take; absent: it is not held to anything
   * @throws AppError `compute.runtime_failed`, `compute.worker_crashed`, `compute.exceeded_lease` (the engine is gone); the
   * signal's reason on abort
   */
  run(engine: EngineId, request: RunRequest, hooks: RunHooks, allotment?: Allotment): Promise<RunOutcome>
  /** Ends the worker: politely, after 2 s by SIGKILL. Idempotent. */
  unload(engine: EngineId): Promise<void>
  /** Every change of state, and the end of engines (also by crash). */
  readonly onDidChangeEngines: Event<{ changed: EngineView[]; removed: string[] }>
  /** An engine does nothing more, though its worker may take a moment to go: told before anything that it answers. */
  readonly onWillEndEngine: Event<string>
  /** Whether one works here is known now. */
  readonly onDidTryRuntime: Event<unknown>
}

/** What one program takes of the memory of one GPU; satisfied by core's, of which nothing here needs to know. */
export interface GpuProgram {
  device: string
  pid: number
  memoryBytes: number
}

export interface LocalExecutorDeps {
  clock: Clock
  logger: Logger
  /** Folder of the built worker entries: `onnx.cjs`, `tfjs.cjs`, `synthetic.cjs`, `pytorch.py`. */
  workersDir: string
  /** Which no sandbox shows as a whole; absent: there is none. */
  dataDir?: string
  /** The Python that runs PyTorch, as an absolute path; empty: the first one that has it. */
  pythonPath?: () => string
  /** Runtimes of third parties that are allowed now. */
  plugins?: () => readonly RuntimeAdapter[]
  /** All programs on the GPUs, again and again; absent: nobody tells. */
  onDidSeeGpuPrograms?: Event<readonly GpuProgram[]>
}

export type { LeasedDevice } from '../../runtimes/adapter'
export { createLocalExecutor } from './executor'
