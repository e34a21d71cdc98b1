import { z } from 'zod'
import { Completion, type JobResult } from '../../shared/contract'
import { elementCount, type JsonTensor, type Tensors } from '../../shared/domain/tensor'
import { toJsonTensor, unpackTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import { createBreather } from '../platform/breather'
import type { Artifacts } from '../storage'
import { itemsStart, RESULT } from './jobs/artifact-names'
import type { JobDefinition, JobStatus } from './jobs/job-row'

/** Longer tensors go as base64: a third of the size and a tenth of the time. */
const MAX_PLAIN_ELEMENTS = 10_000

/** The result of a `generate`, as it is kept. */
export const Written = z.object({ promptTokens: z.number(), completions: z.array(Completion) })

const Figures = z.object({
  iterations: z.number(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), mean: z.number() }),
  throughput: z.number(),
})

/** The result of a job that succeeded. @throws AppError `storage.corrupt` when its bytes are no more */
export async function readResult(
  artifacts: Artifacts,
  definition: JobDefinition,
  status: JobStatus,
): Promise<JobResult> {
  const { id: job, kind } = definition
  const { queuedMs, loadMs, computeMs } = status
  const result: JobResult = { job, kind, timings: { queuedMs, loadMs, computeMs } }
  switch (kind) {
    case 'synthetic':
      return result
    case 'infer':
      return { ...result, outputs: toJson(unpackTensors(await read(artifacts, definition))[0] ?? {}) }
    case 'benchmark': {
      const text = new TextDecoder().decode(await read(artifacts, definition))
      const figures = Figures.safeParse(JSON.parse(text))
      if (!figures.success) throw lost(definition)
      return { ...result, ...figures.data }
    }
    case 'generate': {
      const text = new TextDecoder().decode(await read(artifacts, definition))
      const written = Written.safeParse(JSON.parse(text))
      if (!written.success) throw lost(definition)
      const { promptTokens, completions } = written.data
      return {
        ...result,
        promptTokens,
        ...completions[0],
        ...(completions.length > 1 ? { completions } : {}),
      }
    }
    case 'batch':
      return { ...result, items: await readItems(artifacts, definition) }
  }
}

/**
 * The outputs of a batch, item after item; they lie in parts, as they were finished.
 * @throws AppError `storage.corrupt` when any is missing
 */
export async function* batchOutputs(
  artifacts: Artifacts,
  definition: JobDefinition,
): AsyncGenerator<Tensors> {
  let count = 0
  for (const name of artifacts.list(definition.id)) {
    const start = itemsStart(name)
    if (start === null) continue
    const bytes = await artifacts.read(definition.id, name)
    if (!bytes || start !== count) throw lost(definition)
    for (const item of unpackTensors(bytes)) {
      yield item
      count++
    }
  }
  if (count !== definition.items) throw lost(definition)
}

async function readItems(
  artifacts: Artifacts,
  definition: JobDefinition,
): Promise<{ outputs: Record<string, JsonTensor> }[]> {
  const items: { outputs: Record<string, JsonTensor> }[] = []
  const breathe = createBreather()
  for await (const item of batchOutputs(artifacts, definition)) {
    items.push({ outputs: toJson(item) })
    await breathe()
  }
  return items
}

async function read(artifacts: Artifacts, definition: JobDefinition): Promise<Uint8Array> {
  const bytes = await artifacts.read(definition.id, RESULT)
  if (!bytes) throw lost(definition)
  return bytes
}

function lost({ id }: JobDefinition): AppError {
  return new AppError('storage.corrupt', `The result of job ${id} is damaged or gone. Retry the job.`, {
    job: id,
  })
}

function toJson(tensors: Tensors): Record<string, JsonTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      toJsonTensor(
        tensor,
        elementCount(tensor.shape) > MAX_PLAIN_ELEMENTS && tensor.dtype !== 'string' ? 'base64' : 'data',
      ),
    ]),
  )
}
