import type { Dag } from './dag'

/** Where and when every task runs, by task number. */
export interface Schedule {
  readonly device: Int32Array
  readonly start: Float64Array
  readonly end: Float64Array
  readonly makespan: number
}

export function emptySchedule(dag: Dag): { device: Int32Array; start: Float64Array; end: Float64Array } {
  const { taskCount, deviceCount, fixedDevice, fixedStart, cost } = dag
  const schedule = {
    device: new Int32Array(taskCount).fill(-1),
    start: new Float64Array(taskCount),
    end: new Float64Array(taskCount),
  }
  for (let i = 0; i < taskCount; i++) {
    const device = fixedDevice[i]!
    if (device < 0) continue
    schedule.device[i] = device
    schedule.start[i] = fixedStart[i]!
    schedule.end[i] = fixedStart[i]! + cost[i * deviceCount + device]!
  }
  return schedule
}

/** The latest end. */
export function makespanOf(end: Float64Array): number {
  let latest = 0
  for (let i = 0; i < end.length; i++) if (end[i]! > latest) latest = end[i]!
  return latest
}

/** Every task as early as its data and its device allow, taken in `order` and each appended to its device. */
export function decode(dag: Dag, order: ArrayLike<number>, deviceOf: ArrayLike<number>): Schedule {
  const { deviceCount, cost, bandwidth, predecessors } = dag
  const { device, start, end } = emptySchedule(dag)
  const free = dag.availableAt.slice()
  for (let k = 0; k < order.length; k++) {
    const i = order[k]!
    if (dag.fixedDevice[i]! >= 0) continue
    const p = deviceOf[i]!
    let ready = free[p]!
    for (let e = predecessors.first[i]!; e < predecessors.first[i + 1]!; e++) {
      const before = predecessors.task[e]!
      const arrives = end[before]! + predecessors.data[e]! / bandwidth[device[before]! * deviceCount + p]!
      if (arrives > ready) ready = arrives
    }
    device[i] = p
    start[i] = ready
    end[i] = ready + cost[i * deviceCount + p]!
    free[p] = end[i]!
  }
  return { device, start, end, makespan: makespanOf(end) }
}

/** The tasks by start, those that others wait for before them: an order that {@link decode} accepts. */
export function orderOf({ start, end }: Pick<Schedule, 'start' | 'end'>): Int32Array {
  // Of those that start together, what takes no time comes before what does, and a lower number before a higher one.
  return Int32Array.from(start.keys()).sort((a, b) => start[a]! - start[b]! || end[a]! - end[b]! || a - b)
}
