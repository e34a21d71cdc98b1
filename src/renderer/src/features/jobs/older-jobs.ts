import { type Job, MOST_ENDED_LIVE } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'

export type Jobs = ReadonlyMap<string, Job>

/** When the first of the live jobs ended; null while no job can have left them. */
export function oldestEnd(live: Jobs): string | null {
  if (live.size < MOST_ENDED_LIVE) return null
  let ended = 0
  let oldest: string | null = null
  for (const { finishedAt } of live.values()) {
    if (finishedAt === null) continue
    ended++
    if (oldest === null || finishedAt < oldest) oldest = finishedAt
  }
  return ended < MOST_ENDED_LIVE ? null : oldest
}

/** Jobs that had ended and are no longer among the live ones. */
export function leftOf(before: Jobs, live: Jobs): Job[] {
  return [...before.values()].filter(({ id, state }) => isTerminal(state) && !live.has(id))
}

/** Those and more, the later of the same id. */
export function withJobs(jobs: Jobs, more: readonly Job[]): Jobs {
  return new Map([...jobs, ...more.map((job) => [job.id, job] as const)])
}
