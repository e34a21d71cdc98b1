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
  return leastRemaining(dag, (data) => data / dag.meanBandwidth)
}

/** For each task and device what must at least follow after its end there: a valid bound, at the true transfer costs. */
export function leastTails(dag: Dag): Float64Array {
  const { deviceCount, bandwidth } = dag
  return leastRemaining(dag, (data, p, q) => data / bandwidth[p * deviceCount + q]!)
}

function leastRemaining(dag: Dag, transfer: (data: number, p: number, q: number) => number): Float64Array {
  const { taskCount, deviceCount, cost, successors } = dag
  const table = new Float64Array(taskCount * deviceCount)
  for (let i = taskCount - 1; i >= 0; i--) {
    for (let p = 0; p < deviceCount; p++) {
      let longest = 0
      for (let k = successors.first[i]!; k < successors.first[i + 1]!; k++) {
        const row = successors.task[k]! * deviceCount
        const data = successors.data[k]!
        let least = Number.POSITIVE_INFINITY
        for (let q = 0; q < deviceCount; q++) {
          const path = table[row + q]! + cost[row + q]! + (p === q ? 0 : transfer(data, p, q))
          if (path < least) least = path
        }
        if (least > longest) longest = least
      }
      table[i * deviceCount + p] = longest
    }
  }
  return table
}
