import type { JobSpecInput } from '@shared/contract'
import { type GpuChoice, gpuNeedOf } from './gpu-need'

/** What is seldom set of a `generate`, as its fields hold it: an empty field leaves it to the system. */
export interface ChatOptions extends GpuChoice {
  stop: string[]
  topP: number | string
  topK: number | string
  /** Tokens of prompt and answer together. */
  contextSize: number | string
  completions: number | string
}

export const NO_OPTIONS: ChatOptions = {
  ...{ stop: [], topP: '', topK: '', contextSize: '', completions: '' },
  ...{ gpu: null, gpuGigabytes: null },
}

type Generate = Extract<JobSpecInput, { kind: 'generate' }>

/** The options that were set, as a job takes them. */
export function specOf({
  stop,
  gpu,
  gpuGigabytes,
  ...numbers
}: ChatOptions): Partial<Pick<Generate, 'stop' | 'topP' | 'topK' | 'contextSize' | 'completions' | 'need'>> {
  const set = Object.entries(numbers).filter(([, value]) => value !== '')
  return {
    ...Object.fromEntries(set.map(([name, value]) => [name, Number(value)])),
    ...(stop.length > 0 && { stop }),
    ...gpuNeedOf({ gpu, gpuGigabytes }),
  }
}
