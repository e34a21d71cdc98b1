import type { Dag } from './dag'

/** Mean running time over the devices that a task may run on. */
export function meanCosts({ taskCount, deviceCount, cost }: Dag): Float64Array {
  const means = new Float64Array(taskCount)
  for (let i = 0; i < taskCount; i++) {
    let sum = 0
    let count = 0
    for (let p = 0; p < deviceCount; p++) {
      const one = cost[i * deviceCount + p]!
      if (one === Number.POSITIVE_INFINITY) continue
      sum += one
      count++
    }
    means[i] = sum / count
  }
  return means
}

/** Least running time of each task. */
export function leastCosts({ taskCount, deviceCount, cost }: Dag): Float64Array {
  const least = new Float64Array(taskCount).fill(Number.POSITIVE_INFINITY)
  for (let i = 0; i < taskCount; i++) {
    for (let p = 0; p < deviceCount; p++) least[i] = Math.min(least[i]!, cost[i * deviceCount + p]!)
  }
  return least
}

/** Upward rank (Topcuoglu et al. 2002): the longest path from the start of a task to the end, with `weights` as costs. */
export function upwardRanks(dag: Dag, weights: Float64Array): Float64Array {
  const { successors, meanBandwidth } = dag
  const ranks = new Float64Array(dag.taskCount)
  for (let i = dag.taskCount - 1; i >= 0; i--) {
    let longest = 0
    for (let k = successors.first[i]!; k < successors.first[i + 1]!; k++) {
      const path = successors.data[k]! / meanBandwidth + ranks[successors.task[k]!]!
      if (path > longest) longest = path
    }
    ranks[i] = weights[i]! + longest
  }
  return ranks
}

/** Downward rank: the longest path from an entry to the start of a task. */
export function downwardRanks(dag: Dag, weights: Float64Array): Float64Array {
  const { predecessors, meanBandwidth } = dag
  const ranks = new Float64Array(dag.taskCount)
  for (let i = 0; i < dag.taskCount; i++) {
    for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
      const before = predecessors.task[k]!
      const path = ranks[before]! + weights[before]! + predecessors.data[k]! / meanBandwidth
      if (path > ranks[i]!) ranks[i] = path
    }
  }
  return ranks
}

/** Optimistic cost table (Arabnejad & Barbosa 2014): the least that follows a task on each device, at mean transfer costs. */
export function optimisticCosts(dag: Dag): Float64Array {
  return leastRemaining(dag, (data, least, p) => uniformly(least, data / dag.meanBandwidth, p))
}

/** For each task and device what must at least follow after its end there: a valid bound, at the true transfer costs. */
export function leastTails(dag: Dag): Float64Array {
  const { deviceCount, bandwidth, uniformBandwidth } = dag
  if (uniformBandwidth !== null)
    return leastRemaining(dag, (data, least, p) => uniformly(least, data / uniformBandwidth, p))
  const perData = bandwidth.map((one) => 1 / one)
  return leastRemaining(dag, (data, { paths }, p) => {
    let shortest = Number.POSITIVE_INFINITY
    for (let q = 0; q < deviceCount; q++) {
      const path = paths[q]! + data * perData[p * deviceCount + q]!
      if (path < shortest) shortest = path
    }
    return shortest
  })
}

/** What follows from the start of a task, by the device that it is on, and the least of that. */
interface Paths {
  paths: Float64Array
  shortest: number
}

/** The shortest path when all transfers to another device take the same. */
function uniformly({ paths, shortest }: Paths, transfer: number, p: number): number {
  return Math.min(paths[p]!, shortest + transfer)
}

function leastRemaining(dag: Dag, follow: (data: number, least: Paths, p: number) => number): Float64Array {
  const { taskCount, deviceCount, cost, successors } = dag
  const table = new Float64Array(taskCount * deviceCount)
  const least = { paths: new Float64Array(deviceCount), shortest: 0 }
  for (let i = taskCount - 1; i >= 0; i--) {
    for (let k = successors.first[i]!; k < successors.first[i + 1]!; k++) {
      const row = successors.task[k]! * deviceCount
      least.shortest = Number.POSITIVE_INFINITY
      for (let q = 0; q < deviceCount; q++) {
        const path = table[row + q]! + cost[row + q]!
        least.paths[q] = path
        if (path < least.shortest) least.shortest = path
      }
      for (let p = 0; p < deviceCount; p++) {
        const at = i * deviceCount + p
        // What follows is never more than on the same device: most need no look at the others.
        if (least.paths[p]! <= table[at]!) continue
        table[at] = Math.max(table[at]!, follow(successors.data[k]!, least, p))
      }
    }
  }
  return table
}
