import { Readable } from 'node:stream'
import type { Import } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import type { Tensor, Tensors } from '../../shared/domain/tensor'
import { toJsonTensor } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import { createBreather } from '../platform/breather'
import type { Storage } from '../storage'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import { batchOutputs } from './results'

type Json = string | number | boolean | Json[]

/**
 * Keeps the outputs of a batch as a version of a data set, as JSON lines: a row for each item, a column for each output.
 * @throws AppError `compute.conflict` for a job that is no batch, `compute.not_finished` for one that has not succeeded
 */
export function saveAsDataset(
  storage: Storage,
  { definition, status }: { definition: JobDefinition; status: JobStatus },
  name: string,
  by: PrincipalId,
): Promise<Import> {
  const { id, parameters, model, modelVersion } = definition
  if (parameters.kind !== 'batch') {
    const message = `Job ${id} is no batch; only the results of a batch become a data set.`
    throw new AppError('compute.conflict', message, { kind: parameters.kind })
  }
  if (status.state !== 'succeeded') {
    const message = `Job ${id} is ${status.state}; only a batch that has succeeded can be kept as a data set.`
    throw new AppError('compute.not_finished', message, { state: status.state })
  }
  const content = Readable.from(linesOf(batchOutputs(storage.artifacts, definition)))
  const source = {
    kind: 'upload' as const,
    name,
    // What it will be is not known before it is written.
    bytesTotal: 0,
    files: oneFile({ path: `${name}.jsonl`, content }),
    madeFrom: {
      models: [`${model}@${modelVersion}`],
      datasets: parameters.dataset === null ? [] : [parameters.dataset],
      job: id,
    },
  }
  return storage.startImport(source, by)
}

async function* oneFile<T>(file: T): AsyncGenerator<T> {
  yield file
}

async function* linesOf(items: AsyncIterable<Tensors>): AsyncGenerator<string> {
  const breathe = createBreather()
  for await (const outputs of items) {
    const row = Object.entries(outputs).map(([name, tensor]) => [name, cellOf(tensor)] as const)
    yield `${JSON.stringify(Object.fromEntries(row))}\n`
    await breathe()
  }
}

/** A number for one element, else lists as deep as its dimensions; those of size 1 in front say nothing and are left out. */
function cellOf(tensor: Tensor): Json {
  const plain = toJsonTensor(tensor)
  const elements: Json[] = 'data' in plain ? [...plain.data] : []
  const [only] = elements
  if (elements.length === 1 && only !== undefined) return only
  const from = tensor.shape.findIndex((size) => size !== 1)
  return nested(elements, tensor.shape.slice(Math.max(0, from)))
}

function nested(elements: Json[], shape: readonly number[]): Json[] {
  const inner = shape.at(-1) ?? 1
  if (shape.length <= 1 || inner === 0) return elements
  const rows: Json[] = []
  for (let at = 0; at < elements.length; at += inner) rows.push(elements.slice(at, at + inner))
  return nested(rows, shape.slice(0, -1))
}
