import type { JobId, PrincipalId } from '../../../../shared/domain/ids'
import { entriesOf, type ResourceVector } from '../../../../shared/domain/resources'
import { runForward } from '../forward'
import type { Durations, ForwardStart, Scene } from '../scene'
import { capacityOf } from '../share'
import type { Place } from '../space'
import { type Measures, measure } from './measures'

/** What becomes of the arrivals of a scene; times of the measures in seconds. */
export interface Replayed {
  measures: Measures
  /** The resources of the machine, in the order of the measures. */
  resources: string[]
  capacity: ResourceVector
  /** Jobs that ran, and those that never could. */
  jobs: number
  impossible: number
  /** Jobs that a deadline or a budget ended, also some that had not started by then. */
  stopped: number
  turns: number
}

/** What begins anew without end, such as a load that a budget always cuts off, is given up; what it was to do is not over. */
const MOST_STEPS = 1_000_000
const MOST_STEPS_PER_JOB = 100

/** A job that ran; times are ms. */
interface Ran {
  readyAt: number
  /** For how long it had its place, in all. */
  heldMs: number
  endsAt: number
  need: ResourceVector
  principal: PrincipalId
  priority: number
}

/** The arrivals through the scheduler of production. @param runMs how long each runs */
export function replayScene(scene: Scene, runMs: ReadonlyMap<JobId, number>, place: Place): Replayed {
  const durations: Durations = { runOf: (_, { id }) => runMs.get(id) ?? 0, remainingOf: () => 0 }
  const mostSteps = MOST_STEPS + MOST_STEPS_PER_JOB * scene.arrivals.length
  const { starts, turns, over, stopped } = runForward(scene, durations, place, { mostSteps })
  const byJob = new Map<JobId, ForwardStart>(starts.map((start) => [start.job, start]))
  const ran = scene.arrivals.flatMap(({ group: { need, principal }, job: { id, priority } }): Ran[] => {
    const start = byJob.get(id)
    if (!start || !Number.isFinite(start.endsAt)) return []
    const { readyAt, heldMs, resumedAt, endsAt } = start
    return [{ readyAt, heldMs: heldMs + endsAt - resumedAt, endsAt, need, principal, priority }]
  })
  const capacity = capacityOf(scene.state.devices)
  return {
    ...measured(ran, capacity),
    capacity,
    jobs: ran.length,
    impossible: scene.arrivals.length - over,
    stopped,
    turns,
  }
}

/** What a job waits between its attempts, for whatever reason, counts as if it had all come before it ran. */
function measured(jobs: Ran[], capacity: ResourceVector): Pick<Replayed, 'measures' | 'resources'> {
  const ran = jobs.sort((a, b) => a.readyAt - b.readyAt)
  const has = entriesOf(capacity)
  const resources = has.map(([name]) => name)
  const users = new Map<PrincipalId, number>()
  for (const { principal } of ran) if (!users.has(principal)) users.set(principal, users.size)
  const first = ran[0]?.readyAt ?? 0
  const seconds = (of: (job: Ran) => number) => Float64Array.from(ran, (job) => of(job) / 1000)
  const runtime = seconds(({ heldMs }) => heldMs)
  const need = new Float64Array(ran.length * resources.length)
  ran.forEach((job, j) => {
    const amounts = new Map(entriesOf(job.need))
    resources.forEach((name, k) => {
      need[j * resources.length + k] = amounts.get(name) ?? 0
    })
  })
  const workload = {
    resources,
    kinds: resources.length,
    nodeIds: ['machine'],
    capacity: Float64Array.from(has, ([, amount]) => amount),
    submit: seconds(({ readyAt }) => readyAt - first),
    runtime,
    estimate: runtime,
    replicas: new Int32Array(ran.length).fill(1),
    need,
    priority: Float64Array.from(ran, ({ priority }) => priority),
    user: Int32Array.from(ran, ({ principal }) => users.get(principal) ?? 0),
    users: [...users.keys()],
  }
  const start = seconds(({ endsAt, heldMs }) => endsAt - heldMs - first)
  return { measures: measure(workload, { start, nodes: [], decisions: 0 }), resources }
}
