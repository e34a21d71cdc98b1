import type { Inputs, JobSpecInput } from '@shared/contract'
import { gpuNeedOf } from './gpu-need'
import type { RunOptions } from './remember'

/** What a submission is made of, besides its inputs. */
export interface JobHead {
  model: string
  name: string
  options: RunOptions
}

/** What every kind of job may say, in the words of the contract; what is as usual is left out. */
export function commonOf({ name, options }: Omit<JobHead, 'model'>) {
  const { devices, numaNode, preemptible } = options
  const place = { ...(devices === null ? {} : { devices }), ...(numaNode === null ? {} : { numaNode }) }
  return {
    ...(name.trim() === '' ? {} : { name: name.trim() }),
    ...(options.timeoutSeconds === null
      ? {}
      : { timeoutMs: Math.max(1, Math.round(options.timeoutSeconds * 1000)) }),
    priority: options.priority,
    maxAttempts: options.maxAttempts,
    ...(preemptible ? {} : { preemptible }),
    ...(Object.keys(place).length === 0 ? {} : { place }),
    ...gpuNeedOf(options),
  }
}

export function inferJob(head: JobHead, inputs: Inputs): JobSpecInput {
  const { latencyTargetMs } = head.options
  return {
    kind: 'infer',
    model: head.model,
    inputs,
    ...(latencyTargetMs === null ? {} : { latencyTargetMs }),
    ...commonOf(head),
  }
}

export function batchJob(head: JobHead, items: Inputs[]): JobSpecInput {
  return { kind: 'batch', model: head.model, items, batchSize: head.options.batchSize, ...commonOf(head) }
}

/** A batch over the rows of a data set; `columns`: which of them feed each input. */
export function datasetJob(
  head: JobHead,
  { dataset, columns }: { dataset: string; columns: Record<string, string[]> },
): JobSpecInput {
  const { batchSize } = head.options
  return { kind: 'batch', model: head.model, dataset, columns, batchSize, ...commonOf(head) }
}

export function benchmarkJob(head: JobHead, inputs: Inputs): JobSpecInput {
  const { iterations, warmup, threads } = head.options
  return {
    kind: 'benchmark',
    model: head.model,
    inputs,
    iterations,
    warmup,
    ...(threads === null ? {} : { threads }),
    ...commonOf(head),
  }
}
