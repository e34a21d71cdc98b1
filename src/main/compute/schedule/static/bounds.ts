import type { Dag } from './dag'
import { leastCosts, leastTails } from './ranks'

export interface Bounds {
  /** No schedule ends earlier. */
  makespan: number
  /** For each task and device what must at least follow after its end there, at `i * deviceCount + p`. */
  tails: Float64Array
}

/**
 * A makespan that no schedule is below: the longest path with the cheapest way before and after each task and the
 * transfers nobody can avoid, and the least work shared evenly.
 */
export function lowerBounds(dag: Dag): Bounds {
  const { taskCount, deviceCount, fixedDevice, availableAt } = dag
  const tails = leastTails(dag)
  const ends = leastEnds(dag)
  let bound = 0
  for (let i = 0; i < taskCount; i++) {
    let least = Number.POSITIVE_INFINITY
    for (let p = 0; p < deviceCount; p++) {
      const at = i * deviceCount + p
      // What follows a fixed task is seen from those after it: the past need not keep to the transfer times.
      least = Math.min(least, ends[at]! + (fixedDevice[i]! < 0 ? tails[at]! : 0))
    }
    bound = Math.max(bound, least)
  }
  const least = leastCosts(dag)
  let work = 0
  for (let i = 0; i < taskCount; i++) if (fixedDevice[i]! < 0) work += least[i]!
  // Time before a device is free is lost; one that is free only after the bound takes no part.
  let share = 0
  const free = availableAt.slice().sort()
  for (let p = 0, busy = work; p < deviceCount; p++) {
    busy += free[p]!
    const level = busy / (p + 1)
    if (p === 0 || level < share) share = level
  }
  bound = Math.max(bound, work > 0 ? share * (1 - 1e-12) : 0)
  return { makespan: isWhole(dag) ? Math.ceil(bound - 1e-6) : bound, tails }
}

/** The earliest that each task could end on each device if no device were ever taken. */
function leastEnds(dag: Dag): Float64Array {
  const { taskCount, deviceCount, cost, predecessors, availableAt, fixedDevice, fixedStart } = dag
  const { bandwidth, uniformBandwidth } = dag
  const ends = new Float64Array(taskCount * deviceCount)
  const soonest = new Float64Array(taskCount).fill(Number.POSITIVE_INFINITY)
  for (let i = 0; i < taskCount; i++) {
    for (let p = 0; p < deviceCount; p++) {
      const at = i * deviceCount + p
      if (fixedDevice[i]! >= 0) {
        ends[at] = fixedDevice[i] === p ? fixedStart[i]! + cost[at]! : Number.POSITIVE_INFINITY
        continue
      }
      let ready = availableAt[p]!
      for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
        const before = predecessors.task[k]!
        const row = before * deviceCount
        const data = predecessors.data[k]!
        let least = ends[row + p]!
        // From another device it counts only if it comes later than the others even from this one.
        if (least <= ready) continue
        if (uniformBandwidth !== null) least = Math.min(least, soonest[before]! + data / uniformBandwidth)
        else {
          for (let q = 0; q < deviceCount; q++) {
            least = Math.min(least, ends[row + q]! + data / bandwidth[q * deviceCount + p]!)
          }
        }
        if (least > ready) ready = least
      }
      ends[at] = ready + cost[at]!
    }
    for (let p = 0; p < deviceCount; p++) soonest[i] = Math.min(soonest[i]!, ends[i * deviceCount + p]!)
  }
  return ends
}

/** Whether every schedule without needless waiting ends at a whole number. */
function isWhole({ cost, predecessors, availableAt, fixedStart }: Dag): boolean {
  const whole = (value: number) => Number.isInteger(value) || value === Number.POSITIVE_INFINITY
  return (
    cost.every(whole) &&
    availableAt.every(whole) &&
    fixedStart.every(whole) &&
    predecessors.data.every((data) => data === 0)
  )
}
