import type { JobSpec } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { addVectors, isEmptyVector, type ResourceVector } from '../../shared/domain/resources'
import { DTYPE_BYTES, elementCount, type Signature, type Tensors } from '../../shared/domain/tensor'
import { assertFits, fromJsonTensor, packTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import type { Core } from '../core'
import type { LocalExecutor } from '../executors/local'
import type { Clock } from '../platform/clock'
import type { ResolvedVersion, StagedArtifact, Storage } from '../storage'
import { createBreather } from './dispatch/breather'
import { byteSize, inputsName, PART_BYTES } from './jobs/artifact-names'
import type { JobDefinition, JobParameters } from './jobs/job-row'

/** A runaway attempt ends by itself, unless its kind is meant to be long. */
const INFER_TIMEOUT_MS = 10 * 60_000
/** Beyond its length a synthetic load may take so long before it is taken for hung. */
const SYNTHETIC_GRACE_MS = 60_000

/** What is left of a specification once its inputs are tensors: what a retry copies. */
export type PlainSpec = DistributiveOmit<JobSpec, 'inputs' | 'items' | 'waitMs'>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** A job ready to be written: everything checked, its inputs safely stored. */
export interface Prepared {
  definition: JobDefinition
  inputs: { name: string; staged: StagedArtifact }[]
  items: readonly Tensors[]
}

export interface SubmitDeps {
  core: Core
  storage: Storage
  executor: LocalExecutor
  clock: Clock
}

/** The tensors of a specification. @throws AppError `compute.invalid_input` naming the input, and the item of a batch */
export async function tensorsOf(spec: JobSpec): Promise<Tensors[] | null> {
  if (spec.kind === 'synthetic') return []
  if (spec.kind === 'infer') return [toTensors(spec.inputs)]
  if (spec.kind === 'benchmark') return spec.inputs ? [toTensors(spec.inputs)] : null
  const items: Tensors[] = []
  const breathe = createBreather()
  for (const [index, item] of spec.items.entries()) {
    items.push(inItem(index, () => toTensors(item)))
    await breathe()
  }
  return items
}

const LEAST_CORES = 0.1

/**
 * Checks a job against the model and the machine, and stores its inputs.
 * @param tensors null: zeros in the shape of the signature
 */
export async function prepare(
  deps: SubmitDeps,
  spec: PlainSpec,
  tensors: Tensors[] | null,
  by: PrincipalId,
): Promise<Prepared> {
  const { core, storage, executor, clock } = deps
  const version = spec.kind === 'synthetic' ? null : storage.route(spec.model)
  if (version) executor.runtimeFor(version.format)
  const items = tensors ?? (version ? [zeros(version.signature)] : [])
  if (version) await checkInputs(version, items, spec.kind === 'batch')
  const need = needOf(spec)
  const parameters = parametersOf(spec, need.cpuCores)
  const memoryBytes = version ? executor.estimateMemory(version) : 0
  const whole = addVectors(need, { memoryBytes })
  if (!isEmptyVector(whole)) core.assertPossible(whole)
  const now = clock.now()
  return {
    definition: {
      id: clock.newId<JobId>('j'),
      kind: spec.kind,
      name: spec.name ?? (version ? `${spec.kind} ${version.model}` : spec.kind),
      reference: spec.kind === 'synthetic' ? null : spec.model,
      model: version?.model ?? null,
      modelVersion: version?.version ?? null,
      parameters,
      items: spec.kind === 'batch' ? items.length : 1,
      need,
      timeoutMs: spec.timeoutMs ?? defaultTimeout(spec),
      maxAttempts: spec.maxAttempts,
      deadline: spec.deadline === undefined ? null : Date.parse(spec.deadline),
      dependsOn: [...new Set(spec.dependsOn)] as JobId[],
      labels: spec.labels,
      principal: by,
      idempotencyKey: spec.idempotencyKey ?? null,
      createdAt: now,
    },
    inputs: await stageInputs(storage, items),
    items,
  }
}

async function checkInputs(
  version: ResolvedVersion,
  items: readonly Tensors[],
  isBatch: boolean,
): Promise<void> {
  const breathe = createBreather()
  for (const [index, item] of items.entries()) {
    if (isBatch) inItem(index, () => assertFits(version.signature, item))
    else assertFits(version.signature, item)
    await breathe()
  }
}

/** Inputs in parts that can each be packed within a turn of the event loop. */
async function stageInputs(storage: Storage, items: readonly Tensors[]): Promise<Prepared['inputs']> {
  const inputs: Prepared['inputs'] = []
  let start = 0
  let bytes = 0
  for (const [index, item] of items.entries()) {
    bytes += byteSize(item)
    if (bytes < PART_BYTES && index < items.length - 1) continue
    inputs.push({
      name: inputsName(start),
      staged: await storage.artifacts.stage(packTensors(items.slice(start, index + 1))),
    })
    start = index + 1
    bytes = 0
  }
  return inputs
}

function parametersOf(spec: PlainSpec, cpuCores: number): JobParameters {
  const threads = Math.max(1, Math.floor(cpuCores))
  switch (spec.kind) {
    case 'infer':
      return { kind: 'infer', threads }
    case 'batch':
      return { kind: 'batch', threads, batchSize: spec.batchSize }
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

/**
 * One core where nothing is said, also for a load that only sleeps, and never less than a tenth: what runs shall be seen
 * to hold something, or no quota would bound the number of workers.
 */
function needOf(spec: PlainSpec): ResourceVector & { cpuCores: number } {
  const usual = spec.kind === 'benchmark' ? (spec.threads ?? 1) : 1
  return { ...spec.need, cpuCores: Math.max(LEAST_CORES, spec.need?.cpuCores ?? usual) }
}

function defaultTimeout(spec: PlainSpec): number | null {
  if (spec.kind === 'infer') return INFER_TIMEOUT_MS
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

function toTensors(inputs: Extract<JobSpec, { kind: 'infer' }>['inputs']): Tensors {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, fromJsonTensor(name, tensor)]),
  )
}

function inItem<T>(index: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new AppError(
      error.code,
      `Item ${index}: ${error.message}`,
      { ...error.details, item: index },
      { cause: error },
    )
  }
}
