import { Heap } from '../heap'
import type { Scheduler, Workload } from '../online/workload'

export interface Schedule {
  /** By job; infinite for one that never started. */
  start: Float64Array
  /** By job: the node of each replica. */
  nodes: Int32Array[]
  /** Turns in which somebody waited. */
  decisions: number
}

/** Runs a workload on a virtual clock: at each instant ends, then arrivals, then one turn. */
export function replay(workload: Workload, scheduler: Scheduler): Schedule {
  const { submit, runtime } = workload
  const count = submit.length
  const schedule: Schedule = {
    start: new Float64Array(count).fill(Number.POSITIVE_INFINITY),
    nodes: new Array(count),
    decisions: 0,
  }
  const { start, nodes } = schedule
  const endOf = (job: number) => (start[job] as number) + (runtime[job] as number)
  const running = new Heap<number>((a, b) => endOf(a) - endOf(b) || a - b)
  let now = 0
  let waiting = 0
  const begin = (job: number, placed: Int32Array) => {
    start[job] = now
    nodes[job] = placed
    running.push(job)
    waiting--
  }
  let next = 0
  while (next < count || running.size > 0) {
    const first = running.peek()
    now = Math.min(
      next < count ? (submit[next] as number) : Number.POSITIVE_INFINITY,
      first === undefined ? Number.POSITIVE_INFINITY : endOf(first),
    )
    for (let job = running.peek(); job !== undefined && endOf(job) <= now; job = running.peek()) {
      running.pop()
      scheduler.end(job, now)
    }
    for (; next < count && (submit[next] as number) <= now; next++) {
      waiting++
      scheduler.arrive(next, now)
    }
    if (waiting > 0) {
      schedule.decisions++
      scheduler.decide(now, begin)
    }
  }
  return schedule
}
