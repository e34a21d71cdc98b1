import type { QueueView } from '../../../shared/contract'
import type { JobState } from '../../../shared/domain/job-state'

const MINUTE_MS = 60_000
const MINUTES = 60
/** Waits are counted in classes a tenth of a power of two wide: percentiles are within 4 % of the truth. */
const CLASSES_PER_DOUBLING = 10
const CLASSES = 32 * CLASSES_PER_DOUBLING

interface Minute {
  minute: number
  succeeded: number
  failed: number
  cancelled: number
  waits: Uint32Array
}

/** Outcomes and waits of the last hour, counted as they happen: the cost is that of 60 minutes, not of the jobs. */
export class LastHour {
  #minutes: Minute[] = []

  add(state: JobState, waitMs: number, atMs: number): void {
    if (state !== 'succeeded' && state !== 'failed' && state !== 'cancelled') return
    const minute = Math.floor(atMs / MINUTE_MS)
    let entry = this.#minutes.findLast((candidate) => candidate.minute === minute)
    if (!entry) {
      // Here too: on a system that nobody asks for a view, all that ever was would be kept.
      this.#forget(atMs)
      entry = { minute, succeeded: 0, failed: 0, cancelled: 0, waits: new Uint32Array(CLASSES) }
      this.#minutes.push(entry)
    }
    entry[state]++
    const index = classOf(waitMs)
    entry.waits[index] = (entry.waits[index] ?? 0) + 1
  }

  view(nowMs: number): QueueView['lastHour'] {
    this.#forget(nowMs)
    const waits = new Float64Array(CLASSES)
    const total = { succeeded: 0, failed: 0, cancelled: 0 }
    for (const minute of this.#minutes) {
      total.succeeded += minute.succeeded
      total.failed += minute.failed
      total.cancelled += minute.cancelled
      minute.waits.forEach((count, index) => {
        waits[index] = (waits[index] ?? 0) + count
      })
    }
    return { ...total, medianWaitMs: percentile(waits, 0.5), p95WaitMs: percentile(waits, 0.95) }
  }

  #forget(nowMs: number): void {
    const oldest = Math.floor(nowMs / MINUTE_MS) - MINUTES
    this.#minutes = this.#minutes.filter(({ minute }) => minute > oldest)
  }
}

function classOf(waitMs: number): number {
  return Math.min(CLASSES - 1, Math.round(Math.log2(1 + Math.max(0, waitMs)) * CLASSES_PER_DOUBLING))
}

function percentile(counts: Float64Array, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let seen = 0
  for (let index = 0; index < counts.length; index++) {
    seen += counts[index] ?? 0
    if (seen >= share * total) return 2 ** (index / CLASSES_PER_DOUBLING) - 1
  }
  return null
}
