import { formatBytes } from '../../../../shared/domain/units'
import { AppError } from '../../../../shared/errors'
import type { Allotment, GpuProgram } from '..'

/** Allocators keep what is freed, and what is computed between two layers is in no estimate. */
const TOLERANCE = 1.25
const SLACK_BYTES = 256 * 2 ** 20
/** While a model is read its bytes may lie in several forms at once, and an estimate may be wrong; not without end. */
const LOAD_TOLERANCE = 4
const LOAD_SLACK_BYTES = 2 ** 30
/** The libraries that compute on a GPU take gigabytes of the host, and no estimate knows of them. */
const DEVICE_SLACK_BYTES = 4 * 2 ** 30
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

/**
 * Of the memory of the host.
 * @param restBytes what the engine took before the job: a wrong estimate of the engine is no fault of the job
 */
export function hostBound(allotment: Allotment, restBytes: number): Bound {
  const { memoryBytes, engineMemoryBytes } = allotment
  return ofHost(allotment, limitOf(memoryBytes + Math.max(engineMemoryBytes, restBytes)))
}

/**
 * Of the memory of the host while the engine loads.
 * @param unmeasuredBytes its estimate before any measurement: one that was at rest had let go of what it read
 */
export function loadBound(allotment: Allotment, unmeasuredBytes: number, usesDevice: boolean): Bound {
  const { memoryBytes, engineMemoryBytes } = allotment
  const bytes = memoryBytes + Math.max(engineMemoryBytes, unmeasuredBytes)
  const slackBytes = usesDevice ? DEVICE_SLACK_BYTES : LOAD_SLACK_BYTES
  return ofHost(allotment, Math.ceil(bytes * LOAD_TOLERANCE + slackBytes))
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
