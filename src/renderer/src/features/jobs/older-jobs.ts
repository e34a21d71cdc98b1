import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import type { JobFilter } from './job-list'

export type Jobs = ReadonlyMap<string, Job>

/** What was asked for of the jobs that the system no longer sends by itself, and what has joined them since. */
export interface Older extends Pick<JobFilter, 'kind' | 'model'> {
  jobs: Jobs
  /** Those that ended until then are asked for; what ended since was live. */
  until: string
  /** Undefined: none has come yet; null: there are no more. */
  cursor: string | null | undefined
}

/** How many of the live jobs have ended, and when the first of them did. */
export function endedOf(live: Jobs): { count: number; oldest: string | null } {
  let count = 0
  let oldest: string | null = null
  for (const { finishedAt } of live.values()) {
    if (finishedAt === null) continue
    count++
    if (oldest === null || finishedAt < oldest) oldest = finishedAt
  }
  return { count, oldest }
}

/** Jobs that had ended and are no longer among the live ones. */
export function leftOf(before: Jobs, live: Jobs): Job[] {
  return [...before.values()].filter(({ id, state }) => isTerminal(state) && !live.has(id))
}

/**
 * While a person looks at older jobs, and from when these are asked for, those that leave the live ones stay: else there
 * were a gap between the two. That none is live any more is no such leaving: they may no longer be seen.
 */
export function withLeft(older: Older, before: Jobs, live: Jobs): Older | null {
  if (live.size === 0 && before.size > 0) return null
  const left = leftOf(before, live)
  return left.length === 0 ? older : { ...older, jobs: withJobs(older.jobs, left) }
}

export function withPage(older: Older, items: readonly Job[], cursor: string | null): Older {
  return { ...older, jobs: withJobs(older.jobs, items), cursor }
}

/** Those and more, the later of the same id. */
function withJobs(jobs: Jobs, more: readonly Job[]): Jobs {
  return new Map([...jobs, ...more.map((job) => [job.id, job] as const)])
}
