import type { Bounds } from './bounds'
import type { Dag } from './dag'
import { leastCosts } from './ranks'
import { emptySchedule, makespanOf, type Schedule } from './schedule'

/** Tasks at most for which it pays to try all schedules. */
export const MAX_EXACT_TASKS = 14

/**
 * Branch and bound over all schedules without needless waiting, each built in the order of its starts.
 * @param isOver asked now and then; the search then stops
 * @returns a schedule that ends before `upper`, or null, and whether no better one exists
 */
export function searchAll(
  dag: Dag,
  bounds: Bounds,
  upper: number,
  isOver: () => boolean,
): { schedule: Schedule | null; isProved: boolean } {
  const { taskCount, deviceCount, cost, bandwidth, predecessors, successors, fixedDevice } = dag
  const { device, start, end } = emptySchedule(dag)
  const least = leastCosts(dag)
  const free = dag.availableAt.slice()
  const waitsFor = new Int32Array(taskCount)
  const isDone = new Uint8Array(taskCount)
  let left = 0
  let work = 0
  for (let i = 0; i < taskCount; i++) {
    if (fixedDevice[i]! >= 0) {
      isDone[i] = 1
      continue
    }
    left++
    work += least[i]!
    for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
      if (fixedDevice[predecessors.task[k]!]! < 0) waitsFor[i]!++
    }
  }
  let best: Schedule | null = null
  let limit = upper
  let nodes = 0
  let isStopped = false

  const readyAt = (i: number, p: number): number => {
    let ready = free[p]!
    for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
      const before = predecessors.task[k]!
      const arrives = end[before]! + predecessors.data[k]! / bandwidth[device[before]! * deviceCount + p]!
      if (arrives > ready) ready = arrives
    }
    return ready
  }

  const tooLate = (value: number) => value >= limit * (1 - 1e-12)

  const descend = (lastStart: number): void => {
    if (left === 0) {
      best = { device: device.slice(), start: start.slice(), end: end.slice(), makespan: makespanOf(end) }
      limit = Math.min(limit, best.makespan)
      return
    }
    if ((++nodes & 255) === 0 && isOver()) isStopped = true
    if (isStopped) return
    let busy = work
    for (let p = 0; p < deviceCount; p++) busy += Math.min(limit, Math.max(free[p]!, lastStart))
    if (tooLate(busy / deviceCount)) return
    const options: { task: number; on: number; start: number; bound: number }[] = []
    for (let i = 0; i < taskCount; i++) {
      if (isDone[i] || waitsFor[i]! > 0) continue
      let leastBound = Number.POSITIVE_INFINITY
      for (let p = 0; p < deviceCount; p++) {
        const at = i * deviceCount + p
        if (cost[at] === Number.POSITIVE_INFINITY) continue
        const begins = readyAt(i, p)
        const bound = Math.max(begins, lastStart) + cost[at]! + bounds.tails[at]!
        leastBound = Math.min(leastBound, bound)
        if (begins >= lastStart && !tooLate(bound)) options.push({ task: i, on: p, start: begins, bound })
      }
      if (tooLate(leastBound)) return
    }
    options.sort((a, b) => a.bound - b.bound)
    for (const option of options) {
      if (tooLate(option.bound)) break
      const { task, on } = option
      const wasFree = free[on]!
      device[task] = on
      start[task] = option.start
      end[task] = option.start + cost[task * deviceCount + on]!
      free[on] = end[task]!
      isDone[task] = 1
      left--
      work -= least[task]!
      for (let k = successors.first[task]!; k < successors.first[task + 1]!; k++)
        waitsFor[successors.task[k]!]!--
      descend(option.start)
      for (let k = successors.first[task]!; k < successors.first[task + 1]!; k++)
        waitsFor[successors.task[k]!]!++
      work += least[task]!
      left++
      isDone[task] = 0
      free[on] = wasFree
      if (isStopped) return
    }
  }
  descend(0)
  return { schedule: best, isProved: !isStopped }
}
