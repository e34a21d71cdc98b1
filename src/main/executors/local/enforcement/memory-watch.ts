import { formatBytes } from '../../../../shared/domain/units'
import { AppError } from '../../../../shared/errors'
import type { Allotment } from '..'

/** Allocators keep what is freed, and what is computed between two layers is in no estimate. */
const TOLERANCE = 1.25
const SLACK_BYTES = 256 * 2 ** 20
/** One sample may fall into a moment that is over before anybody could have acted. */
const SAMPLES = 3

/** How much a worker may take while a job runs, and for how many samples in a row it has taken more. */
export class MemoryWatch {
  readonly #leasedBytes: number
  readonly limitBytes: number
  #over = 0

  /** @param restBytes what the engine took before the job: a wrong estimate of the engine is no fault of the job */
  constructor({ memoryBytes, engineMemoryBytes }: Allotment, restBytes: number) {
    this.#leasedBytes = memoryBytes + engineMemoryBytes
    this.limitBytes = Math.ceil(
      (memoryBytes + Math.max(engineMemoryBytes, restBytes)) * TOLERANCE + SLACK_BYTES,
    )
  }

  /** Why the attempt has to end; null while it may go on. */
  sample(bytes: number): AppError | null {
    this.#over = bytes > this.limitBytes ? this.#over + 1 : 0
    return this.#over < SAMPLES ? null : this.exceeded(bytes)
  }

  /** @param usedBytes null: the system has ended the worker at the limit */
  exceeded(usedBytes: number | null): AppError {
    const used = formatBytes(usedBytes ?? this.limitBytes)
    const message = `The worker used ${used} of memory, and ${formatBytes(this.#leasedBytes)} were leased for the job and its model. Submit it again with a higher need.memoryBytes.`
    const details = {
      usedBytes: usedBytes ?? this.limitBytes,
      leasedBytes: this.#leasedBytes,
      limitBytes: this.limitBytes,
    }
    return new AppError('compute.exceeded_lease', message, details)
  }
}
