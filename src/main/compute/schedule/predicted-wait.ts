import { entriesOf, type ResourceVector } from '../../../shared/domain/resources'

export interface WaitInput {
  capacity: ResourceVector
  /** What is free now. */
  available: ResourceVector
  /** Jobs that run, with the time until they are expected to end; null when unknown. */
  running: readonly { need: ResourceVector; remainingMs: number | null }[]
  /** What waits before the newcomer: run times of jobs that need the same, together. */
  waiting: readonly { need: ResourceVector; workMs: number }[]
}

/**
 * How long a job waits that comes now and needs what the others need: for each resource until the first that holds it
 * ends, then as long as the work before it takes of all there is; the longest of these.
 * @returns milliseconds; null when nobody knows how long what runs will take, or programs hold what is needed
 */
export function predictedWaitMs({ capacity, available, running, waiting }: WaitInput): number | null {
  const free = new Map(entriesOf(available))
  let longest = 0
  for (const [name, total] of entriesOf(capacity)) {
    const aheadMs = waiting.reduce(
      (sum, { need, workMs }) => sum + (workMs * amountOf(need, name)) / total,
      0,
    )
    const isFree = (free.get(name) ?? 0) > 0
    if (aheadMs === 0 && isFree) continue
    const ends = running.filter(({ need }) => amountOf(need, name) > 0).map(({ remainingMs }) => remainingMs)
    if (ends.includes(null)) return null
    // Every job needs cores; of the rest only what others wait for counts.
    if (ends.length === 0 && !isFree && (aheadMs > 0 || name === 'cpuCores')) return null
    longest = Math.max(longest, (ends.length > 0 ? Math.min(...(ends as number[])) : 0) + aheadMs)
  }
  return Math.round(longest)
}

function amountOf(need: ResourceVector, name: string): number {
  return entriesOf(need).find(([own]) => own === name)?.[1] ?? 0
}
