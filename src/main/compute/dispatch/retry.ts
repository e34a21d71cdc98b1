import { createHash } from 'node:crypto'
import type { ErrorCode } from '../../../shared/errors'

const BASE_MS = 500
/** The longest wait before another attempt. */
export const LONGEST_MS = 60_000

/** Failures that another attempt may not meet; a wrong input or a damaged file stays what it is. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'compute.worker_crashed',
  'compute.runtime_failed',
  'compute.timeout',
  'compute.interrupted',
])

/** Ends of the whole program during a job, without progress in between, before the job is taken for the cause. */
export const MAX_INTERRUPTIONS = 3

export function isRetryable(code: ErrorCode): boolean {
  return RETRYABLE.has(code)
}

/**
 * Wait before the next attempt: doubles with each failure, from half a second to a minute, less up to half of it, so
 * that jobs that failed together do not come back together. The share is taken from the job's id: a test can repeat it.
 */
export function backoffMs(job: string, failures: number): number {
  const full = Math.min(LONGEST_MS, BASE_MS * 2 ** (failures - 1))
  const chance = createHash('sha256').update(`${job} ${failures}`).digest().readUInt32LE(0) / 2 ** 32
  return Math.round(full * (1 - chance / 2))
}
