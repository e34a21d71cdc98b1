import { AppError } from '../../../shared/errors'
import type { WorkerEnd } from './worker-process'

/** A worker ended that nobody had told to. @param name of the runtime */
export function crashed(name: string, { code, signal, lastWords, error }: WorkerEnd): AppError {
  if (error) return notStarted(name, error)
  const how = signal ? `by ${signal}` : `with exit code ${code ?? 'unknown'}`
  const hint = signal === 'SIGKILL' ? ' The machine may have run out of memory.' : ''
  const words = lastWords.length > 0 ? ` It last said: ${lastWords.join(' / ').slice(0, 1000)}` : ''
  return new AppError(
    'compute.worker_crashed',
    `The ${name} worker ended unexpectedly ${how}.${hint}${words}`,
    {
      exitCode: code,
      signal,
    },
  )
}

/** There is no room for another process now, or its program is gone. @param name of the runtime */
export function notStarted(name: string, error: Error): AppError {
  return new AppError(
    'compute.worker_crashed',
    `A ${name} worker could not be started: ${error.message}`,
    {},
    { cause: error },
  )
}

const STARTUP_MS = 60_000
/** As slow disks and shared folders read. */
const SLOWEST_BYTES_PER_MS = 50_000

/** How long a worker may take to load these files before it is ended. */
export function longestLoadMs(files: readonly { sizeBytes: number }[]): number {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return STARTUP_MS + Math.round(bytes / SLOWEST_BYTES_PER_MS)
}

/** A worker was ended for taking too long. @param name of the runtime */
export function tooLate(name: string, what: string, ms: number): AppError {
  return new AppError(
    'compute.timeout',
    `The ${name} worker was still ${what} after ${Math.round(ms / 1000)} s and was ended.`,
  )
}

export function interrupted(message: string): AppError {
  return new AppError('compute.interrupted', message)
}
