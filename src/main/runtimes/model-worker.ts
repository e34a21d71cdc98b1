import type { Tensors } from '../../shared/domain/tensor'
import { packTensorPieces, unpackTensors } from '../../shared/domain/tensor-codec'
import type { Probe } from './protocol'
import { splitOutputs, stackItems } from './stack'
import { type Answer, Cancelled, serveWorker, turn, type Work, type WorkContext } from './worker'

export type LoadWork = Extract<Work, { type: 'load' }>

/** A model that a runtime has loaded. */
export interface LoadedModel {
  /** The first dimension of every input and output may be of any size: items may run together. */
  readonly stackable: boolean
  /** Runs that are started before others have ended wait for each other in the runtime. */
  readonly queues: boolean
  /** @throws InputError when the inputs do not fit; anything else is the runtime's failure */
  run(inputs: Tensors): Promise<Tensors>
}

export interface ModelRuntime {
  probe(): Promise<Probe>
  load(request: LoadWork): Promise<LoadedModel>
}

const TURN_EVERY_MS = 20
const MAX_QUEUED = 16
const PROGRESS_EVERY_MS = 250

/** Serves a runtime that loads one model and runs it: the entry of every model worker. */
export function serveModels(runtime: ModelRuntime): void {
  let model: LoadedModel | null = null
  serveWorker({
    probe: () => runtime.probe(),
    async work(request, body, context) {
      if (request.type === 'load') {
        model = await runtime.load(request)
        return { reply: { type: 'loaded' } }
      }
      if (!model) throw new Error('No model is loaded.')
      if (request.type === 'run') return runItems(model, unpackTensors(body), request.stack, context)
      if (request.type === 'benchmark')
        return benchmark(model, unpackTensors(body)[0] ?? {}, request, context)
      throw new Error(`A model worker cannot do "${request.type}".`)
    },
  })
}

/** Looks for a cancel now and then: a runtime that computes synchronously lets nothing in by itself. */
class Pace {
  #last = performance.now()
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Between two runs: whether the event loop should turn now. @throws Cancelled */
  isDue(): boolean {
    if (this.#signal.aborted) throw new Cancelled()
    const now = performance.now()
    if (now - this.#last < TURN_EVERY_MS) return false
    this.#last = now
    return true
  }
}

async function runItems(
  model: LoadedModel,
  items: readonly Tensors[],
  stack: number,
  context: WorkContext,
): Promise<Answer> {
  const pace = new Pace(context.signal)
  const outputs: Tensors[] = []
  const start = performance.now()
  const together = model.stackable ? stack : 1
  let queued = 1
  for (let at = 0; at < items.length; ) {
    if (at > 0 && pace.isDue()) await turn()
    if (together > 1) {
      for (const output of await runTogether(model, items.slice(at, at + together), pace))
        outputs.push(output)
      at += together
    } else {
      const began = performance.now()
      for (const output of await runQueued(model, items, at, queued)) outputs.push(output)
      at += queued
      queued = model.queues ? fitting(queued, performance.now() - began) : 1
    }
  }
  const computeMs = performance.now() - start
  return { reply: { type: 'done', computeMs }, body: packTensorPieces(outputs) }
}

/** One turn of the event loop for several short runs, not for each. */
function runQueued(
  model: LoadedModel,
  items: readonly Tensors[],
  at: number,
  count: number,
): Promise<Tensors[]> {
  const runs: Promise<Tensors>[] = []
  for (let i = at; i < at + count && i < items.length; i++) runs.push(model.run(items[i] ?? {}))
  return Promise.all(runs)
}

/** How many runs take no longer than it may take to hear a cancel. */
function fitting(count: number, tookMs: number): number {
  return Math.max(
    1,
    Math.min(MAX_QUEUED, count * 2, Math.floor((TURN_EVERY_MS * count) / Math.max(tookMs, 0.01))),
  )
}

async function runTogether(model: LoadedModel, items: readonly Tensors[], pace: Pace): Promise<Tensors[]> {
  const stacked = items.length > 1 ? stackItems(items) : null
  if (stacked) {
    const split = splitOutputs(await model.run(stacked.inputs), stacked.sizes)
    if (split) return split
  }
  const outputs: Tensors[] = []
  for (const item of items) {
    if (outputs.length > 0 && pace.isDue()) await turn()
    outputs.push(await model.run(item))
  }
  return outputs
}

async function benchmark(
  model: LoadedModel,
  inputs: Tensors,
  options: { iterations: number; warmup: number },
  context: WorkContext,
): Promise<Answer> {
  const pace = new Pace(context.signal)
  const total = options.warmup + options.iterations
  const samples = new Float64Array(options.iterations)
  let reportedAt = performance.now()
  for (let i = 0; i < total; i++) {
    const start = process.hrtime.bigint()
    await model.run(inputs)
    const elapsed = Number(process.hrtime.bigint() - start)
    if (i >= options.warmup) samples[i - options.warmup] = elapsed / 1e6
    const now = performance.now()
    if (now - reportedAt >= PROGRESS_EVERY_MS) {
      reportedAt = now
      context.progress((i + 1) / total)
    }
    if (pace.isDue()) await turn()
  }
  return { reply: { type: 'measured', iterations: options.iterations, ...summarise(samples) } }
}

/** Exact percentiles (nearest rank) and runs a second of the time spent in runs. `samples` are milliseconds. */
export function summarise(samples: Float64Array): {
  computeMs: number
  latencyMs: { p50: number; p95: number; p99: number; mean: number }
  throughput: number
} {
  const sorted = samples.slice().sort()
  const rank = (p: number) => sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? 0
  const computeMs = samples.reduce((sum, sample) => sum + sample, 0)
  const mean = computeMs / Math.max(1, samples.length)
  return {
    computeMs,
    latencyMs: { p50: rank(50), p95: rank(95), p99: rank(99), mean },
    throughput: computeMs > 0 ? (samples.length * 1000) / computeMs : 0,
  }
}
