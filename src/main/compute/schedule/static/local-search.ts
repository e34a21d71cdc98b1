import type { Dag } from './dag'
import { createRandom } from './random'
import { decode, orderOf, type Schedule } from './schedule'
import { Sequences } from './sequences'

export interface SearchOptions {
  seed: number
  /** The part of the budget that is spent, from 0; asked every {@link STEPS_BETWEEN_LOOKS} steps. */
  progress: (steps: number) => number
  /** What no schedule is below: once there, the search ends. */
  lowerBound: number
}

const STEPS_BETWEEN_LOOKS = 4
const NOISE_SIZE = 4_096
/** What a longer path through a task counts beside a longer makespan. */
const PATH_WEIGHT = 1
const LARGEST_GROUP = 8
/** Temperature at the end of a cycle, as a part of the makespan. */
const COLDEST = 0.001
/** The part of the budget that each start gets. */
const TRY = 0.05
/** How often each task is moved, at most, when there is time for next to nothing, and when there is time for all. */
const FEW_VISITS = 30
const MANY_VISITS = 3_000

/**
 * Simulated annealing over sequences. A step takes one task out and puts it in again at a place drawn by Boltzmann's
 * law from all places (a heat bath: no place is tried in vain), or does so with a group of neighbours and keeps it by
 * Metropolis' rule. Many steps take a task of a critical path. Each start gets a short try; then the temperature falls
 * once, or in a few cycles, from the best so far.
 * @param starts the most promising first; at least one
 */
export function anneal(dag: Dag, starts: readonly Schedule[], options: SearchOptions): Schedule {
  const search = new Annealing(dag, starts, options)
  search.run()
  return search.result()
}

class Annealing {
  readonly #dag: Dag
  readonly #options: SearchOptions
  readonly #starts: readonly Schedule[]
  readonly #random: () => number
  readonly #noise: Float64Array
  readonly #state: Sequences
  readonly #movable: Int32Array
  readonly #bestOrder: Int32Array
  readonly #bestDevice: Int32Array
  #best = Number.POSITIVE_INFINITY
  #makespan = Number.POSITIVE_INFINITY
  #steps = 0
  #temperature = 0
  #criticalShare = 0.5
  #groupShare = 0.5
  readonly #group = new Int32Array(LARGEST_GROUP)
  readonly #oldDevice = new Int32Array(LARGEST_GROUP)
  readonly #oldIndex = new Int32Array(LARGEST_GROUP)

  constructor(dag: Dag, starts: readonly Schedule[], options: SearchOptions) {
    this.#dag = dag
    this.#options = options
    this.#starts = starts
    this.#random = createRandom(options.seed)
    // Gumbel's distribution: the least of `energy - temperature * noise` is a draw from Boltzmann's.
    this.#noise = new Float64Array(NOISE_SIZE).map(() => -Math.log(-Math.log(this.#random() + 1e-12)))
    this.#state = new Sequences(dag)
    this.#bestOrder = new Int32Array(dag.taskCount)
    this.#bestDevice = new Int32Array(dag.taskCount)
    this.#movable = Int32Array.from(dag.fixedDevice.keys()).filter((i) => dag.fixedDevice[i]! < 0)
  }

  result(): Schedule {
    return decode(this.#dag, this.#bestOrder, this.#bestDevice)
  }

  run(): void {
    const begin = this.#options.progress(0)
    const budget = 1 - begin
    const [first] = this.#starts
    if (!first) return
    let visits = FEW_VISITS
    for (const start of this.#starts) {
      this.#load(orderOf(start), start.device)
      if (this.#isOver || this.#movable.length === 0) return
      // Where each task is moved only a few times, one start is all there is time for.
      if (start !== first && visits < FEW_VISITS) break
      const from = this.#options.progress(this.#steps)
      this.#cool(from, from + TRY * budget, visits)
      const spent = this.#options.progress(this.#steps)
      if (spent > begin) visits = ((this.#steps / (spent - begin)) * budget) / this.#movable.length
    }
    const cycles = visits < MANY_VISITS ? 1 : 3
    for (let cycle = 0; cycle < cycles && !this.#isOver; cycle++) {
      const from = this.#options.progress(this.#steps)
      this.#load(this.#bestOrder, this.#bestDevice)
      this.#cool(from, from + (1 - from) / (cycles - cycle), visits)
    }
  }

  get #isOver(): boolean {
    return this.#best <= this.#options.lowerBound * (1 + 1e-12) || this.#options.progress(this.#steps) >= 1
  }

  #load(order: Int32Array, device: Int32Array): void {
    this.#state.load(order, device)
    this.#makespan = this.#state.makespan()
    this.#keepBest()
  }

  #keepBest(): void {
    if (this.#makespan >= this.#best * (1 - 1e-12)) return
    this.#best = this.#makespan
    this.#state.copyTo(this.#bestOrder, this.#bestDevice)
  }

  /** Lets the temperature fall while the progress goes from one part of the budget to another. */
  #cool(from: number, to: number, visits: number): void {
    const hottest = heatFor(visits)
    const isHurried = visits < FEW_VISITS
    this.#criticalShare = isHurried ? 0.9 : 0.5
    this.#groupShare = isHurried ? 0.1 : 0.5
    const good = this.#options.lowerBound * (1 + 1e-12)
    for (;;) {
      const spent = this.#options.progress(this.#steps)
      if (spent >= to) return
      this.#temperature = this.#best * hottest * (COLDEST / hottest) ** ((spent - from) / (to - from))
      for (let k = 0; k < STEPS_BETWEEN_LOOKS; k++) {
        this.#step()
        if (this.#best <= good) return
      }
      this.#steps += STEPS_BETWEEN_LOOKS
    }
  }

  #step(): void {
    const v = this.#pick()
    if (this.#random() < this.#groupShare) this.#moveGroup(v)
    else this.#moveOne(v)
    this.#keepBest()
  }

  /** Any task, or one of a critical path: the first of several tries that has no slack. */
  #pick(): number {
    const state = this.#state
    const random = this.#random
    const movable = this.#movable
    let v = movable[(random() * movable.length) | 0]!
    if (random() >= this.#criticalShare) return v
    const critical = this.#makespan * (1 - 1e-12)
    for (let tries = 0; tries < 8; tries++) {
      if (state.end[v]! + state.reach[v]! - state.costOf(v) >= critical) return v
      v = movable[(random() * movable.length) | 0]!
    }
    return v
  }

  #moveOne(v: number): void {
    const state = this.#state
    state.takeOut(v)
    const rest = state.makespan()
    this.#choose(v, rest)
    if (state.isOldPlace) {
      state.putBack(v)
      return
    }
    state.putIn(v, state.chosenDevice, state.chosenIndex)
    this.#makespan = Math.max(rest, state.chosenPath)
  }

  #moveGroup(v: number): void {
    const state = this.#state
    const group = this.#group
    const size = this.#gather(v)
    for (let m = 0; m < size; m++) {
      state.takeOut(group[m]!)
      this.#oldDevice[m] = state.oldDevice
      this.#oldIndex[m] = state.oldIndex
    }
    for (let m = 0; m < size; m++) {
      this.#choose(group[m]!, state.makespan())
      state.putIn(group[m]!, state.chosenDevice, state.chosenIndex)
    }
    const makespan = state.makespan()
    if (makespan <= this.#makespan - this.#temperature * Math.log(this.#random() + 1e-12)) {
      this.#makespan = makespan
      return
    }
    for (let m = size - 1; m >= 0; m--) state.takeOut(group[m]!)
    for (let m = size - 1; m >= 0; m--) state.putIn(group[m]!, this.#oldDevice[m]!, this.#oldIndex[m]!)
  }

  #choose(v: number, rest: number): void {
    this.#state.choose(
      v,
      rest,
      PATH_WEIGHT,
      this.#temperature,
      this.#noise,
      (this.#random() * NOISE_SIZE) | 0,
    )
  }

  /** Two tasks or more around v: along edges, and next to each other on a device; in topological order. */
  #gather(v: number): number {
    const state = this.#state
    const random = this.#random
    const group = this.#group
    const { taskCount, successors, predecessors, fixedDevice } = this.#dag
    const wanted = 2 + ((random() * (LARGEST_GROUP - 1)) | 0)
    let size = 1
    group[0] = v
    for (let tries = 3 * wanted; tries > 0 && size < wanted; tries--) {
      const member = group[(random() * size) | 0]!
      const firstOut = successors.first[member]!
      const firstIn = predecessors.first[member]!
      const outCount = successors.first[member + 1]! - firstOut
      const inCount = predecessors.first[member + 1]! - firstIn
      const way = (random() * (outCount + inCount + 2)) | 0
      let found: number
      if (way < outCount) found = successors.task[firstOut + way]!
      else if (way < outCount + inCount) found = predecessors.task[firstIn + way - outCount]!
      else if (way === outCount + inCount) found = state.beforeOf(member)
      else found = state.afterOf(member)
      if (found >= taskCount || fixedDevice[found]! >= 0) continue
      let at = size - 1
      while (at >= 0 && group[at] !== found) at--
      if (at < 0) group[size++] = found
    }
    for (let m = 1; m < size; m++) {
      const task = group[m]!
      const place = state.placeOf(task)
      let at = m - 1
      for (; at >= 0 && state.placeOf(group[at]!) > place; at--) group[at + 1] = group[at]!
      group[at + 1] = task
    }
    return size
  }
}

/** Temperature at the start of a cycle, as a part of the makespan, by how often each task will be moved. */
function heatFor(visits: number): number {
  if (visits < FEW_VISITS) return 0.002
  if (visits < MANY_VISITS) return 0.01
  return 0.03
}
