import type { Inputs, JobSpecInput } from '@shared/contract'
import type { RunOptions } from './remember'

/** What a submission is made of, besides its inputs. */
export interface JobHead {
  model: string
  name: string
  options: RunOptions
}

function common({ name, options }: JobHead) {
  return {
    ...(name.trim() === '' ? {} : { name: name.trim() }),
    ...(options.timeoutSeconds === null
      ? {}
      : { timeoutMs: Math.max(1, Math.round(options.timeoutSeconds * 1000)) }),
    priority: options.priority,
    maxAttempts: options.maxAttempts,
  }
}

export function inferJob(head: JobHead, inputs: Inputs): JobSpecInput {
  return { kind: 'infer', model: head.model, inputs, ...common(head) }
}

export function batchJob(head: JobHead, items: Inputs[]): JobSpecInput {
  return { kind: 'batch', model: head.model, items, batchSize: head.options.batchSize, ...common(head) }
}

/** A batch over the rows of a data set; `columns`: which of them feed each input. */
export function datasetJob(
  head: JobHead,
  { dataset, columns }: { dataset: string; columns: Record<string, string[]> },
): JobSpecInput {
  const { batchSize } = head.options
  return { kind: 'batch', model: head.model, dataset, columns, batchSize, ...common(head) }
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
    ...common(head),
  }
}
