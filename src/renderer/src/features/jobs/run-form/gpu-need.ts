import type { ResourceVector } from '@shared/domain/resources'

/** How much of a GPU a job is to have; null: it computes on the CPU. */
export interface GpuChoice {
  gpu: number | null
  /** For model and work; null: without a bound. */
  gpuGigabytes: number | null
}

/** The same as a job says it; nothing where it computes on the CPU. */
export function gpuNeedOf({ gpu, gpuGigabytes }: GpuChoice): { need?: ResourceVector } {
  if (gpu === null) return {}
  return {
    need: { gpu, ...(gpuGigabytes === null ? {} : { gpuMemoryBytes: Math.round(gpuGigabytes * 1e9) }) },
  }
}
