import { totalsOf, type Workload } from '../online/workload'
import type { Schedule } from './replay'

export interface Measures {
  meanWait: number
  p95Wait: number
  maxWait: number
  meanBsld: number
  p95Bsld: number
  meanResponse: number
  makespan: number
  /** By resource: work over capacity times makespan. */
  utilization: number[]
  /** Jain's index of the users' mean bounded slowdowns: 1 when all fare alike. */
  jainUserBsld: number
  /** Mean wait of the most urgent class. */
  topPriorityMeanWait: number
}

/** A job shorter than this is not said to be slowed down by waiting so long. */
const BSLD_FLOOR = 10

/** What a schedule is worth; all zero without jobs. Bounded slowdown: Feitelson, Rudolph, 1998. */
export function measure(workload: Workload, { start }: Schedule): Measures {
  const { submit, runtime, replicas, need, kinds, priority, user, users } = workload
  const count = submit.length
  const wait = start.map((at, job) => at - (submit[job] as number))
  const bsld = wait.map((waited, job) => {
    const ran = runtime[job] as number
    return Math.max(1, (waited + ran) / Math.max(ran, BSLD_FLOOR))
  })
  const ends = start.map((at, job) => at + (runtime[job] as number))
  const makespan = count === 0 ? 0 : max(ends) - (submit[0] as number)
  const byUser = users.map(() => ({ sum: 0, count: 0 }))
  const work = new Float64Array(kinds)
  const top = max(priority)
  const urgent = { sum: 0, count: 0 }
  for (let job = 0; job < count; job++) {
    add(byUser[user[job] as number], bsld[job] as number)
    if (priority[job] === top) add(urgent, wait[job] as number)
    const ran = (runtime[job] as number) * (replicas[job] as number)
    for (let k = 0; k < kinds; k++) work[k] = (work[k] as number) + ran * (need[job * kinds + k] as number)
  }
  const means = byUser.filter((of) => of.count > 0).map((of) => of.sum / of.count)
  const squares = means.reduce((sum, value) => sum + value * value, 0)
  const sum = means.reduce((total, value) => total + value, 0)
  return {
    meanWait: mean(wait),
    p95Wait: p95(wait),
    maxWait: count === 0 ? 0 : max(wait),
    meanBsld: mean(bsld),
    p95Bsld: p95(bsld),
    meanResponse: mean(wait.map((waited, job) => waited + (runtime[job] as number))),
    makespan,
    utilization: Array.from(totalsOf(workload), (total, k) =>
      total > 0 && makespan > 0 ? (work[k] as number) / (total * makespan) : 0,
    ),
    jainUserBsld: squares > 0 ? (sum * sum) / (means.length * squares) : 1,
    topPriorityMeanWait: urgent.count > 0 ? urgent.sum / urgent.count : 0,
  }
}

function add(to: { sum: number; count: number } | undefined, value: number): void {
  if (!to) return
  to.sum += value
  to.count++
}

function mean(values: Float64Array): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

function max(values: Float64Array): number {
  return values.reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY)
}

function p95(values: Float64Array): number {
  return values.length === 0 ? 0 : (values.slice().sort()[Math.ceil(0.95 * values.length) - 1] as number)
}
