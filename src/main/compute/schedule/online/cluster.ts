import type { Room } from './room'
import { freeAfter, type Requests, ROUNDING, totalsOf } from './workload'

/** Where the replicas of a job lie: a node for each. */
export interface Share {
  job: number
  nodes: Int32Array
}

/** Nodes compared for one job at the most, unless it needs more. */
const CANDIDATES = 64
/** Answers remembered of each kind. */
const MOST_ANSWERS = 16
/** Weights of what makes a node the wrong one, each in parts of what a node has on average, so that scarce resources weigh more. */
const WEIGHT = {
  /** Left over of what was asked for: fill the fullest first. */
  left: 1,
  /** Left over of what was not asked for. */
  stranded: 1.2,
  /** The node could do what was not asked for: keep special nodes for those who need them. */
  special: 0.8,
  /** It does not hold all replicas. */
  partial: 0.3,
}

/**
 * Nodes and what is free on them. A job goes where it fits best, so that large and special nodes stay free; replicas
 * are kept together. A tree of maxima finds the nodes that may have room without looking at the others.
 */
export class Cluster implements Room<number, Share> {
  readonly #jobs: Requests
  readonly #kinds: number
  readonly #nodes: number
  readonly #leaves: number
  /** Of each inner node the maxima below it, the root at 1; leaf n is at `leaves + n`. */
  readonly #free: Float64Array
  readonly #usual: Float64Array
  readonly #capacity: Float64Array
  /** Tree position to node: nodes of less worth come first. */
  readonly #order: Int32Array
  /** Places that hold a replica or more of the job looked for, and how many. */
  readonly #candidates: number[] = []
  readonly #counts: number[] = []
  /** Jobs that did not fit, and so no job that asks for as much, while room only shrinks. */
  readonly #refused: number[] = []
  /** Where others fit, as long as the room is as it was. */
  readonly #found: Share[] = []
  #twin: Cluster | null = null
  /** It no longer knows what has changed. */
  #lost = false
  /** Places whose leaves may differ from those of the copy. */
  readonly #changed: number[] = []

  constructor(jobs: Requests, from?: Cluster) {
    this.#jobs = jobs
    this.#kinds = jobs.kinds
    this.#nodes = jobs.nodeIds.length
    if (from) {
      this.#leaves = from.#leaves
      this.#free = from.#free.slice()
      this.#usual = from.#usual
      this.#capacity = from.#capacity
      this.#order = from.#order
      return
    }
    const { kinds, capacity } = jobs
    this.#leaves = 1
    while (this.#leaves < this.#nodes) this.#leaves *= 2
    this.#free = new Float64Array(2 * this.#leaves * kinds)
    this.#usual = totalsOf(jobs).map((total) => total / this.#nodes)
    this.#order = orderByWorth(jobs, this.#usual)
    this.#capacity = new Float64Array(capacity.length)
    this.#order.forEach((node, place) => {
      const of = capacity.subarray(node * kinds, (node + 1) * kinds)
      this.#capacity.set(of, place * kinds)
      this.#free.set(of, (this.#leaves + place) * kinds)
    })
    for (let at = this.#leaves - 1; at >= 1; at--) this.#lift(at)
  }

  /** Valid until the next copy is made: they share their memory, and only what changed since the last is copied. */
  copy(): Cluster {
    const twin = this.#twin
    if (!twin || twin.#lost) {
      this.#twin = new Cluster(this.#jobs, this)
      this.#changed.length = 0
      return this.#twin
    }
    twin.#found.length = 0
    twin.#refused.length = 0
    for (const changed of [this.#changed, twin.#changed]) {
      for (const place of changed) twin.#follow(this, place)
      changed.length = 0
    }
    return twin
  }

  /** The same object for all that ask for the same, until the room changes. */
  find(job: number): Share | null {
    if (this.#refused.some((refused) => this.covers(job, refused))) return null
    const known = this.#found.find((share) => this.#asksForTheSame(job, share.job))
    if (known) return known
    const share = this.#place(job)
    if (share === null) {
      if (this.#refused.length < MOST_ANSWERS) this.#refused.push(job)
    } else if (this.#found.length < MOST_ANSWERS) this.#found.push(share)
    return share
  }

  take(share: Share): void {
    this.#found.length = 0
    this.#change(share, -1)
  }

  give(share: Share): void {
    this.#found.length = 0
    this.#refused.length = 0
    this.#change(share, 1)
  }

  lackOf(job: number): number {
    return job
  }

  covers(job: number, other: number): boolean {
    const kinds = this.#kinds
    const { need, replicas } = this.#jobs
    if ((replicas[job] as number) < (replicas[other] as number)) return false
    for (let k = 0; k < kinds; k++)
      if ((need[job * kinds + k] as number) < (need[other * kinds + k] as number)) return false
    return true
  }

  /** The nodes of a share, as the workload numbers them. */
  nodesOf(share: Share): Int32Array {
    return share.nodes.map((place) => this.#order[place] as number)
  }

  #asksForTheSame(job: number, other: number): boolean {
    return this.covers(job, other) && this.covers(other, job)
  }

  #place(job: number): Share | null {
    const replicas = this.#jobs.replicas[job] as number
    const found = this.#collect(job, replicas)
    if (found < 0) return null
    const nodes = new Int32Array(replicas)
    for (let placed = 0; placed < replicas; ) {
      const best = this.#best(job, found, replicas - placed)
      const count = Math.min(this.#counts[best] as number, replicas - placed)
      nodes.fill(this.#candidates[best] as number, placed, placed + count)
      placed += count
      this.#counts[best] = 0
    }
    return { job, nodes }
  }

  /** Notes nodes that hold a replica or more. @returns how many; -1 when all together hold too few */
  #collect(job: number, replicas: number): number {
    const kinds = this.#kinds
    const { need } = this.#jobs
    const free = this.#free
    const leaves = this.#leaves
    const from = job * kinds
    let found = 0
    let room = 0
    let at = 1
    // Depth first, from left to right: after a leaf, or where nothing below has room, to the next on the right.
    for (;;) {
      let count = replicas
      for (let k = 0; k < kinds && count > 0; k++) {
        const asked = need[from + k] as number
        if (asked <= 0) continue
        const fit = Math.floor(((free[at * kinds + k] as number) + ROUNDING) / asked)
        if (fit < count) count = fit
      }
      if (count > 0 && at < leaves) {
        at *= 2
        continue
      }
      if (count > 0 && at - leaves < this.#nodes) {
        this.#candidates[found] = at - leaves
        this.#counts[found++] = count
        room += count
        if (found >= CANDIDATES && room >= replicas) return found
      }
      while (at % 2 === 1) at >>= 1
      if (at === 0) break
      at++
    }
    return room >= replicas ? found : -1
  }

  /** The candidate that holds the job, or as much of the rest as it can, with the least waste. */
  #best(job: number, found: number, rest: number): number {
    let best = 0
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < found; i++) {
      const count = Math.min(this.#counts[i] as number, rest)
      if (count === 0) continue
      const waste =
        this.#waste(job, this.#candidates[i] as number, count) + (count < rest ? WEIGHT.partial : 0)
      if (waste < least) {
        least = waste
        best = i
      }
    }
    return best
  }

  #waste(job: number, place: number, count: number): number {
    const kinds = this.#kinds
    let waste = 0
    for (let k = 0; k < kinds; k++) {
      const usual = this.#usual[k] as number
      if (usual === 0) continue
      const free = this.#free[(this.#leaves + place) * kinds + k] as number
      const asked = this.#jobs.need[job * kinds + k] as number
      waste +=
        asked > 0
          ? (WEIGHT.left * (free - count * asked)) / usual
          : (WEIGHT.stranded * free + WEIGHT.special * (this.#capacity[place * kinds + k] as number)) / usual
    }
    return waste
  }

  #change({ job, nodes }: Share, sign: 1 | -1): void {
    const kinds = this.#kinds
    const { need } = this.#jobs
    for (let r = 0; r < nodes.length; ) {
      const place = nodes[r] as number
      let count = 0
      for (; r < nodes.length && nodes[r] === place; r++) count++
      this.#note(place)
      const at = this.#leaves + place
      for (let k = 0; k < kinds; k++) {
        const i = at * kinds + k
        const free = this.#free[i] as number
        const amount = count * (need[job * kinds + k] as number)
        this.#free[i] =
          sign < 0 ? free - amount : freeAfter(free, amount, this.#capacity[place * kinds + k] as number)
      }
      this.#liftAbove(at)
    }
  }

  /** Long lists are not worth keeping: then the next copy is a new one. */
  #note(place: number): void {
    this.#changed.push(place)
    if (this.#changed.length <= 4 * this.#leaves) return
    this.#changed.length = 0
    this.#twin = null
    this.#lost = true
  }

  #follow(other: Cluster, place: number): void {
    const kinds = this.#kinds
    const at = this.#leaves + place
    for (let i = at * kinds; i < (at + 1) * kinds; i++) this.#free[i] = other.#free[i] as number
    this.#liftAbove(at)
  }

  /** Up to where nothing changes: most nodes are not the greatest below the next node above. */
  #liftAbove(leaf: number): void {
    for (let at = leaf >> 1; at >= 1 && this.#lift(at); at >>= 1);
  }

  /** Makes an inner node of the tree the maximum of its children. @returns whether it was another */
  #lift(at: number): boolean {
    const free = this.#free
    const kinds = this.#kinds
    let changed = false
    for (let k = 0; k < kinds; k++) {
      const left = free[2 * at * kinds + k] as number
      const right = free[(2 * at + 1) * kinds + k] as number
      const most = Math.max(left, right)
      if (most === free[at * kinds + k]) continue
      free[at * kinds + k] = most
      changed = true
    }
    return changed
  }
}

function orderByWorth({ nodeIds, kinds, capacity }: Requests, usual: Float64Array): Int32Array {
  const worth = Float64Array.from(nodeIds, (_, node) => {
    let sum = 0
    for (let k = 0; k < kinds; k++)
      if ((usual[k] as number) > 0) sum += (capacity[node * kinds + k] as number) / (usual[k] as number)
    return sum
  })
  const order = Int32Array.from(nodeIds, (_, node) => node)
  return order.sort((a, b) => (worth[a] as number) - (worth[b] as number) || a - b)
}
