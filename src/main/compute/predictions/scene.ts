import { type ActiveJob, estimateOf } from '../jobs/active-job'
import { firstOf } from '../schedule/forecast'
import type { RunsNow, Scene } from '../schedule/forward'
import type { UrgencyOf } from '../schedule/heads'
import type { PlanState } from '../schedule/types'

export interface SceneDeps {
  state: PlanState
  running: Iterable<ActiveJob>
  /** The engine that a job runs on. */
  engineOf(job: ActiveJob): string | null
  shareOf(job: ActiveJob): number
  mostMsOf(job: ActiveJob): number | null
  urgencyOf: UrgencyOf
}

/** The present as a replay takes it: what runs, and the first `limit` jobs that wait. */
export function sceneOf(deps: SceneDeps, limit: number): Scene {
  const { state } = deps
  const engines = new Map(state.engines.map((engine) => [engine.ref, engine]))
  const running: RunsNow[] = []
  for (const job of deps.running) {
    const engine = deps.engineOf(job)
    const { principal, need } = job.definition
    const startedAt = job.status.startedAt ?? state.now
    // Its engine knows whether it still loads; what the job says of its progress counts that as slowness.
    const remainingMs = engines.get(engine ?? '')?.remainingMs ?? estimateOf(job, state.now)
    running.push({
      placement: job.status.placement ?? [],
      engine,
      engineKey: job.engineKey,
      principal,
      need,
      share: deps.shareOf(job),
      startedAt,
      runMs: remainingMs === null ? null : state.now - startedAt + remainingMs,
      mostMs: deps.mostMsOf(job),
    })
  }
  return {
    state: { ...state, classes: firstOf(state.classes, limit, deps.urgencyOf) },
    running,
    arrivals: [],
  }
}
