/**
 * Jobs and nodes as flat arrays: what a scheduler may know. Amounts of job j are at `j * kinds + k`, those of node n at
 * `n * kinds + k`. A job starts all its replicas at once; each replica takes the whole vector on one node.
 */
export interface Requests {
  /** Names of the resources; `kinds` of them. */
  resources: readonly string[]
  kinds: number
  nodeIds: readonly string[]
  capacity: Float64Array
  /** Ascending. */
  submit: Float64Array
  /** An upper bound of the run time, as the one who submits says it. */
  estimate: Float64Array
  replicas: Int32Array
  need: Float64Array
  /** Higher is more urgent. */
  priority: Float64Array
  user: Int32Array
  users: readonly string[]
}

/** With the truth, which only the clock knows before a job has ended. */
export interface Workload extends Requests {
  runtime: Float64Array
}

/** Decides on a clock that someone else moves. */
export interface Scheduler {
  arrive(job: number, now: number): void
  end(job: number, now: number): void
  /** Starts what is to start now: `begin(job, node of each replica)`. */
  decide(now: number, begin: (job: number, nodes: Int32Array) => void): void
}

/** Sums that were rounded must not keep a job from fitting where it fits exactly. */
export const ROUNDING = 1e-9

/**
 * What is free after something was given back. What lacks of the whole by no more than sums are rounded does not lack:
 * else a node would in time never be quite empty again, and a job that needs all of it would wait for ever.
 */
export function freeAfter(free: number, given: number, capacity: number): number {
  const sum = free + given
  return sum >= capacity * (1 - 1e-12) ? capacity : sum
}

/** What all nodes have together, by resource. */
export function totalsOf({ capacity, kinds }: Requests): Float64Array {
  const totals = new Float64Array(kinds)
  for (let i = 0; i < capacity.length; i++)
    totals[i % kinds] = (totals[i % kinds] as number) + (capacity[i] as number)
  return totals
}

/** Whether the job would run if the nodes had nothing else to do. */
export function fitsEmpty({ kinds, capacity, need, replicas }: Requests, job: number): boolean {
  let room = 0
  for (let from = 0; from < capacity.length; from += kinds) {
    let count = Number.POSITIVE_INFINITY
    for (let k = 0; k < kinds; k++) {
      const asked = need[job * kinds + k] as number
      if (asked > 0) count = Math.min(count, Math.floor(((capacity[from + k] as number) + ROUNDING) / asked))
    }
    room += count
    if (room >= (replicas[job] as number)) return true
  }
  return false
}
