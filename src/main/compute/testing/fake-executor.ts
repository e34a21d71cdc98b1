import type { EngineView, ModelFormat } from '../../../shared/contract'
import type { EngineId } from '../../../shared/domain/ids'
import type { Tensors } from '../../../shared/domain/tensor'
import { AppError } from '../../../shared/errors'
import type { LocalExecutor, RunHooks, RunOutcome, RunRequest } from '../../executors/local'
import { type Clock, toIso } from '../../platform/clock'
import { Emitter } from '../../platform/events'

export interface FakeExecutor extends LocalExecutor {
  /** How long a load takes; 0: at once. */
  loadMs: number
  /** How long a worker takes to end; 0: a turn of the event loop. */
  unloadMs: number
  /** Of the runtime of all formats. */
  code: string
  /** How long one item, or one inference, takes. */
  itemMs: number
  memoryBytes: number
  /** Absent: as much. */
  leastMemoryBytes?: number
  /** Fails the next runs, first in first out; `null` lets one pass. */
  readonly failures: (AppError | 'crash' | 'hang' | null)[]
  /** Fails the next loads. */
  readonly loadFailures: AppError[]
  /** What a stack takes of the time that its items take one by one. */
  stackGain: number
  /** Whether a stack gives the same answers. */
  stacksAlike: boolean
  /** How many ran in one go, each time that several did. */
  readonly together: number[]
  /** Each time that inferences begin, alone or in one go. */
  onInfer: (inputs: readonly Tensors[]) => void
  /** What a worker has against an input, when it has computed. */
  refuses: (inputs: Tensors) => AppError | null
  /** Every item that was computed, in order: to see that none is computed twice. */
  readonly computed: string[]
  readonly loads: string[]
  /** Threads of each load. */
  readonly threads: number[]
  /** Formats whose runtime is being tried. */
  readonly beingTried: Map<ModelFormat, string>
  /** All runtimes have been tried. */
  answer(): void
  /** Kills a worker from outside. */
  crash(engine: string): void
}

/** Engines made of timers: outputs are the inputs, by the same names. It refuses what a real one could not do. */
export function createFakeExecutor(clock: Clock): FakeExecutor {
  const engines = new Map<string, EngineView>()
  const killers = new Map<string, (error: AppError) => void>()
  const changes = new Emitter<{ changed: EngineView[]; removed: string[] }>()
  const tried = new Emitter<void>()
  const ending = new Emitter<string>()
  let count = 0

  function change(id: string, patch: Partial<EngineView>): void {
    const engine = engines.get(id)
    if (!engine) return
    engines.set(id, { ...engine, ...patch })
    changes.fire({ changed: [{ ...engine, ...patch }], removed: [] })
  }

  function remove(id: string): void {
    if (!engines.delete(id)) return
    changes.fire({ changed: [], removed: [id] })
  }

  function sleep(ms: number, signal: AbortSignal, engine?: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel()
        signal.removeEventListener('abort', onAbort)
        if (engine) killers.delete(engine)
      }
      const onAbort = () => {
        stop()
        reject(signal.reason)
      }
      const cancel =
        ms === 0
          ? cancelImmediate(
              setImmediate(() => {
                stop()
                resolve()
              }),
            )
          : clock.setTimer(ms, () => {
              stop()
              resolve()
            })
      if (engine) {
        killers.set(engine, (error) => {
          stop()
          reject(error)
        })
      }
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }

  /** As long as all of them one by one, or half of it when stacked. */
  async function workTogether(
    engine: string,
    { requests, stack }: Extract<RunRequest, { kind: 'several' }>,
    hooks: RunHooks,
  ): Promise<RunOutcome> {
    fake.together.push(requests.length)
    fake.onInfer(requests.flatMap((request) => (request.kind === 'infer' ? [request.inputs] : [])))
    const results: Extract<RunOutcome, { kind: 'several' }>['results'] = []
    let computeMs = 0
    for (const request of requests) {
      try {
        const outcome = await workAlone(engine, request, hooks)
        computeMs += outcome.computeMs
        results.push({ outputs: outcome.kind === 'infer' ? outcome.outputs : {} })
      } catch (error) {
        if (!(error instanceof AppError) || error.code === 'compute.worker_crashed') throw error
        results.push({ error })
      }
    }
    if (stack === 'yes') computeMs *= fake.stackGain
    const stacked = { alike: fake.stacksAlike, computeMs: computeMs * fake.stackGain }
    return { kind: 'several', computeMs, results, ...(stack === 'check' ? { stacked } : {}) }
  }

  async function work(engine: string, request: RunRequest, hooks: RunHooks): Promise<RunOutcome> {
    if (request.kind === 'several') return workTogether(engine, request, hooks)
    if (request.kind === 'infer') fake.onInfer([request.inputs])
    return workAlone(engine, request, hooks)
  }

  async function workAlone(
    engine: string,
    request: Exclude<RunRequest, { kind: 'several' }>,
    hooks: RunHooks,
  ): Promise<RunOutcome> {
    const failure = fake.failures.shift()
    if (failure instanceof AppError) throw failure
    if (failure === 'crash' || (request.kind === 'synthetic' && request.fail === 'crash')) {
      remove(engine)
      throw new AppError('compute.worker_crashed', 'The worker ended with signal SIGSEGV.')
    }
    if (failure === 'hang' || (request.kind === 'synthetic' && request.fail === 'hang')) {
      await sleep(1e12, hooks.signal, engine)
    }
    switch (request.kind) {
      case 'infer': {
        await sleep(fake.itemMs, hooks.signal, engine)
        fake.computed.push('infer')
        const refusal = fake.refuses(request.inputs)
        if (refusal) {
          hooks.onLog('warn', refusal.message)
          throw refusal
        }
        return { kind: 'infer', computeMs: fake.itemMs, outputs: request.inputs }
      }
      case 'batch': {
        let at = request.startAt
        for await (const part of request.parts) {
          for (let start = 0; start < part.count; start += request.batchSize) {
            const group = part.slice(start, start + request.batchSize)
            await sleep(fake.itemMs * group.count, hooks.signal, engine)
            for (let i = 0; i < group.count; i++) fake.computed.push(String(at + i))
            const done = at + group.count
            await hooks.onItems(at, group, fake.itemMs * (done - request.startAt))
            at = done
            if (hooks.signal.aborted) throw hooks.signal.reason
          }
        }
        return { kind: 'batch', computeMs: fake.itemMs * (at - request.startAt) }
      }
      case 'benchmark':
        await sleep(fake.itemMs * request.iterations, hooks.signal, engine)
        return {
          kind: 'benchmark',
          computeMs: fake.itemMs * request.iterations,
          iterations: request.iterations,
          latencyMs: { p50: 1, p95: 2, p99: 3, mean: 1 },
          throughput: 1000,
        }
      case 'generate': {
        const { completions, maxTokens } = request.sampling
        for (let i = 0; i < completions; i++) hooks.onText?.(i, 'text')
        await sleep(fake.itemMs * maxTokens, hooks.signal, engine)
        const completion = { text: 'text', tokens: 1, finishReason: 'stop' as const }
        return {
          kind: 'generate',
          computeMs: fake.itemMs * maxTokens,
          promptTokens: 1,
          completions: new Array<typeof completion>(completions).fill(completion),
        }
      }
      case 'synthetic':
        await sleep(request.durationMs, hooks.signal, engine)
        if (request.fail === 'error')
          throw new AppError('compute.runtime_failed', 'The load was told to fail.')
        return { kind: 'synthetic', computeMs: request.durationMs }
    }
  }

  const fake: FakeExecutor = {
    loadMs: 0,
    unloadMs: 0,
    code: 'fake',
    itemMs: 0,
    memoryBytes: 0,
    stackGain: 0.5,
    stacksAlike: true,
    together: [],
    onInfer: () => undefined,
    refuses: () => null,
    failures: [],
    loadFailures: [],
    computed: [],
    loads: [],
    threads: [],
    beingTried: new Map(),
    answer() {
      fake.beingTried.clear()
      tried.fire()
    },
    crash(id) {
      const kill = killers.get(id)
      remove(id)
      kill?.(new AppError('compute.worker_crashed', 'The worker was killed.'))
    },
    start: async () => undefined,
    probe: async () => undefined,
    refreshRuntimes: async () => undefined,
    dispose: () => undefined,
    runtimes: () => [],
    untried: () => fake.beingTried,
    engines: () => [...engines.values()],
    enforcement: () => [],
    runtimeFor: () => 'fake',
    codeFor: () => fake.code,
    estimateMemory: () => fake.memoryBytes,
    leastMemory: () => fake.leastMemoryBytes ?? fake.memoryBytes,
    async load(version, { threads, signal, device }) {
      const failure = fake.loadFailures.shift()
      if (fake.loadMs > 0) await sleep(fake.loadMs, signal)
      if (failure) throw failure
      const id = `engine-${++count}`
      const engine: EngineView = {
        id,
        runtime: 'fake',
        model: version?.model ?? 'synthetic',
        version: version?.version ?? 0,
        state: 'idle',
        backend: device ? 'fake' : 'cpu',
        device: device?.id ?? null,
        pid: 1,
        memoryBytes: fake.memoryBytes,
        loadMs: fake.loadMs,
        runs: 0,
        idleSince: toIso(clock.now()),
      }
      fake.threads.push(threads)
      fake.loads.push(`${engine.model}@${engine.version}`)
      engines.set(id, engine)
      changes.fire({ changed: [engine], removed: [] })
      return engine
    },
    async run(id: EngineId, request, hooks) {
      const engine = engines.get(id)
      if (!engine) throw new AppError('compute.not_found', 'The worker is gone.')
      if (engine.state !== 'idle') throw new Error(`Two attempts on engine ${id}.`)
      change(id, { state: 'busy', runs: engine.runs + 1, idleSince: null })
      try {
        return await work(id, request, hooks)
      } catch (error) {
        // What hangs does not hear an abort: its worker is killed.
        if (hooks.signal.aborted && request.kind === 'synthetic' && request.fail === 'hang') remove(id)
        throw error
      } finally {
        change(id, { state: 'idle', idleSince: toIso(clock.now()) })
      }
    },
    async unload(id) {
      ending.fire(id)
      await sleep(fake.unloadMs, new AbortController().signal)
      remove(id)
    },
    onDidChangeEngines: changes.event,
    onWillEndEngine: ending.event,
    onDidTryRuntime: tried.event,
  }
  return fake
}

function cancelImmediate(immediate: NodeJS.Immediate): () => void {
  return () => clearImmediate(immediate)
}
