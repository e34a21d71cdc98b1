import type { Outcome } from '../../../shared/contract'
import type { PrincipalId } from '../../../shared/domain/ids'
import { addVectors, entriesOf, type ResourceVector } from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'
import { measure } from '../schedule/replay/measures'

/** What became of a job in a replay; times in ms. */
export interface Happened {
  arrivedAt: number
  /** Null when it never started. */
  start: { at: number; endsAt: number } | null
  need: ResourceVector
  principal: PrincipalId
  priority: number
}

/** What a machine of `devices` has, and what a schedule on it is worth. */
export function outcomeOf(devices: readonly FreeDevice[]) {
  let capacity: ResourceVector = {}
  for (const device of devices) if (device.healthy) capacity = addVectors(capacity, device.capacity)
  return { capacity, of: (jobs: readonly Happened[]) => measured(jobs, capacity) }
}

function measured(jobs: readonly Happened[], capacity: ResourceVector): Outcome {
  const started = jobs.flatMap((job) => (job.start === null ? [] : [{ ...job, start: job.start }]))
  const has = entriesOf(capacity)
  const resources = has.map(([name]) => name)
  const users = [...new Set(started.map(({ principal }) => principal))]
  const first = started[0]?.arrivedAt ?? 0
  const seconds = (of: (job: (typeof started)[number]) => number) =>
    Float64Array.from(started, (job) => of(job) / 1000)
  const workload = {
    resources,
    kinds: resources.length,
    nodeIds: ['machine'],
    capacity: Float64Array.from(has, ([, amount]) => amount),
    submit: seconds(({ arrivedAt }) => arrivedAt - first),
    runtime: seconds(({ start }) => start.endsAt - start.at),
    estimate: seconds(({ start }) => start.endsAt - start.at),
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
  const start = seconds((job) => job.start.at - first)
  const measures = measure(workload, { start, nodes: [], decisions: 0 })
  return {
    jobs: started.length,
    impossible: jobs.length - started.length,
    meanWaitMs: measures.meanWait * 1000,
    p95WaitMs: measures.p95Wait * 1000,
    boundedSlowdown: measures.meanBsld,
    makespanMs: measures.makespan * 1000,
    utilization: Object.fromEntries(
      resources.map((name, k) => [name, Math.min(1, measures.utilization[k] ?? 0)]),
    ),
    fairness: measures.jainUserBsld,
    capacity,
  }
}
