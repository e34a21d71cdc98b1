import { formatBytes } from '../../../../shared/domain/units'
import { AppError } from '../../../../shared/errors'
import type { Allotment, GpuProgram } from '..'

/** Allocators keep what is freed, and what is computed between two layers is in no estimate. */
const TOLERANCE = 1.25
const SLACK_BYTES = 256 * 2 ** 20
/** While a model loads, its files and what they become may lie beside each other. */
const LOADING = 3
const LOADING_SLACK_BYTES = 2 ** 30
/** One sample may fall into a moment that is over before anybody could have acted. */
const SAMPLES = 3

/** What a worker may take of one memory, and the words for it. */
interface Bound {
  leasedBytes: number
  limitBytes: number
  /** Completes `The worker used 3 GB of`. */
  memory: string
  /** Completes `2 GB were leased for`. */
  leasedFor: string
  need: 'need.memoryBytes' | 'need.gpuMemoryBytes'
}

/** What an engine is known to take of the memory of the host. */
export interface Known {
  /** When it had loaded: a wrong estimate of the engine is no fault of a job. */
  loadedBytes: number
  /** The most that a job on it has leased: what that took of it, the worker may still hold. */
  leasedBytes: number
}

/** Of the memory of the host, for a job and its engine. */
export function hostBound(allotment: Allotment, { loadedBytes, leasedBytes }: Known): Bound {
  const { memoryBytes, engineMemoryBytes } = allotment
  const limitBytes = limitOf(Math.max(memoryBytes, leasedBytes) + Math.max(engineMemoryBytes, loadedBytes))
  return ofHost(allotment, limitBytes)
}

/** Of the memory of the host, for an engine that loads. @param freeBytes of the machine, which it may not use up */
export function loadBound(allotment: Allotment, freeBytes: number): Bound {
  const { memoryBytes, engineMemoryBytes } = allotment
  const generous = memoryBytes + LOADING * engineMemoryBytes + LOADING_SLACK_BYTES
  const leased = limitOf(memoryBytes + engineMemoryBytes)
  return ofHost(allotment, Math.max(leased, Math.min(generous, freeBytes)))
}

/** Of the memory of the host, for an engine that does nothing: what its jobs had leased is over. */
export function restBound(allotment: Allotment, { loadedBytes }: Known): Bound {
  return hostBound({ ...allotment, memoryBytes: 0 }, { loadedBytes, leasedBytes: 0 })
}

function ofHost({ memoryBytes, engineMemoryBytes }: Allotment, limitBytes: number): Bound {
  return {
    leasedBytes: memoryBytes + engineMemoryBytes,
    limitBytes,
    memory: 'memory',
    leasedFor: 'the job and its model',
    need: 'need.memoryBytes',
  }
}

/** Of the memory of a GPU, where the lease of the job holds model and work. */
export function gpuBound({ device, memoryBytes }: Allotment['gpuMemory'][number]): Bound {
  return {
    leasedBytes: memoryBytes,
    limitBytes: limitOf(memoryBytes),
    memory: `the memory of ${device}`,
    leasedFor: 'the job',
    need: 'need.gpuMemoryBytes',
  }
}

function limitOf(bytes: number): number {
  return Math.ceil(bytes * TOLERANCE + SLACK_BYTES)
}

/** What these processes together take of the memory of each GPU. */
export function gpuMemoryOf(pids: readonly number[], programs: readonly GpuProgram[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { device, pid, memoryBytes } of programs)
    if (pids.includes(pid)) sums.set(device, (sums.get(device) ?? 0) + memoryBytes)
  return sums
}

/** Whether a worker takes more than it may, and for how many samples in a row it has. */
export class MemoryWatch {
  readonly #bound: Bound
  #over = 0

  constructor(bound: Bound) {
    this.#bound = bound
  }

  get limitBytes(): number {
    return this.#bound.limitBytes
  }

  /** Why the attempt has to end; null while it may go on. */
  sample(bytes: number): AppError | null {
    this.#over = bytes > this.limitBytes ? this.#over + 1 : 0
    return this.#over < SAMPLES ? null : this.exceeded(bytes)
  }

  /** @param usedBytes null: the system has ended the worker at the limit */
  exceeded(usedBytes: number | null): AppError {
    const { leasedBytes, limitBytes, memory, leasedFor, need } = this.#bound
    const used = formatBytes(usedBytes ?? limitBytes)
    const message = `The worker used ${used} of ${memory}, and ${formatBytes(leasedBytes)} were leased for ${leasedFor}. Submit it again with a higher ${need}.`
    const details = { usedBytes: usedBytes ?? limitBytes, leasedBytes, limitBytes, need }
    return new AppError('compute.exceeded_lease', message, details)
  }
}
