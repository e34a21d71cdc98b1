import { topologicalOrder } from '../../../../shared/domain/graph'
import { createDag } from './dag'
import { type PlanOptions, planGraph } from './planner'
import { orderOf } from './schedule'

/** What a job has given, on the device that it ran on. */
export interface Output {
  device: string
  bytes: number
}

/** A job of a pipeline that has not ended. */
export interface CourseJob {
  key: string
  /** Keys of those it waits for; those that have ended need not be named. */
  dependsOn: readonly string[]
  /** Expected milliseconds, by the devices that it can run on. */
  runMs: ReadonlyMap<string, number>
  /** What those that wait for it read of it. */
  outputBytes: number
  /** What it reads of those that have ended, and where they ran. */
  reads: readonly Output[]
  /** Where it runs, and since when (Unix ms); null while it waits. */
  running: { device: string; startedAt: number } | null
}

export interface CourseDevice {
  id: string
  /** Jobs of this pipeline that it can run at once. */
  lanes: number
}

/** Where a job of a pipeline stands in its plan. */
export interface Step {
  /** Its place in the order of starts, from 0. */
  order: number
  device: string
  /** When it is to start, Unix ms. */
  startsAt: number
}

/** Between devices of one machine, through memory and its buses: bytes a millisecond. */
const BANDWIDTH = 8e6

/**
 * The course of a pipeline: an order and devices that let it end soon, by the static planner. A device that runs several
 * jobs at once is planned as so many lanes.
 * @returns the steps of the jobs that wait; those that can run on none of the devices have none, nor what waits for them
 */
export function planCourse(
  jobs: readonly CourseJob[],
  devices: readonly CourseDevice[],
  nowMs: number,
  options: PlanOptions,
): Map<string, Step> {
  const lanes = devices.flatMap(({ id, lanes }) => new Array<string>(lanes).fill(id))
  const planned = runnable(jobs, new Set(lanes))
  if (planned.length === 0) return new Map()
  const number = new Map(planned.map(({ key }, i) => [key, i]))
  const cost = new Float64Array(planned.length * lanes.length)
  const availableAt = new Array<number>(lanes.length).fill(0)
  const fixed = new Map<number, { device: number; start: number }>()
  const free = new Set(lanes.keys())
  for (const [i, job] of planned.entries()) {
    for (const [lane, device] of lanes.entries())
      cost[i * lanes.length + lane] =
        (job.runMs.get(device) ?? Number.POSITIVE_INFINITY) + fetchMs(job, device)
    const { running } = job
    if (!running) continue
    const at = lanes.findIndex((device, lane) => device === running.device && free.has(lane))
    // More run than there are lanes: then it takes up the first again.
    const lane = at >= 0 ? at : Math.max(0, lanes.indexOf(running.device))
    free.delete(lane)
    const start = running.startedAt - nowMs
    fixed.set(i, { device: lane, start })
    const lasts = cost[i * lanes.length + lane] ?? 0
    availableAt[lane] = Math.max(availableAt[lane] ?? 0, Number.isFinite(lasts) ? start + lasts : 0)
  }
  const edges = planned.flatMap((job, to) =>
    job.dependsOn.flatMap((key) => {
      const from = number.get(key)
      return from === undefined ? [] : [{ from, to, data: planned[from]?.outputBytes ?? 0 }]
    }),
  )
  const bandwidth = lanes.map((a) => lanes.map((b) => (a === b ? Number.POSITIVE_INFINITY : BANDWIDTH)))
  const dag = createDag({
    taskCount: planned.length,
    deviceCount: lanes.length,
    cost,
    bandwidth,
    edges,
    availableAt,
    fixed,
  })
  const { schedule } = planGraph(dag, options)
  const steps = new Map<string, Step>()
  for (const i of orderOf(schedule)) {
    const job = planned[i]
    const device = lanes[schedule.device[i] ?? -1]
    if (!job || job.running || device === undefined) continue
    steps.set(job.key, { order: steps.size, device, startsAt: nowMs + (schedule.start[i] ?? 0) })
  }
  return steps
}

function fetchMs({ reads }: CourseJob, to: string): number {
  return reads.reduce((sum, { device, bytes }) => sum + (device === to ? 0 : bytes / BANDWIDTH), 0)
}

/** In topological order, without those that can run nowhere and all that follows from them. */
function runnable(jobs: readonly CourseJob[], devices: ReadonlySet<string>): CourseJob[] {
  const sorted = topologicalOrder(jobs)
  const order = 'order' in sorted ? sorted.order : []
  const left = new Set<string>()
  const known = new Set(jobs.map(({ key }) => key))
  return order.filter(({ key, running, runMs, dependsOn }) => {
    const places = running ? [running.device] : [...runMs.keys()]
    const can =
      places.some((device) => devices.has(device) && runMs.has(device)) &&
      dependsOn.every((other) => !known.has(other) || left.has(other))
    if (can) left.add(key)
    return can
  })
}
