import type { Outcome } from '../../../shared/contract'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { entriesOf, type ResourceVector } from '../../../shared/domain/resources'
import { startsOf } from '../schedule/forward'
import { measure } from '../schedule/replay/measures'
import type { Durations, Scene } from '../schedule/scene'
import { capacityOf } from '../schedule/share'
import type { Place } from '../schedule/space'

interface Happened {
  /** When it was ready, for how long it ran, and when that ended; null when it never started. */
  run: { readyAt: number; heldMs: number; endsAt: number } | null
  need: ResourceVector
  principal: PrincipalId
  priority: number
}

/** What becomes of the arrivals of a scene, and what that is worth. @param runMs how long each runs */
export function outcomeOf(scene: Scene, runMs: ReadonlyMap<JobId, number>, place: Place): Outcome {
  const durations: Durations = { runOf: (_, { id }) => runMs.get(id) ?? 0, remainingOf: () => 0 }
  const runs = new Map(
    startsOf(scene, durations, place).map(({ job, readyAt, heldMs, resumedAt, endsAt }) => [
      job,
      { readyAt, heldMs: heldMs + endsAt - resumedAt, endsAt },
    ]),
  )
  const happened = scene.arrivals.map(({ group, job }): Happened => {
    const { need, principal } = group
    return { run: runs.get(job.id) ?? null, need, principal, priority: job.priority }
  })
  return measured(happened, capacityOf(scene.state.devices))
}

/** Times in ms. What a job that is paused waits for its turn counts as if it had all come before it ran. */
function measured(jobs: readonly Happened[], capacity: ResourceVector): Outcome {
  const started = jobs
    .flatMap((job) => (job.run === null ? [] : [{ ...job, run: job.run }]))
    .sort((a, b) => a.run.readyAt - b.run.readyAt)
  const has = entriesOf(capacity)
  const resources = has.map(([name]) => name)
  const users = [...new Set(started.map(({ principal }) => principal))]
  const first = started[0]?.run.readyAt ?? 0
  const seconds = (of: (job: (typeof started)[number]) => number) =>
    Float64Array.from(started, (job) => of(job) / 1000)
  const workload = {
    resources,
    kinds: resources.length,
    nodeIds: ['machine'],
    capacity: Float64Array.from(has, ([, amount]) => amount),
    submit: seconds(({ run }) => run.readyAt - first),
    runtime: seconds(({ run }) => run.heldMs),
    estimate: seconds(({ run }) => run.heldMs),
    replicas: new Int32Array(started.length).fill(1),
    need: Float64Array.from(
      started.flatMap(({ need }) => {
        const amounts = new Map(entriesOf(need))
        return resources.map((name) => amounts.get(name) ?? 0)
      }),
    ),
    priority: Float64Array.from(started, ({ priority }) => priority),
    user: Int32Array.from(started, ({ principal }) => users.indexOf(principal)),
    users,
  }
  const start = seconds(({ run }) => run.endsAt - run.heldMs - first)
  const measures = measure(workload, { start, nodes: [], decisions: 0 })
  return {
    jobs: started.length,
    impossible: jobs.length - started.length,
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
