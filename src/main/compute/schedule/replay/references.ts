import { freeAfter, type Requests, ROUNDING, type Scheduler } from '../online/workload'

/**
 * The textbook's policies, as the queue cases define them: jobs in order of arrival, replicas by first fit. `fcfs` stops
 * at the first that does not fit; `easy` keeps room for that one and lets others pass where they do not delay it.
 */
export class Reference implements Scheduler {
  readonly #jobs: Requests
  readonly #backfills: boolean
  readonly #free: Float64Array
  readonly #running = new Set<number>()
  readonly #endsBy: Float64Array
  readonly #nodes: Int32Array[] = []
  #queue: number[] = []

  constructor(jobs: Requests, policy: 'fcfs' | 'easy') {
    this.#jobs = jobs
    this.#backfills = policy === 'easy'
    this.#free = jobs.capacity.slice()
    this.#endsBy = new Float64Array(jobs.submit.length)
  }

  arrive(job: number): void {
    this.#queue.push(job)
  }

  end(job: number): void {
    this.#running.delete(job)
    this.#change(this.#free, job, this.#nodes[job], 1)
  }

  decide(now: number, begin: (job: number, nodes: Int32Array) => void): void {
    const started = new Set<number>()
    const start = (job: number, nodes: Int32Array) => {
      this.#change(this.#free, job, nodes, -1)
      this.#nodes[job] = nodes
      this.#endsBy[job] = now + (this.#jobs.estimate[job] as number)
      this.#running.add(job)
      started.add(job)
      begin(job, nodes)
    }
    let at = 0
    for (; at < this.#queue.length; at++) {
      const job = this.#queue[at] as number
      const nodes = this.#firstFit(this.#free, job)
      if (!nodes) break
      start(job, nodes)
    }
    const head = this.#queue[at]
    if (head !== undefined && this.#backfills) {
      const { shadow, free } = this.#shadowOf(head)
      for (const job of this.#queue.slice(at + 1)) {
        const nodes = this.#firstFit(this.#free, job)
        if (!nodes) continue
        if (now + (this.#jobs.estimate[job] as number) > shadow) {
          this.#change(free, job, nodes, -1)
          if (!this.#firstFit(free, head)) {
            this.#change(free, job, nodes, 1)
            continue
          }
        }
        start(job, nodes)
      }
    }
    if (started.size > 0) this.#queue = this.#queue.filter((job) => !started.has(job))
  }

  /** When enough of what runs has ended by its estimate, all equal ends together; and what is free then. */
  #shadowOf(head: number): { shadow: number; free: Float64Array } {
    const free = this.#free.slice()
    const wanted = this.#jobs.replicas[head] as number
    const roomOn = (node: number) => Math.min(wanted, this.#countOn(free, node, head))
    // Counted along, for only the nodes of what ends have another room then.
    let room = 0
    for (let node = 0; node < this.#jobs.nodeIds.length; node++) room += roomOn(node)
    const ends = [...this.#running].sort(
      (a, b) => (this.#endsBy[a] as number) - (this.#endsBy[b] as number) || a - b,
    )
    for (let i = 0; i < ends.length; ) {
      const shadow = this.#endsBy[ends[i] as number] as number
      for (; i < ends.length && this.#endsBy[ends[i] as number] === shadow; i++) {
        const ended = ends[i] as number
        const nodes = new Set(this.#nodes[ended])
        for (const node of nodes) room -= roomOn(node)
        this.#change(free, ended, this.#nodes[ended], 1)
        for (const node of nodes) room += roomOn(node)
      }
      if (room >= wanted) return { shadow, free }
    }
    return { shadow: Number.POSITIVE_INFINITY, free }
  }

  #firstFit(free: Float64Array, job: number): Int32Array | null {
    const { replicas, nodeIds } = this.#jobs
    const wanted = replicas[job] as number
    const nodes = new Int32Array(wanted)
    let placed = 0
    for (let node = 0; node < nodeIds.length && placed < wanted; node++) {
      const count = Math.min(wanted - placed, this.#countOn(free, node, job))
      if (count === 0) continue
      nodes.fill(node, placed, placed + count)
      placed += count
    }
    return placed === wanted ? nodes : null
  }

  /** How many replicas of a job a node has room for. */
  #countOn(free: Float64Array, node: number, job: number): number {
    const { kinds, need } = this.#jobs
    let count = Number.POSITIVE_INFINITY
    for (let k = 0; k < kinds && count > 0; k++) {
      const asked = need[job * kinds + k] as number
      if (asked > 0)
        count = Math.min(count, Math.floor(((free[node * kinds + k] as number) + ROUNDING) / asked))
    }
    return Math.max(0, count)
  }

  #change(free: Float64Array, job: number, nodes: Int32Array | undefined, sign: 1 | -1): void {
    const { kinds, need, capacity } = this.#jobs
    for (const node of nodes ?? [])
      for (let k = 0; k < kinds; k++) {
        const i = node * kinds + k
        const amount = need[job * kinds + k] as number
        const before = free[i] as number
        free[i] = sign < 0 ? before - amount : freeAfter(before, amount, capacity[i] as number)
      }
  }
}
