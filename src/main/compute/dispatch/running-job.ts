import type { ActiveJob } from '../jobs/active-job'
import { pauseOf } from '../jobs/preemption'
import { thoughtToEnd } from '../schedule/ends'
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
  const expectedAt = thoughtToEnd(startedAt, runMs, nowMs)
  return {
    job: job.id,
    placement: status.placement ?? [],
    endsAt: thoughtToEnd(startedAt, mostMs, nowMs),
    expectedAt,
    yields: pause && {
      job: job.id,
      pause: isLoading || job.pauseLost ? 'restart' : pause,
      priority: status.priority,
      waitedMs: status.queuedMs,
      ranMs: status.computeMs + (nowMs - startedAt),
      startedAt,
      remainingMs: expectedAt === null ? null : expectedAt - nowMs,
      pipeline: definition.pipeline?.id ?? null,
      preemptions: status.preempted?.times ?? 0,
      pauseMs: job.pauseMs,
      isWriting: definition.kind === 'generate',
      isStopping: job.displacedBy !== null,
    },
  }
}
