import { randomInt } from 'node:crypto'
import type { Inputs, JobSpec, LinkedInputs } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { addVectors, isEmptyVector, type ResourceVector } from '../../shared/domain/resources'
import { DTYPE_BYTES, elementCount, type Signature, type Tensors } from '../../shared/domain/tensor'
import { assertFits, fromJsonTensor, packTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import type { Core } from '../core'
import type { LocalExecutor } from '../executors/local'
import { createBreather } from '../platform/breather'
import type { Clock } from '../platform/clock'
import type { Prompt } from '../runtimes/protocol'
import type { ResolvedVersion, StagedArtifact, Storage } from '../storage'
import { datasetInputs } from './dataset-items'
import { fingerprintOf } from './fingerprint'
import { contextTokens } from './jobs/active-job'
import { byteSize, inputsName, PART_BYTES, PROMPT } from './jobs/artifact-names'
import type { JobDefinition, JobParameters } from './jobs/job-row'
import { assertLink, type Link, linksOf, withoutLinked } from './links'

/** A runaway attempt ends by itself, unless its kind is meant to be long. */
const INFER_TIMEOUT_MS = 10 * 60_000
/** Tokens; a larger one takes memory that few need. */
const USUAL_CONTEXT = 4096
/** Beyond its length a synthetic load may take so long before it is taken for hung. */
const SYNTHETIC_GRACE_MS = 60_000

/** What is left of a specification once its inputs are tensors: what a retry copies. */
export type PlainSpec = DistributiveOmit<
  JobSpec,
  'inputs' | 'items' | 'dataset' | 'columns' | 'prompt' | 'messages' | 'waitMs'
>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** The inputs of a job, item after item; they may be large, and are stored as they come. */
export interface JobInputs {
  items: Iterable<Tensors> | AsyncIterable<Tensors>
  /** `name@version` of the data set they are the rows of. */
  dataset: string | null
  /** Of a language model, as JSON. */
  prompt: Uint8Array | null
  /** What other jobs will give. */
  links: readonly Link[]
}

/** Who a job is: given before it is prepared, since others may name it. */
export interface JobIdentity {
  id: JobId
  by: PrincipalId
  pipeline: JobDefinition['pipeline']
}

/** A job ready to be written: everything checked, its inputs safely stored. */
export interface Prepared {
  definition: JobDefinition
  inputs: { name: string; staged: StagedArtifact }[]
  /** Its first item; null where it has none. */
  first: Tensors | null
}

export interface SubmitDeps {
  core: Core
  storage: Storage
  executor: LocalExecutor
  clock: Clock
}

/** Finds the job that another takes something from; null when there is none. */
export type FindGiver = (id: JobId) => JobDefinition | null

/**
 * What a specification runs on.
 * @throws AppError `compute.invalid_input` naming the input, here or when the items are read
 */
export function inputsOf(storage: Storage, spec: JobSpec, version: ResolvedVersion | null): JobInputs {
  const links = linksOf(spec, version?.signature ?? null)
  const given = (items: JobInputs['items']): JobInputs => ({ items, dataset: null, prompt: null, links })
  switch (spec.kind) {
    case 'synthetic':
      return given([])
    case 'infer':
      return given([toTensors(spec.inputs)])
    case 'generate': {
      const prompt = promptOf(spec)
      return { ...given([]), prompt: prompt && new TextEncoder().encode(JSON.stringify(prompt)) }
    }
    case 'benchmark':
      return given(spec.inputs ? [toTensors(spec.inputs)] : version ? [zeros(version.signature)] : [])
    case 'batch':
      return spec.dataset === undefined || !version
        ? given(itemsOf(Array.isArray(spec.items) ? spec.items : []))
        : datasetInputs(storage, spec.dataset, version.signature, spec.columns)
  }
}

const LEAST_CORES = 0.1

/** Null when another job writes it. */
function promptOf({ prompt, messages }: Extract<JobSpec, { kind: 'generate' }>): Prompt | null {
  if (messages) return { messages }
  return typeof prompt === 'object' ? null : { prompt: prompt ?? '' }
}

function* itemsOf(items: readonly Inputs[]): Generator<Tensors> {
  for (const item of items) yield toTensors(item)
}

/** The version that a reference means. @throws AppError */
export type Route = Storage['route']

/**
 * What references mean now, to be told later: while the inputs of jobs are stored an alias may move, and it was decided on
 * where it points now that they may run. That one means nothing is told later, too.
 */
export function routeNow(route: Route, references: Iterable<string>): Route {
  const meanings = new Map(
    [...new Set(references)].map((reference) => [reference, outcomeOf(() => route(reference))]),
  )
  return (reference) => meanings.get(reference)?.() ?? route(reference)
}

/** Does the work now, to give its value or throw its error when it is called. */
function outcomeOf<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** The version that a job's reference means, where it has one. @throws AppError */
export function versionOf({ executor }: SubmitDeps, spec: PlainSpec, route: Route): ResolvedVersion | null {
  if (spec.kind === 'synthetic') return null
  const version = route(spec.model)
  executor.runtimeFor(version.format)
  const writes = version.format === 'gguf'
  if (writes !== (spec.kind === 'generate')) {
    const name = `${version.model}@${version.version}`
    const message = writes
      ? `${name} is a language model: submit a job of the kind "generate", with a prompt or messages.`
      : `${name} is no language model: submit a job of the kind "infer", "batch" or "benchmark".`
    throw new AppError('compute.invalid_input', message, { input: 'kind', got: spec.kind })
  }
  if (!version.isBare) return version
  const name = `${version.model}@${version.version}`
  const message = `${name} holds weights without a graph. Name the TorchScript version whose weights they are as its architecture.`
  throw new AppError('compute.no_runtime', message, { format: version.format })
}

/** Checks a job against the model, the machine and the jobs it takes something from, and stores its inputs. */
export async function prepare(
  { core, storage, executor, clock }: SubmitDeps,
  spec: PlainSpec,
  version: ResolvedVersion | null,
  { items, dataset, prompt, links }: JobInputs,
  { id, by, pipeline }: JobIdentity,
  findGiver: FindGiver,
): Promise<Prepared> {
  const need = needOf(spec)
  const parameters = parametersOf(spec, need.cpuCores, version, dataset)
  const tokens = contextTokens(parameters)
  const loaded = version && (tokens === undefined ? version : { ...version, contextTokens: tokens })
  const memoryBytes = loaded ? executor.leastMemory(loaded) : 0
  const whole = addVectors(need, { memoryBytes })
  if (!isEmptyVector(whole)) core.assertPossible(whole)
  if (spec.place) core.assertPossible(need, spec.place)
  core.assertMayEverHold(need, by)
  if (spec.runWhen === 'failed' && spec.dependsOn.length + links.length === 0) {
    const message = 'A job that runs when others have failed must depend on some. Name them in dependsOn.'
    throw new AppError('compute.invalid_input', message, {
      input: 'runWhen',
      wants: 'dependsOn',
      got: 'none',
    })
  }
  const givers = links.map((link) => giverOf(link, version, storage, findGiver))
  const signature = version && withoutLinked(version.signature, links)
  const { inputs, first, count } = await stageInputs(storage, spec, signature, items)
  if (prompt) inputs.push({ name: PROMPT, staged: await storage.artifacts.stage(prompt) })
  const linkedCount = links.some(({ kind }) => kind === 'items') ? givers[0]?.items : undefined
  const now = clock.now()
  const isReusable = spec.reuse === true
  const fingerprint = isReusable
    ? fingerprintOf(
        { kind: spec.kind, parameters, links },
        version?.digest ?? null,
        version && executor.codeFor(version.format),
        inputs,
        (job) => givers.find((giver) => giver.id === job)?.fingerprint ?? null,
      )
    : null
  return {
    definition: {
      id,
      kind: spec.kind,
      name: spec.name ?? pipeline?.key ?? (version ? `${spec.kind} ${version.model}` : spec.kind),
      reference: spec.kind === 'synthetic' ? null : spec.model,
      model: version?.model ?? null,
      modelVersion: version?.version ?? null,
      parameters,
      items: spec.kind === 'batch' ? (linkedCount ?? count) : 1,
      need,
      place: spec.place ?? null,
      timeoutMs: spec.timeoutMs ?? defaultTimeout(spec),
      maxAttempts: spec.maxAttempts,
      deadline: spec.deadline === undefined ? null : Date.parse(spec.deadline),
      dependsOn: [...new Set([...spec.dependsOn, ...links.map(({ job }) => job)])] as JobId[],
      runWhen: spec.runWhen,
      // A measurement must not be disturbed.
      preemptible: spec.kind !== 'benchmark' && (spec.preemptible ?? true),
      links,
      pipeline,
      fingerprint,
      reusedFrom: null,
      labels: spec.labels,
      principal: by,
      idempotencyKey: 'idempotencyKey' in spec ? (spec.idempotencyKey ?? null) : null,
      createdAt: now,
    },
    inputs,
    first,
  }
}

/** @throws AppError `compute.invalid_input` when it is not there or does not give what is asked of it */
function giverOf(
  link: Link,
  version: ResolvedVersion | null,
  storage: Storage,
  findGiver: FindGiver,
): JobDefinition {
  const giver = findGiver(link.job as JobId)
  if (!giver) {
    const message = `This job is to take something from job ${link.job}, which does not exist.`
    throw new AppError('compute.invalid_input', message, {
      input: 'fromJob',
      wants: 'the id of a job that exists',
      got: link.job,
    })
  }
  assertLink(link, giver, version?.signature ?? null, storage)
  return giver
}

/** Checked one by one, and stored in parts that can each be packed within a turn of the event loop. */
async function stageInputs(
  { artifacts }: Storage,
  spec: PlainSpec,
  signature: Signature | null,
  items: JobInputs['items'],
): Promise<{ inputs: Prepared['inputs']; first: Tensors | null; count: number }> {
  const inputs: Prepared['inputs'] = []
  let first: Tensors | null = null
  let part: Tensors[] = []
  let bytes = 0
  let count = 0
  const stage = async () => {
    inputs.push({
      name: inputsName(count - part.length),
      staged: await artifacts.stage(packTensors(part)),
    })
    part = []
    bytes = 0
  }
  const breathe = createBreather()
  try {
    for await (const item of items) {
      if (signature) assertFits(signature, item)
      first ??= item
      part.push(item)
      bytes += byteSize(item)
      count++
      if (bytes >= PART_BYTES) await stage()
      await breathe()
    }
  } catch (error) {
    throw spec.kind === 'batch' ? ofItem(error, count) : error
  }
  if (part.length > 0) await stage()
  return { inputs, first, count }
}

function parametersOf(
  spec: PlainSpec,
  cpuCores: number,
  version: ResolvedVersion | null,
  dataset: string | null,
): JobParameters {
  const threads = Math.max(1, Math.floor(cpuCores))
  switch (spec.kind) {
    case 'infer':
      return { kind: 'infer', threads, latencyTargetMs: spec.latencyTargetMs ?? null }
    case 'batch':
      return { kind: 'batch', threads, batchSize: spec.batchSize, dataset }
    case 'generate':
      return { kind: 'generate', threads, sampling: samplingOf(spec, version) }
    case 'benchmark':
      return {
        kind: 'benchmark',
        threads: Math.min(spec.threads ?? threads, Math.ceil(cpuCores)),
        iterations: spec.iterations,
        warmup: spec.warmup,
      }
    case 'synthetic':
      return { kind: 'synthetic', durationMs: spec.durationMs, busy: spec.busy, fail: spec.fail ?? null }
  }
}

/** @throws AppError `compute.invalid_input` for a context that the model was not made for */
function samplingOf(
  spec: Extract<PlainSpec, { kind: 'generate' }>,
  version: ResolvedVersion | null,
): Extract<JobParameters, { kind: 'generate' }>['sampling'] {
  const trained = version?.metadata['contextLength']
  const most = typeof trained === 'number' && trained > 0 ? trained : USUAL_CONTEXT
  const { maxTokens, temperature, topP, topK, stop, completions } = spec
  const contextSize = spec.contextSize ?? Math.min(most, USUAL_CONTEXT)
  if (contextSize > most) {
    const message = `The model was made for a context of ${most} tokens, and contextSize is ${contextSize}.`
    throw new AppError('compute.invalid_input', message, {
      input: 'contextSize',
      wants: most,
      got: contextSize,
    })
  }
  // Chosen here, so that another attempt writes the same.
  const seed = spec.seed ?? randomInt(2 ** 32)
  return { maxTokens, temperature, topP, topK, seed, stop, contextSize, completions }
}

/**
 * One core where nothing is said, also for a load that only sleeps, and never less than a tenth: what runs shall be seen
 * to hold something, or no quota would bound the number of workers.
 */
function needOf(spec: PlainSpec): ResourceVector & { cpuCores: number } {
  const usual = spec.kind === 'benchmark' ? (spec.threads ?? 1) : 1
  return { ...spec.need, cpuCores: Math.max(LEAST_CORES, spec.need?.cpuCores ?? usual) }
}

function defaultTimeout(spec: PlainSpec): number | null {
  if (spec.kind === 'infer' || spec.kind === 'generate') return INFER_TIMEOUT_MS
  if (spec.kind === 'synthetic') return Math.ceil(spec.durationMs * 2 + SYNTHETIC_GRACE_MS)
  return null
}

/** Zeros in the shape of the signature; named and free dimensions count as 1. */
function zeros(signature: Signature): Tensors {
  return Object.fromEntries(
    signature.inputs.map(({ name, dtype, shape: dimensions }) => {
      const shape = dimensions.map((dimension) => (typeof dimension === 'number' ? dimension : 1))
      const count = elementCount(shape)
      if (dtype === 'string') return [name, { dtype, shape, strings: new Array<string>(count).fill('') }]
      return [name, { dtype, shape, bytes: new Uint8Array(count * DTYPE_BYTES[dtype]) }]
    }),
  )
}

/** Those that are given; what other jobs will give is left out. */
function toTensors(inputs: LinkedInputs): Tensors {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, tensor]) =>
      'fromJob' in tensor ? [] : [[name, fromJsonTensor(name, tensor)]],
    ),
  )
}

/** The same error, telling which item of the batch it is about. */
function ofItem(error: unknown, item: number): unknown {
  if (!(error instanceof AppError)) return error
  const details = { ...error.details, item }
  return new AppError(error.code, `Item ${item}: ${error.message}`, details, { cause: error })
}
