import { shortId } from '../../../shared/domain/ids'
import { PackedItems } from '../../../shared/domain/packed-items'
import type { Tensors } from '../../../shared/domain/tensor'
import { packTensors } from '../../../shared/domain/tensor-codec'
import { formatDuration } from '../../../shared/domain/units'
import { AppError } from '../../../shared/errors'
import { namedWords } from '../../../shared/words/wait-words'
import type { LocalExecutor, RunHooks, RunOutcome, RunRequest } from '../../executors/local'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import { Prompt } from '../../runtimes/protocol'
import type { StagedArtifact, Storage } from '../../storage'
import type { AbortReason, ActiveJob } from '../jobs/active-job'
import { inputsStart, LOG, PROMPT, RESULT } from '../jobs/artifact-names'
import type { Estimates } from '../jobs/estimates'
import type { JobIndex } from '../jobs/job-index'
import { startedOn } from '../jobs/job-log'
import { canGoOn } from '../jobs/preemption'
import { linkedItems, linkedPrompt, linkedTensors } from '../links'
import { Checkpoints } from './checkpoints'
import type { EnginePool, PooledEngine } from './engine-pool'
import { workingDevice } from './leased-device'
import type { PausedTexts } from './paused-texts'

/** Without a word from the worker for so long, a batch or benchmark without a timeout of its own is taken for hung. */
export const STALL_MS = 10 * 60_000
const STALL_TICKS = 10

export interface AttemptDeps {
  executor: LocalExecutor
  storage: Storage
  database: Database
  clock: Clock
  logger: Logger
  index: JobIndex
  pool: EnginePool
  estimates: Estimates
  pausedTexts: PausedTexts
  /** True when no batch should go on beyond its next checkpoint. */
  isStopping(): boolean
  onProgress(job: ActiveJob): void
  /** A text of the job has grown, or begins anew. */
  onText(job: ActiveJob, completion: number): void
}

/** How an attempt ended; what becomes of the job is decided when this is settled. */
export interface AttemptEnd {
  job: ActiveJob
  outcome:
    | { kind: 'succeeded' }
    | { kind: 'failed'; error: AppError }
    | { kind: 'aborted'; reason: AbortReason }
  artifacts: { name: string; staged: StagedArtifact }[]
  loadMs: number
  computeMs: number
  /** What a benchmark that succeeded has measured. */
  benchmark: BenchmarkFigures | null
}

export type BenchmarkFigures = Pick<
  Extract<RunOutcome, { kind: 'benchmark' }>,
  'iterations' | 'latencyMs' | 'throughput'
>

export class Aborted extends Error {
  readonly reason: AbortReason
  constructor(reason: AbortReason) {
    super(`The attempt was stopped: ${reason}.`)
    this.reason = reason
  }
}

/** Runs one attempt of a job on its engine. Never rejects: every way it can end is an outcome. */
export async function runAttempt(
  deps: AttemptDeps,
  job: ActiveJob,
  engine: PooledEngine,
  attempt: number,
): Promise<AttemptEnd> {
  const { clock, logger, pool, storage } = deps
  const controller = new AbortController()
  const { signal } = controller
  let abortedAt: number | null = null
  job.abort = (reason) => {
    abortedAt ??= clock.now()
    controller.abort(new Aborted(reason))
  }
  const end: AttemptEnd = {
    job,
    outcome: { kind: 'succeeded' },
    artifacts: [],
    loadMs: 0,
    computeMs: 0,
    benchmark: null,
  }
  const log = (level: 'info' | 'warn' | 'error', text: string) =>
    job.log?.add(clock.now(), level, attempt, text)
  let hasWords = false
  const hear: RunHooks['onLog'] = (level, text) => {
    hasWords = true
    log(level, text)
  }
  let runBegan: number | null = null
  const isWarm = engine.id !== null
  try {
    log('info', startedOn(job.status.placement))
    if (!isWarm) {
      log('info', `Loading ${engine.label}`)
      end.loadMs = await load(deps, job, engine, signal)
      log('info', `Loaded in ${formatDuration(end.loadMs)}`)
    }
    signal.throwIfAborted()
    runBegan = clock.now()
    const outcome = await runOn(deps, job, engine, signal, hear)
    end.computeMs = outcome.computeMs
    if (outcome.kind === 'benchmark') {
      const { iterations, latencyMs, throughput } = outcome
      end.benchmark = { iterations, latencyMs, throughput }
    }
    const result = encodeResult(outcome, end.benchmark)
    if (result) end.artifacts.push({ name: RESULT, staged: await storage.artifacts.stage(result) })
    log('info', `Succeeded in ${formatDuration(outcome.computeMs)}`)
  } catch (error) {
    if (runBegan !== null) end.computeMs = clock.now() - runBegan
    end.outcome = outcomeOf(signal.aborted ? signal.reason : orGone(error, isWarm), job)
    end.artifacts = []
    if (end.outcome.kind === 'failed') {
      log('error', end.outcome.error.message)
      if (end.outcome.error.code === 'internal')
        logger.error({ err: error, job: job.id }, 'An attempt failed unexpectedly')
    } else if (end.outcome.kind === 'aborted') log('warn', abortWords(end.outcome.reason, job))
  }
  job.abort = null
  job.inputs = null
  if (abortedAt !== null) job.pauseMs = clock.now() - abortedAt
  if (job.definition.kind === 'generate' && isPause(signal.reason)) await deps.pausedTexts.observe(job)
  pool.giveBack(engine, end.outcome.kind !== 'succeeded')
  // The lease of the device ends with the job, and nothing may still lie in its memory then.
  if (engine.isBound) await pool.evict(engine)
  const isPlain = attempt === 1 && end.outcome.kind === 'succeeded' && !hasWords
  if (!isPlain) await keepLog(deps, end)
  return end
}

/** @returns what it took, ms */
async function load(
  { pool, onProgress }: AttemptDeps,
  job: ActiveJob,
  engine: PooledEngine,
  signal: AbortSignal,
): Promise<number> {
  job.isLoading = true
  onProgress(job)
  try {
    job.loadMs = await pool.load(engine, job, signal)
    return job.loadMs
  } finally {
    job.isLoading = false
    onProgress(job)
  }
}

export function abortWords(reason: AbortReason, { displacedBy, definition }: ActiveJob): string {
  if (reason !== 'preempted') return ABORT_WORDS[reason]
  if (displacedBy === null) return 'Preempted'
  // Who may read this job, and its log, may not read the other for that.
  const isTheirs = displacedBy.principal === definition.principal
  return `Preempted by ${isTheirs ? namedWords(displacedBy) : shortId(displacedBy.id)}`
}

const ABORT_WORDS: Record<Exclude<AbortReason, 'preempted'>, string> = {
  cancelled: 'Cancelled',
  timeout: 'Stopped: it ran longer than its timeout',
  deadline: 'Stopped: its deadline has passed',
  stopping: 'Interrupted: LLMAgentOS is stopping',
  apart: 'Interrupted together with others; runs again by itself',
  budget: 'Stopped: the budget of its principal is used up',
  device_lost: 'Interrupted: its device is no longer there, or has failed',
  engine_gone: 'Interrupted: the worker that it was to run on has ended',
}

/** Whether the executor has not even begun: the engine has ended, or is about to. */
export function isRefusal(error: unknown): error is AppError {
  return (
    error instanceof AppError && (error.code === 'compute.not_found' || error.code === 'compute.conflict')
  )
}

/** An engine that served others may end at any time, which is no failure of the next job; one that its job loaded is its own. */
function orGone(error: unknown, isWarm: boolean): unknown {
  if (!isRefusal(error)) return error
  if (isWarm) return new Aborted('engine_gone')
  return new AppError(
    'compute.worker_crashed',
    'The worker ended before the job began.',
    {},
    { cause: error },
  )
}

export function outcomeOf(error: unknown, job: ActiveJob): AttemptEnd['outcome'] {
  if (error instanceof Aborted) {
    const { reason } = error
    if (reason !== 'timeout') return { kind: 'aborted', reason }
    const limit = job.definition.timeoutMs ?? STALL_MS
    const words =
      job.definition.timeoutMs === null
        ? 'The worker gave no sign of life for'
        : 'The attempt ran longer than its timeout of'
    return {
      kind: 'failed',
      error: new AppError('compute.timeout', `${words} ${formatDuration(limit)}.`, { timeoutMs: limit }),
    }
  }
  if (error instanceof AppError) return { kind: 'failed', error }
  const message = 'Something went wrong inside LLMAgentOS. The log of the program has the details.'
  return { kind: 'failed', error: new AppError('internal', message, {}, { cause: error }) }
}

async function runOn(
  deps: AttemptDeps,
  job: ActiveJob,
  engine: PooledEngine,
  signal: AbortSignal,
  onLog: RunHooks['onLog'],
): Promise<RunOutcome> {
  const { executor, clock, estimates } = deps
  if (engine.id === null) throw new AppError('compute.not_found', 'The engine is gone.')
  const checkpoints = job.definition.kind === 'batch' ? new Checkpoints(deps, job) : null
  const request = await requestOf(deps, job)
  if (request.kind === 'batch' && request.startAt >= request.items) return { kind: 'batch', computeMs: 0 }
  signal.throwIfAborted()

  const texts = request.kind === 'generate' ? new Array<string>(request.sampling.completions).fill('') : []
  const watch = watchdog(clock, job)
  const firstItem = job.status.itemsDone
  const device = workingDevice(job.status.placement)
  try {
    const hooks: RunHooks = {
      signal,
      onProgress(fraction) {
        watch.alive()
        if (checkpoints) return
        job.progress = job.carried + fraction * (1 - job.carried)
        deps.onProgress(job)
      },
      async onItems(startAt, outputs, computeMs) {
        watch.alive()
        if (!checkpoints) return
        await checkpoints.add(startAt, outputs)
        job.progress = checkpoints.done / job.definition.items
        if (estimates.observeRun(job.definition, computeMs, device, checkpoints.done - firstItem))
          deps.onProgress(job)
        deps.onProgress(job)
        if (deps.isStopping() && checkpoints.done < job.definition.items) job.abort?.('stopping')
      },
      onText(completion, text) {
        watch.alive()
        const before = texts[completion] ?? ''
        texts[completion] = before + text
        // An attempt that goes on gives again what was written; those who follow have it already.
        if (job.texts[completion]?.startsWith(text, before.length)) return
        job.texts[completion] = texts[completion]
        deps.onText(job, completion)
      },
      isPause: () => isPause(signal.reason),
      onLog,
    }
    const outcome = await executor.run(engine.id, request, hooks, deps.pool.allotmentOf(job, engine))
    await checkpoints?.flush()
    if (checkpoints && checkpoints.done !== job.definition.items) {
      const got = `${checkpoints.done} of ${job.definition.items}`
      throw new AppError('compute.runtime_failed', `The runtime ended the batch after ${got} items.`)
    }
    // What goes on where it was tells nothing of the whole.
    const isWhole = !canGoOn(job.definition.parameters) || job.status.attempts.length === 0
    if (!checkpoints && isWhole) estimates.observeRun(job.definition, outcome.computeMs, device)
    return outcome
  } catch (error) {
    // What is finished stays finished, whatever ended the attempt.
    await checkpoints?.flush()
    throw error
  } finally {
    watch.end()
  }
}

function isPause(reason: unknown): boolean {
  return reason instanceof Aborted && (reason.reason === 'preempted' || reason.reason === 'stopping')
}

async function requestOf({ storage, pausedTexts }: AttemptDeps, job: ActiveJob): Promise<RunRequest> {
  const { parameters, items } = job.definition
  switch (parameters.kind) {
    case 'synthetic': {
      const ranMs = job.status.preempted?.ranMs ?? 0
      return { ...parameters, durationMs: Math.max(0, parameters.durationMs - ranMs) }
    }
    case 'infer':
      return { kind: 'infer', inputs: await allInputs(storage, job) }
    case 'benchmark': {
      const { iterations, warmup } = parameters
      return { kind: 'benchmark', inputs: await onlyInputs(storage, job), iterations, warmup }
    }
    case 'generate': {
      const prompt = await promptOf(storage, job)
      const { sampling } = parameters
      return { kind: 'generate', prompt, sampling, keepIn: pausedTexts.folderOf(job) }
    }
    case 'batch': {
      const { batchSize } = parameters
      const startAt = job.status.itemsDone
      return { kind: 'batch', items, startAt, parts: inputParts(storage, job, startAt), batchSize }
    }
  }
}

async function promptOf(storage: Storage, job: ActiveJob): Promise<Prompt> {
  for (const link of job.definition.links)
    if (link.kind === 'text') return { prompt: await linkedPrompt(storage.artifacts, link) }
  const bytes = await storage.artifacts.read(job.id, PROMPT)
  const prompt = bytes && Prompt.safeParse(JSON.parse(new TextDecoder().decode(bytes)))
  if (prompt?.success) return prompt.data
  throw new AppError('storage.corrupt', 'The prompt of this job is damaged. Submit it again.', {
    job: job.id,
  })
}

/** What was given with the job, and what other jobs have given. */
export async function allInputs(storage: Storage, job: ActiveJob): Promise<Tensors> {
  const given = job.inputs ?? (await onlyInputs(storage, job))
  const { links } = job.definition
  return links.length === 0 ? given : { ...given, ...(await linkedTensors(storage.artifacts, links)) }
}

async function onlyInputs(storage: Storage, job: ActiveJob): Promise<Tensors> {
  let inputs: Tensors = {}
  for await (const part of inputParts(storage, job, 0)) inputs = part.unpack()[0] ?? inputs
  return inputs
}

/** The inputs from item `from` on, as they were stored. @throws AppError `storage.corrupt` when any is missing */
async function* inputParts(storage: Storage, job: ActiveJob, from: number): AsyncGenerator<PackedItems> {
  const [link] = job.definition.links
  if (link?.kind === 'items') {
    yield* linkedItems(storage.artifacts, link, from, job.definition.items)
    return
  }
  const parts = storage.artifacts.list(job.id).flatMap((name) => {
    const start = inputsStart(name)
    return start === null ? [] : [{ name, start }]
  })
  let at = 0
  for (const [i, { name, start }] of parts.entries()) {
    const following = parts[i + 1]?.start
    if (start === at && following !== undefined && following <= from) {
      at = following
      continue
    }
    const bytes = await storage.artifacts.read(job.id, name)
    if (!bytes || start !== at) break
    const part = PackedItems.parse(bytes)
    yield part.slice(Math.max(0, from - at))
    at += part.count
  }
  if (at === job.definition.items) return
  const message = `The inputs of this job are damaged: item ${at} is missing. Submit it again.`
  throw new AppError('storage.corrupt', message, { job: job.id })
}

export function encodeResult(outcome: RunOutcome, benchmark: BenchmarkFigures | null): Uint8Array | null {
  if (outcome.kind === 'infer') return packTensors([outcome.outputs])
  if (outcome.kind === 'generate') {
    const { promptTokens, completions } = outcome
    return new TextEncoder().encode(JSON.stringify({ promptTokens, completions }))
  }
  return benchmark && new TextEncoder().encode(JSON.stringify(benchmark))
}

/** Stops the attempt when its time is over: its timeout, or (batch, benchmark) a long silence. */
function watchdog(clock: Clock, job: ActiveJob): { alive(): void; end(): void } {
  const { timeoutMs } = job.definition
  if (timeoutMs !== null) {
    const cancel = clock.setTimer(timeoutMs, () => job.abort?.('timeout'))
    return { alive: () => undefined, end: cancel }
  }
  // Counted, not read off the clock: a machine that slept was silent for as long, and some systems' timers ring after it at once.
  let silentTicks = 0
  let cancel: () => void = () => undefined
  const arm = () => {
    cancel = clock.setTimer(STALL_MS / STALL_TICKS, () => {
      // The first of them began before the last sign of life.
      if (silentTicks++ >= STALL_TICKS) job.abort?.('timeout')
      else arm()
    })
  }
  arm()
  return {
    alive() {
      silentTicks = 0
    },
    end: () => cancel(),
  }
}

/** Not for a first attempt that succeeded without a word of the worker's: its row tells as much. */
export async function keepLog({ storage, logger }: AttemptDeps, end: AttemptEnd): Promise<void> {
  const { job } = end
  if (!job.log) return
  try {
    end.artifacts.push({ name: LOG, staged: await storage.artifacts.stage(job.log.encode()) })
  } catch (error) {
    logger.warn({ err: error, job: job.id }, 'The log of a job could not be stored')
  }
}
