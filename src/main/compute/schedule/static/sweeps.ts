import type { Dag, Edges } from './dag'
import type { SearchOptions } from './local-search'
import { createRandom } from './random'
import { decode, makespanOf, orderOf, type Schedule } from './schedule'

const NOISE_SIZE = 4_096
/** Temperature at the start and at the end, as parts of the makespan. */
const HOTTEST = 0.002
const COLDEST = 0.0004
/** With time for more sweeps than that it is hotter, up to twice: then there is time to come back from more. */
const FEW_SWEEPS = 200
const MOST_HEAT = 2
/** The order of the tasks is drawn anew after so many sweeps there and back. */
const SWEEPS_PER_ORDER = 2
/** So many moves of a sweep take about as long as a step of annealing. */
const MOVES_PER_STEP = 16

/**
 * Gibbs sampling in sweeps, for graphs of which each task can be moved a few dozen times only. A sweep goes through the
 * tasks in a topological order of the schedule and draws a device for each by Boltzmann's law from the longest path
 * through it there. What is before a task in the order already has its new end, and what is behind keeps the path that
 * follows from it, whatever device the task takes: so those paths are exact without anything computed anew, and a sweep
 * takes less than a list scheduler. Sweeps go there and back; orders between that of the earliest and that of the latest
 * starts let a task come between others than before.
 */
export function sweepSearch(
  dag: Dag,
  start: Schedule,
  { seed, progress, lowerBound }: SearchOptions,
): Schedule {
  const random = createRandom(seed)
  const sweeps = new Sweeps(dag, start, random)
  const begin = progress(0)
  let best = sweeps.makespan
  const order = sweeps.order.slice()
  const device = sweeps.device.slice()
  const keep = () => {
    if (sweeps.makespan >= best * (1 - 1e-12)) return
    best = sweeps.makespan
    order.set(sweeps.order)
    device.set(sweeps.device)
  }
  for (let count = 0, spent = begin; spent < 1 && best > lowerBound * (1 + 1e-12); ) {
    const part = (spent - begin) / (1 - begin)
    const heat = part > 0 ? Math.min(MOST_HEAT, Math.max(1, count / part / FEW_SWEEPS)) : 1
    const temperature = heat * best * HOTTEST * (COLDEST / HOTTEST) ** part
    sweeps.forward(temperature, best)
    keep()
    sweeps.backward(temperature, best)
    if (++count % SWEEPS_PER_ORDER === 0) {
      sweeps.reorder(random())
      keep()
    }
    spent = progress((2 * count * dag.taskCount) / MOVES_PER_STEP)
  }
  return decode(dag, order, device)
}

/** What a sweep reads on one side of a task: the paths up to it, or those that begin behind it. */
interface Side {
  readonly edges: Edges
  readonly paths: Float64Array
  /** Of each device: the path up to its first task on this side, or behind its last. */
  readonly from: Float64Array
  /** Transfer time of a unit of data from the other task's device q to device p, at `q * deviceCount + p`. */
  readonly perData: Float64Array
}

class Sweeps {
  makespan = 0
  /** The tasks that are not fixed, in an order that the edges and the sequences of the devices keep to. */
  readonly order: Int32Array
  readonly device: Int32Array
  readonly #dag: Dag
  readonly #random: () => number
  readonly #noise: Float64Array
  readonly #fixedEnd: number
  /** By the longest path that ends with each task. */
  readonly #before: Side
  /** By the longest path that begins with each task. */
  readonly #behind: Side
  /** Of each device: the path up to the end of what a sweep has put there last. */
  readonly #last: Float64Array
  /** Of each device: the path that begins with the next task there that a sweep has not come to. */
  readonly #rest: Float64Array
  /** The same behind each task, on the device that it had before the sweep. */
  readonly #restOf: Float64Array
  readonly #ready: Float64Array
  readonly #follows: Float64Array
  readonly #keys: Float64Array
  readonly #oldOrder: Int32Array

  constructor(dag: Dag, start: Schedule, random: () => number) {
    const { taskCount, deviceCount, bandwidth, fixedDevice } = dag
    this.#dag = dag
    this.#random = random
    // Gumbel's distribution: the least of `path - temperature * noise` is a draw from Boltzmann's.
    this.#noise = new Float64Array(NOISE_SIZE).map(() => -Math.log(-Math.log(random() + 1e-12)))
    this.order = orderOf(start).filter((i) => fixedDevice[i]! < 0)
    this.device = start.device.slice()
    this.#fixedEnd = makespanOf(start.end.map((end, i) => (fixedDevice[i]! < 0 ? 0 : end)))
    const perData = bandwidth.map((one) => 1 / one)
    const transposed = perData.map(
      (_, at) => perData[(at % deviceCount) * deviceCount + Math.floor(at / deviceCount)]!,
    )
    this.#before = {
      edges: dag.predecessors,
      paths: start.end.slice(),
      from: dag.availableAt,
      perData,
    }
    this.#behind = {
      edges: dag.successors,
      paths: new Float64Array(taskCount),
      from: new Float64Array(deviceCount),
      perData: transposed,
    }
    this.#last = new Float64Array(deviceCount)
    this.#rest = new Float64Array(deviceCount)
    this.#restOf = new Float64Array(taskCount)
    this.#ready = new Float64Array(deviceCount)
    this.#follows = new Float64Array(deviceCount)
    this.#keys = new Float64Array(this.order.length)
    this.#oldOrder = new Int32Array(this.order.length)
    this.#findEnds()
    this.#findReaches()
  }

  /** From the first task to the last. `goal`: what a path is longer counts twice. */
  forward(temperature: number, goal: number): void {
    const longest = this.#sweep(this.order, this.#before, this.#behind, temperature, goal)
    this.makespan = Math.max(this.#fixedEnd, longest)
  }

  /** From the last task to the first. Leaves ends and makespan as they were: {@link forward} or {@link reorder} finds them. */
  backward(temperature: number, goal: number): void {
    this.order.reverse()
    this.#sweep(this.order, this.#behind, this.#before, temperature, goal)
    this.order.reverse()
  }

  /** Another order of the same schedule: by the earliest ends (0), by the latest starts (1), or by a time between. */
  reorder(between: number): void {
    this.#findEnds()
    const { order, makespan } = this
    const { length } = order
    const keys = this.#keys
    const oldOrder = this.#oldOrder
    oldOrder.set(order)
    // A time and a place in one number, which sorts much faster than with a function. What must come first has no later
    // time, rounded too: each operation is monotonic, and where times are the same the old order holds.
    const scale = makespan > 0 ? Math.floor(2 ** 52 / length) / makespan : 0
    for (let k = 0; k < length; k++) {
      const i = order[k]!
      const latest = Math.max(0, makespan - this.#behind.paths[i]!)
      const time = (1 - between) * this.#before.paths[i]! + between * latest
      keys[k] = Math.floor(time * scale) * length + k
    }
    keys.sort()
    for (let k = 0; k < length; k++) order[k] = oldOrder[keys[k]! % length]!
  }

  #findEnds(): void {
    const longest = this.#findPaths(this.order, this.#before)
    this.makespan = Math.max(this.#fixedEnd, longest)
  }

  #findReaches(): void {
    this.#findPaths(this.order.slice().reverse(), this.#behind)
  }

  /** The longest path up to and with each task. @returns the longest of all */
  #findPaths(order: Int32Array, { edges, paths, from, perData }: Side): number {
    const { deviceCount, cost } = this.#dag
    const { device } = this
    const last = this.#last
    last.set(from)
    let longest = 0
    for (let k = 0; k < order.length; k++) {
      const i = order[k]!
      const p = device[i]!
      let ready = last[p]!
      for (let e = edges.first[i]!; e < edges.first[i + 1]!; e++) {
        const other = edges.task[e]!
        const arrives = paths[other]! + edges.data[e]! * perData[device[other]! * deviceCount + p]!
        if (arrives > ready) ready = arrives
      }
      const path = ready + cost[i * deviceCount + p]!
      paths[i] = path
      last[p] = path
      if (path > longest) longest = path
    }
    return longest
  }

  /** Draws a device for each task in turn. @returns the longest path up to and with a task */
  #sweep(order: Int32Array, passed: Side, ahead: Side, temperature: number, goal: number): number {
    const { deviceCount: devices, cost, uniformBandwidth } = this.#dag
    const { device } = this
    const last = this.#last
    const rest = this.#rest
    const restOf = this.#restOf
    const ready = this.#ready
    const follows = this.#follows
    const noise = this.#noise
    const random = this.#random
    last.set(passed.from)
    rest.set(ahead.from)
    for (let k = order.length - 1; k >= 0; k--) {
      const i = order[k]!
      const p = device[i]!
      restOf[i] = rest[p]!
      rest[p] = ahead.paths[i]!
    }
    let longest = 0
    for (let k = 0; k < order.length; k++) {
      const i = order[k]!
      rest[device[i]!] = restOf[i]!
      if (uniformBandwidth !== null) {
        arriveAlike(ready, i, passed, device)
        arriveAlike(follows, i, ahead, device)
      } else {
        arrive(ready, i, passed, device)
        arrive(follows, i, ahead, device)
      }
      let chosen = -1
      let least = Number.POSITIVE_INFINITY
      let noiseAt = (random() * NOISE_SIZE) | 0
      // The device that it has comes first: mostly it stays the best, so the branch below is one a processor foresees.
      for (let looks = 0, p = device[i]!; looks < devices; looks++) {
        const path = greater(ready[p]!, last[p]!) + cost[i * devices + p]! + greater(follows[p]!, rest[p]!)
        const energy = path + greater(path - goal, 0) - temperature * noise[noiseAt++ & (NOISE_SIZE - 1)]!
        if (energy < least) {
          least = energy
          chosen = p
        }
        if (++p === devices) p = 0
      }
      device[i] = chosen
      const path = Math.max(ready[chosen]!, last[chosen]!) + cost[i * devices + chosen]!
      passed.paths[i] = path
      last[chosen] = path
      if (path > longest) longest = path
    }
    return longest
  }
}

/**
 * The greater of two but for rounding, and without a branch: which of two paths is longer changes from device to device, too
 * often for a processor to foresee it.
 */
function greater(a: number, b: number): number {
  return 0.5 * (a + b + Math.abs(a - b))
}

/** When the data of a task has come on each device; what comes from the device itself is there when that is free. */
function arrive(times: Float64Array, i: number, { edges, paths, perData }: Side, device: Int32Array): void {
  const devices = times.length
  // To call `fill` for so few takes longer than this loop.
  for (let p = 0; p < devices; p++) times[p] = 0
  for (let e = edges.first[i]!; e < edges.first[i + 1]!; e++) {
    const path = paths[edges.task[e]!]!
    const data = edges.data[e]!
    const row = device[edges.task[e]!]! * devices
    for (let p = 0; p < devices; p++) {
      const arrives = path + data * perData[row + p]!
      if (arrives > times[p]!) times[p] = arrives
    }
  }
}

/** The same where all transfers are alike: the latest of all, and on the device that it comes from the latest of the others. */
function arriveAlike(
  times: Float64Array,
  i: number,
  { edges, paths, perData }: Side,
  device: Int32Array,
): void {
  const perUnit = times.length > 1 ? perData[1]! : 0
  let latest = 0
  let from = -1
  let other = 0
  for (let e = edges.first[i]!; e < edges.first[i + 1]!; e++) {
    const q = device[edges.task[e]!]!
    const arrives = paths[edges.task[e]!]! + edges.data[e]! * perUnit
    if (q === from) {
      if (arrives > latest) latest = arrives
    } else if (arrives > latest) {
      other = latest
      latest = arrives
      from = q
    } else if (arrives > other) other = arrives
  }
  for (let p = 0; p < times.length; p++) times[p] = latest
  if (from >= 0) times[from] = other
}
