import type { Clock } from '../platform/clock'
import type { ActiveJob } from './jobs/active-job'

/** Callers that wait for a job to end. */
export class JobEnds {
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Within a transaction: callers hear of it when it is through, and not when it is rolled back. */
  ended(job: ActiveJob): void {
    if (!this.#waiting.has(job.id)) return
    queueMicrotask(() => {
      if (job.status.finishedAt === null) return
      const callbacks = this.#waiting.get(job.id)
      this.#waiting.delete(job.id)
      for (const callback of callbacks ?? []) callback()
    })
  }

  /** Resolves at the end of the job, or after `waitMs` (null: never). @throws the signal's reason */
  wait(id: string, clock: Clock, waitMs: number | null, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const callbacks = this.#waiting.get(id) ?? new Set()
      this.#waiting.set(id, callbacks)
      const onAbort = () => {
        stop()
        reject(signal?.reason)
      }
      const onEnd = () => {
        stop()
        resolve()
      }
      const cancelTimer = waitMs === null ? () => undefined : clock.setTimer(waitMs, onEnd)
      const stop = () => {
        cancelTimer()
        signal?.removeEventListener('abort', onAbort)
        callbacks.delete(onEnd)
        if (callbacks.size === 0) this.#waiting.delete(id)
      }
      callbacks.add(onEnd)
      signal?.addEventListener('abort', onAbort)
    })
  }
}
