import type { Dag } from './dag'
import { downwardRanks, meanCosts, optimisticCosts, upwardRanks } from './ranks'
import { emptySchedule, makespanOf, type Schedule } from './schedule'

// One-pass list schedulers. Their results are the field's reference values, so arithmetic and ties are exact.

/** HEFT (Topcuoglu et al. 2002): tasks by upward rank, each where it ends first. */
export function heft(dag: Dag, priority = upwardRanks(dag, meanCosts(dag))): Schedule {
  return listSchedule(dag, priority, {})
}

/** CPoP (Topcuoglu et al. 2002): the tasks of the critical path all go to the device that runs them fastest. */
export function cpop(dag: Dag): Schedule {
  const means = meanCosts(dag)
  const up = upwardRanks(dag, means)
  const priority = downwardRanks(dag, means).map((down, i) => down + up[i]!)
  const path = criticalPath(dag, priority)
  const device = deviceOfPath(dag, path)
  const pinned = new Int32Array(dag.taskCount).fill(-1)
  for (const i of path) {
    if (dag.cost[i * dag.deviceCount + device] !== Number.POSITIVE_INFINITY) pinned[i] = device
  }
  return listSchedule(dag, priority, { pinned })
}

/** PEFT (Arabnejad & Barbosa 2014): ends early and leaves the least to follow, by the optimistic cost table. */
export function peft(dag: Dag): Schedule {
  const { taskCount, deviceCount } = dag
  const follows = optimisticCosts(dag)
  const priority = new Float64Array(taskCount)
  for (let i = 0; i < taskCount; i++) {
    let sum = 0
    for (let p = 0; p < deviceCount; p++) sum += follows[i * deviceCount + p]!
    priority[i] = sum / deviceCount
  }
  return listSchedule(dag, priority, { follows })
}

/** HEFT that looks ahead (Bittencourt et al. 2010): takes the device from which the successors end first. */
export function lookaheadHeft(dag: Dag): Schedule {
  const { deviceCount, successors } = dag
  const ranks = upwardRanks(dag, meanCosts(dag))
  const partial = new Partial(dag)
  for (const i of byPriority(dag, ranks)) {
    const children = [
      ...new Set(successors.task.subarray(successors.first[i], successors.first[i + 1])),
    ].sort((a, b) => ranks[b]! - ranks[a]! || a - b)
    let best = -1
    let bestLatest = Number.POSITIVE_INFINITY
    let bestEnd = Number.POSITIVE_INFINITY
    for (let p = 0; p < deviceCount; p++) {
      if (!partial.allows(i, p)) continue
      partial.place(i, p)
      const end = partial.end[i]!
      let latest = end
      for (const child of children) latest = Math.max(latest, partial.placeEarliest(child))
      for (let k = children.length - 1; k >= 0; k--) partial.takeBack(children[k]!)
      partial.takeBack(i)
      if (latest < bestLatest || (latest === bestLatest && end < bestEnd)) {
        best = p
        bestLatest = latest
        bestEnd = end
      }
    }
    partial.place(i, best)
  }
  return partial.finish()
}

interface Choice {
  /** What follows after the end of task i on device p, added to the end; at `i * deviceCount + p`. */
  follows?: Float64Array
  /** The device that a task must take, or -1. */
  pinned?: Int32Array
}

/** Of the tasks whose predecessors are placed the one of greatest priority, where its end (and what follows) is least. */
export function listSchedule(dag: Dag, priority: Float64Array, { follows, pinned }: Choice): Schedule {
  const partial = new Partial(dag)
  for (const i of byPriority(dag, priority)) {
    const device = pinned?.[i] ?? -1
    if (device >= 0) partial.place(i, device)
    else partial.placeEarliest(i, follows)
  }
  return partial.finish()
}

/** The order in which a list scheduler takes the tasks that are not fixed; ties go to the lower number. */
export function byPriority(dag: Dag, priority: Float64Array): Int32Array {
  const { taskCount, successors, predecessors, fixedDevice } = dag
  const waitsFor = new Int32Array(taskCount)
  const heap: number[] = []
  const before = (a: number, b: number) =>
    priority[a]! > priority[b]! || (priority[a] === priority[b] && a < b)
  const push = (task: number) => {
    let at = heap.length
    heap.push(task)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(task, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = task
  }
  const pop = () => {
    const first = heap[0]!
    const moved = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, moved)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = moved
    return first
  }
  for (let i = 0; i < taskCount; i++) {
    if (fixedDevice[i]! >= 0) continue
    for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
      if (fixedDevice[predecessors.task[k]!]! < 0) waitsFor[i]!++
    }
    if (waitsFor[i] === 0) push(i)
  }
  const order = new Int32Array(taskCount)
  let count = 0
  while (heap.length > 0) {
    const i = pop()
    order[count++] = i
    for (let k = successors.first[i]!; k < successors.first[i + 1]!; k++) {
      if (--waitsFor[successors.task[k]!]! === 0) push(successors.task[k]!)
    }
  }
  return order.subarray(0, count)
}

function criticalPath(dag: Dag, priority: Float64Array): number[] {
  const { taskCount, successors, predecessors } = dag
  const path: number[] = []
  let current = -1
  for (let i = 0; i < taskCount; i++) {
    if (predecessors.first[i] !== predecessors.first[i + 1]) continue
    if (current < 0 || priority[i]! > priority[current]!) current = i
  }
  while (current >= 0) {
    path.push(current)
    const children = [...successors.task.subarray(successors.first[current], successors.first[current + 1])]
    children.sort((a, b) => a - b)
    const wanted = priority[current]!
    let next =
      children.find((j) => Math.abs(priority[j]! - wanted) <= 1e-9 * Math.max(1, Math.abs(wanted))) ?? -1
    if (next < 0) for (const j of children) if (next < 0 || priority[j]! > priority[next]!) next = j
    current = next
  }
  return path
}

function deviceOfPath({ deviceCount, cost }: Dag, path: readonly number[]): number {
  let best = -1
  let bestForbidden = Number.POSITIVE_INFINITY
  let bestSum = Number.POSITIVE_INFINITY
  for (let p = 0; p < deviceCount; p++) {
    let forbidden = 0
    let sum = 0
    for (const i of path) {
      const one = cost[i * deviceCount + p]!
      if (one === Number.POSITIVE_INFINITY) forbidden++
      else sum += one
    }
    if (forbidden < bestForbidden || (forbidden === bestForbidden && sum < bestSum)) {
      best = p
      bestForbidden = forbidden
      bestSum = sum
    }
  }
  return best
}

/** Sums of thousands of numbers are exact to this part of themselves. */
const ROUNDING = 1e-9

/** A schedule that grows: a task goes into the first gap of its device that holds it. */
class Partial {
  readonly device: Int32Array
  readonly start: Float64Array
  readonly end: Float64Array
  readonly #dag: Dag
  /** The tasks of each device in the order they run. */
  readonly #rows: number[][]
  readonly #ready: Float64Array
  /** The running times of the tasks of each device. */
  readonly #work: Float64Array
  /** Where {@link #fit} found the gap. */
  #index = 0

  constructor(dag: Dag) {
    const { device, start, end } = emptySchedule(dag)
    this.#dag = dag
    this.device = device
    this.start = start
    this.end = end
    this.#rows = Array.from({ length: dag.deviceCount }, () => [])
    this.#ready = new Float64Array(dag.deviceCount)
    this.#work = new Float64Array(dag.deviceCount)
  }

  allows(i: number, p: number): boolean {
    return this.#dag.cost[i * this.#dag.deviceCount + p] !== Number.POSITIVE_INFINITY
  }

  place(i: number, p: number): void {
    this.#findReady(i)
    this.#put(i, p, this.#fit(i, p))
  }

  /** On the device where the end, with what follows there, is least. @returns the end */
  placeEarliest(i: number, follows?: Float64Array): number {
    const { deviceCount, cost } = this.#dag
    this.#findReady(i)
    let best = -1
    let bestStart = 0
    let bestIndex = 0
    let least = Number.POSITIVE_INFINITY
    for (let p = 0; p < deviceCount; p++) {
      const w = cost[i * deviceCount + p]!
      // No start is earlier than the data: a device that cannot win is not searched.
      const more = follows ? follows[i * deviceCount + p]! : 0
      if (w === Number.POSITIVE_INFINITY || this.#ready[p]! + w + more >= least) continue
      const start = this.#fit(i, p)
      const end = start + w + more
      if (end < least) {
        least = end
        best = p
        bestStart = start
        bestIndex = this.#index
      }
    }
    this.#index = bestIndex
    this.#put(i, best, bestStart)
    return this.end[i]!
  }

  takeBack(i: number): void {
    const p = this.device[i]!
    const row = this.#rows[p]!
    row.splice(row.lastIndexOf(i), 1)
    this.#work[p] = this.#work[p]! - this.#dag.cost[i * this.#dag.deviceCount + p]!
    this.device[i] = -1
  }

  finish(): Schedule {
    return { device: this.device, start: this.start, end: this.end, makespan: makespanOf(this.end) }
  }

  /** When the data of those predecessors that are placed has arrived on each device. */
  #findReady(i: number): void {
    const { deviceCount, bandwidth, uniformBandwidth, predecessors } = this.#dag
    const ready = this.#ready.fill(0)
    for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
      const before = predecessors.task[k]!
      const from = this.device[before]!
      if (from < 0) continue
      const end = this.end[before]!
      const data = predecessors.data[k]!
      const anywhere = uniformBandwidth === null ? Number.NaN : end + data / uniformBandwidth
      for (let p = 0; p < deviceCount; p++) {
        const arrives =
          p === from
            ? end
            : uniformBandwidth !== null
              ? anywhere
              : end + data / bandwidth[from * deviceCount + p]!
        if (arrives > ready[p]!) ready[p] = arrives
      }
    }
  }

  #fit(i: number, p: number): number {
    const row = this.#rows[p]!
    const ready = this.#ready[p]!
    const w = this.#dag.cost[i * this.#dag.deviceCount + p]!
    const availableAt = this.#dag.availableAt[p]!
    // All gaps together hold less (also where the sums are rounded): it comes last.
    const until = row.length > 0 ? this.end[row[row.length - 1]!]! : availableAt
    if (until - availableAt - this.#work[p]! < w - ROUNDING * until) {
      this.#index = row.length
      return Math.max(ready, until)
    }
    // Before a task that starts earlier than `ready + w` there is no room: the search begins behind those.
    let low = 0
    let high = row.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.start[row[middle]!]! < ready + w) low = middle + 1
      else high = middle
    }
    let free = low > 0 ? this.end[row[low - 1]!]! : availableAt
    for (; low < row.length; low++) {
      const next = row[low]!
      if (Math.max(ready, free) + w <= this.start[next]!) break
      free = Math.max(free, this.end[next]!)
    }
    this.#index = low
    return Math.max(ready, free)
  }

  #put(i: number, p: number, start: number): void {
    const row = this.#rows[p]!
    this.device[i] = p
    this.start[i] = start
    const w = this.#dag.cost[i * this.#dag.deviceCount + p]!
    this.end[i] = start + w
    this.#work[p] = this.#work[p]! + w
    row.splice(this.#index, 0, i)
  }
}
