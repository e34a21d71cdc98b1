import type { Dag, Edges } from './dag'
import { leastCosts } from './ranks'

/**
 * A schedule as the search changes it: each device has a sequence of tasks, and the sequences with the edges form one
 * acyclic graph. For each task it knows the longest path that ends with it (`end`) and the longest that begins with it
 * (`reach`). A task can be taken out and put in again elsewhere, and what the makespan would be is known without doing
 * it, by the theorem of Mastrolilli and Gambardella (2000) for flexible job shops, here with transfer times:
 *
 * With v taken out, let `ready` be when its data arrives on device p, and `follows` the longest path that must come
 * after it there. Of the tasks on p, those with `end > ready` are a tail of the sequence (L) and those with
 * `reach > follows` a head of it (R). No ancestor of v is in L and no descendant in R, so from the first of L to the
 * last of R every place is free of cycles, and one of these places is the best on p.
 *
 * A task that is out stays in the graph on no device, with its least cost and free transfers: what waits for it still
 * does.
 */
export class Sequences {
  readonly taskCount: number
  readonly deviceCount: number
  /** Device of each task; `deviceCount` while it is out. */
  readonly device: Int32Array
  readonly end: Float64Array
  readonly reach: Float64Array
  /** What {@link choose} found. */
  chosenDevice = 0
  chosenIndex = 0
  chosenPath = 0

  readonly #dag: Dag
  /** A topological order of the graph, and the place of each task in it. */
  readonly #order: Int32Array
  readonly #place: Int32Array
  /** The latest end of the fixed tasks. */
  readonly #fixedEnd: number
  /** Running times by task, with a column for "on no device". */
  readonly #costs: Float64Array
  /** Transfer time of a unit of data, with a row and a column for "on no device". */
  readonly #perData: Float64Array
  readonly #cost: Float64Array
  readonly #in: Links
  readonly #out: Links
  /** Neighbours on the device. Number `taskCount + p` stands for both ends of the sequence of device p. */
  readonly #before: Int32Array
  readonly #after: Int32Array
  readonly #rows: Int32Array[]
  readonly #lengths: Int32Array
  /** By place in the order: what is to be computed anew. */
  readonly #dirty: Uint8Array
  /** What changed since a task was taken out. */
  readonly #endChanges: Changes
  readonly #reachChanges: Changes
  #oldDevice = 0
  #oldIndex = 0
  readonly #scratch: Int32Array

  constructor(dag: Dag) {
    const { taskCount: n, deviceCount: devices, cost, bandwidth } = dag
    const columns = devices + 1
    this.#dag = dag
    this.taskCount = n
    this.deviceCount = devices
    this.device = new Int32Array(n)
    this.end = new Float64Array(n + columns)
    this.end.set(dag.availableAt, n)
    this.reach = new Float64Array(n + columns)
    this.#order = new Int32Array(n)
    this.#place = new Int32Array(n)
    this.#costs = new Float64Array(n * columns)
    const least = leastCosts(dag)
    for (let i = 0; i < n; i++) {
      this.#costs.set(cost.subarray(i * devices, (i + 1) * devices), i * columns)
      this.#costs[i * columns + devices] = least[i]!
    }
    this.#perData = new Float64Array(columns * columns)
    for (let p = 0; p < devices; p++) {
      for (let q = 0; q < devices; q++) this.#perData[p * columns + q] = 1 / bandwidth[p * devices + q]!
    }
    this.#cost = new Float64Array(n)
    this.#in = linksOf(dag.predecessors)
    this.#out = linksOf(dag.successors)
    pair(this.#in, this.#out)
    this.#before = new Int32Array(n + columns)
    this.#after = new Int32Array(n + columns)
    this.#rows = Array.from({ length: devices }, () => new Int32Array(16))
    this.#lengths = new Int32Array(devices)
    this.#dirty = new Uint8Array(n)
    this.#endChanges = { task: new Int32Array(2 * n), old: new Float64Array(2 * n), count: 0 }
    this.#reachChanges = { task: new Int32Array(2 * n), old: new Float64Array(2 * n), count: 0 }
    this.#scratch = new Int32Array(n)
    let fixedEnd = 0
    for (let i = 0; i < n; i++) {
      const p = dag.fixedDevice[i]!
      if (p >= 0) fixedEnd = Math.max(fixedEnd, dag.fixedStart[i]! + cost[i * devices + p]!)
    }
    this.#fixedEnd = fixedEnd
  }

  /** Takes over a schedule: its devices, and on each device the order of its starts. */
  load(order: Int32Array, device: Int32Array): void {
    const { taskCount: n, deviceCount: devices } = this
    const { fixedDevice, fixedStart } = this.#dag
    this.#order.set(order)
    this.device.set(device)
    this.#lengths.fill(0)
    for (let p = 0; p <= devices; p++) {
      this.#before[n + p] = n + p
      this.#after[n + p] = n + p
    }
    for (let k = 0; k < n; k++) {
      const i = order[k]!
      this.#place[i] = k
      const p = device[i]!
      this.#cost[i] = this.#costs[i * (devices + 1) + p]!
      this.#setTransfers(i)
      if (fixedDevice[i]! < 0) this.#link(i, p, this.#lengths[p]!)
      else {
        this.#before[i] = n + devices
        this.#after[i] = n + devices
      }
    }
    for (let k = 0; k < n; k++) {
      const i = order[k]!
      this.end[i] = fixedDevice[i]! < 0 ? this.#endOf(i) : fixedStart[i]! + this.#cost[i]!
    }
    for (let k = n - 1; k >= 0; k--) this.reach[order[k]!] = this.#reachOf(order[k]!)
  }

  /** The present order and devices, to come back to. */
  copyTo(order: Int32Array, device: Int32Array): void {
    order.set(this.#order)
    device.set(this.device)
  }

  makespan(): number {
    const { taskCount: n, deviceCount: devices, end } = this
    let latest = this.#fixedEnd
    for (let p = 0; p < devices; p++) {
      const last = this.#before[n + p]!
      if (last < n && end[last]! > latest) latest = end[last]!
    }
    return latest
  }

  /** Where the task taken out last came from. */
  get oldDevice(): number {
    return this.#oldDevice
  }

  get oldIndex(): number {
    return this.#oldIndex
  }

  /** The neighbour on the same device, or a number that is no task. */
  beforeOf(i: number): number {
    return this.#before[i]!
  }

  afterOf(i: number): number {
    return this.#after[i]!
  }

  /** Place in a topological order. */
  placeOf(i: number): number {
    return this.#place[i]!
  }

  costOf(i: number): number {
    return this.#cost[i]!
  }

  /** Takes a task out of its device. */
  takeOut(v: number): void {
    const { taskCount: n, deviceCount: devices } = this
    const p = this.device[v]!
    this.#oldDevice = p
    this.#endChanges.count = 0
    this.#reachChanges.count = 0
    const before = this.#before[v]!
    const after = this.#after[v]!
    this.#oldIndex = this.#unlink(v, p)
    this.device[v] = devices
    this.#cost[v] = this.#costs[v * (devices + 1) + devices]!
    this.#setTransfers(v)
    let highest = this.#place[v]!
    if (after < n) {
      highest = Math.max(highest, this.#place[after]!)
      this.#dirty[this.#place[after]!] = 1
    }
    this.#runForward(this.#place[v]!, highest)
    let lowest = this.#place[v]!
    if (before < n) {
      lowest = Math.min(lowest, this.#place[before]!)
      this.#dirty[this.#place[before]!] = 1
    }
    this.#runBackward(this.#place[v]!, lowest)
  }

  /** Undoes {@link takeOut}. */
  putBack(v: number): void {
    const { end, reach } = this
    const ends = this.#endChanges
    for (let k = ends.count - 1; k >= 0; k--) end[ends.task[k]!] = ends.old[k]!
    const reaches = this.#reachChanges
    for (let k = reaches.count - 1; k >= 0; k--) reach[reaches.task[k]!] = reaches.old[k]!
    this.#assign(v, this.#oldDevice, this.#oldIndex)
  }

  /** Whether {@link choose} chose the place that the task was taken from. */
  get isOldPlace(): boolean {
    return this.chosenDevice === this.#oldDevice && this.chosenIndex === this.#oldIndex
  }

  /**
   * Chooses where a task that is out goes: the place of least `max(rest, path) + weight * path - temperature * noise`,
   * where path is the longest through the task. With Gumbel noise that draws from Boltzmann's distribution.
   */
  choose(
    v: number,
    rest: number,
    weight: number,
    temperature: number,
    noise: Float64Array,
    noiseStart: number,
  ): void {
    const { deviceCount: devices, device, end, reach } = this
    const columns = devices + 1
    const { first: inFirst, task: inTask, data: inData } = this.#in
    const { first: outFirst, task: outTask, data: outData } = this.#out
    const perData = this.#perData
    const costs = this.#costs
    const inBegin = inFirst[v]!
    const inEnd = inFirst[v + 1]!
    const outBegin = outFirst[v]!
    const outEnd = outFirst[v + 1]!
    const availableAt = this.#dag.availableAt
    const place = this.#place
    const noiseMask = noise.length - 1
    let noiseAt = noiseStart
    let least = Number.POSITIVE_INFINITY
    for (let p = 0; p < devices; p++) {
      const w = costs[v * columns + p]!
      if (w === Number.POSITIVE_INFINITY) continue
      let ready = availableAt[p]!
      for (let k = inBegin; k < inEnd; k++) {
        const i = inTask[k]!
        const arrives = end[i]! + inData[k]! * perData[device[i]! * columns + p]!
        if (arrives > ready) ready = arrives
      }
      let follows = 0
      for (let k = outBegin; k < outEnd; k++) {
        const j = outTask[k]!
        const path = reach[j]! + outData[k]! * perData[p * columns + device[j]!]!
        if (path > follows) follows = path
      }
      const row = this.#rows[p]!
      const length = this.#lengths[p]!
      let low = 0
      let high = length
      while (low < high) {
        const middle = (low + high) >> 1
        if (end[row[middle]!]! > ready) high = middle
        else low = middle + 1
      }
      const firstOfL = low
      high = length
      low = 0
      while (low < high) {
        const middle = (low + high) >> 1
        if (reach[row[middle]!]! > follows) low = middle + 1
        else high = middle
      }
      const endOfR = low
      if (endOfR <= firstOfL) {
        // Nobody is in the way: any place between the two, so that one that keeps the order.
        let index = endOfR
        const own = place[v]!
        while (index < firstOfL && place[row[index]!]! < own) index++
        const path = ready + w + follows
        const energy = Math.max(path, rest) + weight * path - temperature * noise[noiseAt++ & noiseMask]!
        if (energy < least) {
          least = energy
          this.chosenDevice = p
          this.chosenIndex = index
          this.chosenPath = path
        }
        continue
      }
      for (let index = firstOfL; index <= endOfR; index++) {
        let begins = ready
        if (index > firstOfL) {
          const ends = end[row[index - 1]!]!
          if (ends > begins) begins = ends
        }
        let comes = follows
        if (index < endOfR) {
          const path = reach[row[index]!]!
          if (path > comes) comes = path
        }
        const path = begins + w + comes
        const energy = Math.max(path, rest) + weight * path - temperature * noise[noiseAt++ & noiseMask]!
        if (energy < least) {
          least = energy
          this.chosenDevice = p
          this.chosenIndex = index
          this.chosenPath = path
        }
      }
    }
  }

  /** Puts a task that is out into the sequence of a device, at a place that {@link choose} found. */
  putIn(v: number, p: number, index: number): void {
    this.#assign(v, p, index)
    this.#mendOrder(v)
    const place = this.#place[v]!
    const { taskCount: n } = this
    const after = this.#after[v]!
    let highest = place
    if (after < n) {
      highest = this.#place[after]!
      this.#dirty[highest] = 1
    }
    this.#runForward(place, highest)
    const before = this.#before[v]!
    let lowest = place
    if (before < n) {
      lowest = this.#place[before]!
      this.#dirty[lowest] = 1
    }
    this.#runBackward(place, lowest)
  }

  #assign(v: number, p: number, index: number): void {
    this.device[v] = p
    this.#cost[v] = this.#costs[v * (this.deviceCount + 1) + p]!
    this.#setTransfers(v)
    this.#link(v, p, index)
  }

  #setTransfers(v: number): void {
    const { device } = this
    const columns = this.deviceCount + 1
    const perData = this.#perData
    const p = device[v]!
    const into = this.#in
    const out = this.#out
    for (let k = into.first[v]!; k < into.first[v + 1]!; k++) {
      const transfer = into.data[k]! * perData[device[into.task[k]!]! * columns + p]!
      into.transfer[k] = transfer
      out.transfer[into.twin[k]!] = transfer
    }
    for (let k = out.first[v]!; k < out.first[v + 1]!; k++) {
      const transfer = out.data[k]! * perData[p * columns + device[out.task[k]!]!]!
      out.transfer[k] = transfer
      into.transfer[out.twin[k]!] = transfer
    }
  }

  #link(v: number, p: number, index: number): void {
    const length = this.#lengths[p]!
    let row = this.#rows[p]!
    if (length === row.length) {
      const longer = new Int32Array(2 * length)
      longer.set(row)
      this.#rows[p] = longer
      row = longer
    }
    for (let k = length; k > index; k--) row[k] = row[k - 1]!
    row[index] = v
    this.#lengths[p] = length + 1
    const end = this.taskCount + p
    const before = index > 0 ? row[index - 1]! : end
    const after = index < length ? row[index + 1]! : end
    this.#before[v] = before
    this.#after[v] = after
    this.#after[before] = v
    this.#before[after] = v
  }

  /** @returns the index it had */
  #unlink(v: number, p: number): number {
    const row = this.#rows[p]!
    const place = this.#place
    const own = place[v]!
    let low = 0
    let high = this.#lengths[p]! - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (place[row[middle]!]! < own) low = middle + 1
      else high = middle
    }
    const length = --this.#lengths[p]!
    for (let k = low; k < length; k++) row[k] = row[k + 1]!
    const before = this.#before[v]!
    const after = this.#after[v]!
    this.#after[before] = after
    this.#before[after] = before
    const nowhere = this.taskCount + this.deviceCount
    this.#before[v] = nowhere
    this.#after[v] = nowhere
    return low
  }

  /** Brings the order in line with the new neighbours of v, after Pearce and Kelly (2006). */
  #mendOrder(v: number): void {
    const n = this.taskCount
    const place = this.#place
    const own = place[v]!
    const before = this.#before[v]!
    const after = this.#after[v]!
    if (before < n && place[before]! > own) this.#moveBehind(own, place[before]!)
    else if (after < n && place[after]! < own) this.#moveAhead(own, place[after]!)
  }

  /** Moves the task at `low`, and all up to `high` that follow from it, behind the task at `high`. */
  #moveBehind(low: number, high: number): void {
    const n = this.taskCount
    const order = this.#order
    const place = this.#place
    const dirty = this.#dirty
    const moved = this.#scratch
    const { first, task } = this.#out
    let count = 0
    dirty[low] = 1
    for (let k = low; k <= high; k++) {
      const x = order[k]!
      if (dirty[k] === 0) {
        order[k - count] = x
        place[x] = k - count
        continue
      }
      dirty[k] = 0
      moved[count++] = x
      for (let e = first[x]!; e < first[x + 1]!; e++) {
        const at = place[task[e]!]!
        if (at <= high) dirty[at] = 1
      }
      const after = this.#after[x]!
      if (after < n && place[after]! <= high && place[after]! > k) dirty[place[after]!] = 1
    }
    for (let m = 0; m < count; m++) {
      const at = high - count + 1 + m
      order[at] = moved[m]!
      place[moved[m]!] = at
    }
  }

  /** Moves the task at `high`, and all down to `low` that it follows from, ahead of the task at `low`. */
  #moveAhead(high: number, low: number): void {
    const n = this.taskCount
    const order = this.#order
    const place = this.#place
    const dirty = this.#dirty
    const moved = this.#scratch
    const { first, task } = this.#in
    let count = 0
    dirty[high] = 1
    for (let k = high; k >= low; k--) {
      const x = order[k]!
      if (dirty[k] === 0) {
        order[k + count] = x
        place[x] = k + count
        continue
      }
      dirty[k] = 0
      moved[count++] = x
      for (let e = first[x]!; e < first[x + 1]!; e++) {
        const at = place[task[e]!]!
        if (at >= low) dirty[at] = 1
      }
      const before = this.#before[x]!
      if (before < n && place[before]! >= low && place[before]! < k) dirty[place[before]!] = 1
    }
    for (let m = 0; m < count; m++) {
      const at = low + count - 1 - m
      order[at] = moved[m]!
      place[moved[m]!] = at
    }
  }

  #endOf(x: number): number {
    const { end } = this
    const { first, task, transfer } = this.#in
    let ready = end[this.#before[x]!]!
    const stop = first[x + 1]!
    for (let k = first[x]!; k < stop; k++) {
      const arrives = end[task[k]!]! + transfer[k]!
      if (arrives > ready) ready = arrives
    }
    return ready + this.#cost[x]!
  }

  #reachOf(x: number): number {
    const { reach } = this
    const { first, task, transfer } = this.#out
    let follows = reach[this.#after[x]!]!
    const stop = first[x + 1]!
    for (let k = first[x]!; k < stop; k++) {
      const path = reach[task[k]!]! + transfer[k]!
      if (path > follows) follows = path
    }
    return follows + this.#cost[x]!
  }

  /** Computes anew the end of what is at `from` and of all that is dirty or becomes it. */
  #runForward(from: number, highest: number): void {
    const n = this.taskCount
    const { end } = this
    const order = this.#order
    const place = this.#place
    const dirty = this.#dirty
    const after = this.#after
    const { first, task } = this.#out
    const changes = this.#endChanges
    let last = highest
    dirty[from] = 1
    for (let k = from; k <= last; k++) {
      if (dirty[k] === 0) continue
      dirty[k] = 0
      const x = order[k]!
      const ends = this.#endOf(x)
      // Transfers of the first have changed, so what it sends to must look again even if its own end stays.
      if (ends === end[x] && k !== from) continue
      changes.task[changes.count] = x
      changes.old[changes.count++] = end[x]!
      end[x] = ends
      const stop = first[x + 1]!
      for (let e = first[x]!; e < stop; e++) {
        const at = place[task[e]!]!
        dirty[at] = 1
        if (at > last) last = at
      }
      const next = after[x]!
      if (next < n) {
        const at = place[next]!
        dirty[at] = 1
        if (at > last) last = at
      }
    }
  }

  /** Computes anew the reach of what is at `from` and of all that is dirty or becomes it. */
  #runBackward(from: number, lowest: number): void {
    const n = this.taskCount
    const { reach } = this
    const order = this.#order
    const place = this.#place
    const dirty = this.#dirty
    const before = this.#before
    const { first, task } = this.#in
    const changes = this.#reachChanges
    let last = lowest
    dirty[from] = 1
    for (let k = from; k >= last; k--) {
      if (dirty[k] === 0) continue
      dirty[k] = 0
      const x = order[k]!
      const path = this.#reachOf(x)
      if (path === reach[x] && k !== from) continue
      changes.task[changes.count] = x
      changes.old[changes.count++] = reach[x]!
      reach[x] = path
      const stop = first[x + 1]!
      for (let e = first[x]!; e < stop; e++) {
        const at = place[task[e]!]!
        dirty[at] = 1
        if (at < last) last = at
      }
      const next = before[x]!
      if (next < n) {
        const at = place[next]!
        dirty[at] = 1
        if (at < last) last = at
      }
    }
  }
}

interface Links extends Edges {
  /** What the data takes between the devices that the two tasks are on. */
  readonly transfer: Float64Array
  /** The same edge, seen from the other end. */
  readonly twin: Int32Array
}

interface Changes {
  readonly task: Int32Array
  readonly old: Float64Array
  count: number
}

function linksOf(edges: Edges): Links {
  return {
    ...edges,
    transfer: new Float64Array(edges.task.length),
    twin: new Int32Array(edges.task.length),
  }
}

/** Finds the twin of each edge; of several between the same two tasks the first is that of the first. */
function pair(into: Links, out: Links): void {
  for (let i = 0; i + 1 < out.first.length; i++) {
    const taken = new Map<number, number>()
    for (let k = out.first[i]!; k < out.first[i + 1]!; k++) {
      const j = out.task[k]!
      let at = taken.get(j) ?? into.first[j]!
      while (into.task[at] !== i) at++
      taken.set(j, at + 1)
      into.twin[at] = k
      out.twin[k] = at
    }
  }
}
