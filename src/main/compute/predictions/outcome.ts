import type { Outcome } from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'
import { replayScene } from '../schedule/replay/replay-scene'
import type { Scene } from '../schedule/scene'
import type { Place } from '../schedule/space'

/** What becomes of the arrivals of a scene, and what that is worth. @param runMs how long each runs */
export function outcomeOf(scene: Scene, runMs: ReadonlyMap<JobId, number>, place: Place): Outcome {
  const { measures, resources, capacity, jobs, impossible, stopped } = replayScene(scene, runMs, place)
  return {
    jobs,
    impossible,
    stopped,
    meanWaitMs: measures.meanWait * 1000,
    p95WaitMs: measures.p95Wait * 1000,
    longestWaitMs: measures.maxWait * 1000,
    boundedSlowdown: measures.meanBsld,
    makespanMs: measures.makespan * 1000,
    utilization: Object.fromEntries(
      resources.map((name, k) => [name, Math.min(1, measures.utilization[k] ?? 0)]),
    ),
    fairness: measures.jainUserBsld,
    capacity,
  }
}
