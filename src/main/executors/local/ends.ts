import { AppError } from '../../../shared/errors'
import type { WorkerEnd } from './worker-process'

/** A worker ended that nobody had told to. @param name of the runtime */
export function crashed(name: string, { code, signal, lastWords, error }: WorkerEnd): AppError {
  if (error) {
    return new AppError(
      'compute.worker_crashed',
      `A ${name} worker could not be started: ${error.message}`,
      {},
      { cause: error },
    )
  }
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

/** A worker was ended for taking too long. @param name of the runtime */
export function tooLate(name: string, what: string, ms: number): AppError {
  return new AppError(
    'compute.timeout',
    `The ${name} worker was still ${what} after ${ms / 1000} s and was ended.`,
  )
}

export function interrupted(message: string): AppError {
  return new AppError('compute.interrupted', message)
}
