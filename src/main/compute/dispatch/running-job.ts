import type { ActiveJob } from '../jobs/active-job'
import { pauseOf } from '../jobs/preemption'
import type { RunningJob } from '../schedule/types'

/** A running job as the planner sees it. @param isLoading its engine is not there yet: to stop it is to begin anew */
export function runningJob(
  job: ActiveJob,
  { runMs, mostMs }: { runMs: number | null; mostMs: number | null },
  isLoading: boolean,
  nowMs: number,
): RunningJob {
  const { definition, status } = job
  const startedAt = status.startedAt ?? nowMs
  const pause = pauseOf(definition)
  const endsAt = endOf(startedAt, runMs, nowMs)
  return {
    job: job.id,
    placement: status.placement ?? [],
    endsAt: endOf(startedAt, mostMs, nowMs),
    yields: pause && {
      job: job.id,
      pause: isLoading || job.pauseLost ? 'restart' : pause,
      priority: status.priority,
      waitedMs: status.queuedMs,
      ranMs: status.computeMs + (nowMs - startedAt),
      startedAt,
      remainingMs: endsAt === null ? null : endsAt - nowMs,
      preemptions: status.preempted?.times ?? 0,
      pauseMs: job.pauseMs,
      isWriting: definition.kind === 'generate',
      isStopping: job.displacedBy !== null,
    },
  }
}

/** One that takes longer than it should is thought to take a quarter more than it has taken. */
function endOf(startedAt: number, ms: number | null, nowMs: number): number | null {
  return ms === null ? null : startedAt + Math.max(ms, 1.25 * (nowMs - startedAt))
}
