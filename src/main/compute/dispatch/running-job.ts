import type { ActiveJob } from '../jobs/active-job'
import { pauseOf } from '../jobs/preemption'
import { expectedToEnd, thoughtToEnd } from '../schedule/ends'
import type { Pausing, RunningJob } from '../schedule/types'

/** How a job makes room for others; null: it keeps its place until it ends. */
export function pausingOf({ definition, status, pauseMs, pauseLost }: ActiveJob): Pausing | null {
  const pause = pauseOf(definition)
  return (
    pause && {
      pause: pauseLost ? 'restart' : pause,
      ranMs: status.computeMs,
      preemptions: status.preempted?.times ?? 0,
      pauseMs,
      isWriting: definition.kind === 'generate',
    }
  )
}

/**
 * A running job as the planner sees it, with those that run in one go with it: to stop it stops all of them.
 * @param share of the machine
 * @param isLoading its engine is not there yet: to stop it is to begin anew
 */
export function runningJob(
  job: ActiveJob,
  { runMs, mostMs }: { runMs: number | null; mostMs: number | null },
  share: number,
  isLoading: boolean,
  nowMs: number,
): RunningJob {
  const { definition, status } = job
  const startedAt = status.startedAt ?? nowMs
  const pausing = pausingOf(job)
  const together = [job, ...job.passengers].map((each) => each.status)
  const expectedAt = expectedToEnd(startedAt, runMs, mostMs, nowMs)
  return {
    job: job.id,
    placement: status.placement ?? [],
    share,
    endsAt: thoughtToEnd(startedAt, mostMs, nowMs),
    expectedAt,
    yields: pausing && {
      ...pausing,
      job: job.id,
      pause: isLoading ? 'restart' : pausing.pause,
      priority: Math.max(...together.map(({ priority }) => priority)),
      preemptions: Math.max(...together.map(({ preempted }) => preempted?.times ?? 0)),
      waitedMs: status.queuedMs,
      ranMs: pausing.ranMs + (nowMs - startedAt),
      startedAt,
      remainingMs: expectedAt === null ? null : expectedAt - nowMs,
      pipeline: definition.pipeline?.id ?? null,
      isStopping: job.displacedBy !== null,
    },
  }
}
