import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replay, type Schedule } from '../replay/replay'
import { OnlineScheduler } from './online'
import { OVERDUE_PACES } from './urgency'
import type { Requests, Scheduler, Workload } from './workload'

interface ArbitraryJob {
  gap: number
  runtime: number
  overestimate: number
  replicas: number
  need: number[]
  priority: number
  user: number
}

/** Nodes hold `[8, 4]` and `[8, 0]` in turn, so that every job below fits an empty machine of two nodes or more. */
function workloadOf(nodes: number, jobs: readonly ArbitraryJob[]): Workload {
  const submit = new Float64Array(jobs.length)
  jobs.forEach(({ gap }, job) => {
    submit[job] = (submit[job - 1] ?? 0) + gap
  })
  return {
    resources: ['cpu', 'gpu'],
    kinds: 2,
    nodeIds: Array.from({ length: nodes }, (_, n) => `n${n}`),
    capacity: Float64Array.from({ length: 2 * nodes }, (_, i) => (i % 2 === 0 ? 8 : i % 4 === 1 ? 4 : 0)),
    submit,
    runtime: Float64Array.from(jobs, ({ runtime }) => runtime),
    estimate: Float64Array.from(jobs, ({ runtime, overestimate }) => runtime * overestimate),
    replicas: Int32Array.from(jobs, ({ replicas }) => replicas),
    need: Float64Array.from(jobs.flatMap(({ need }) => need)),
    priority: Float64Array.from(jobs, ({ priority }) => priority),
    user: Int32Array.from(jobs, ({ user }) => user),
    users: ['a', 'b', 'c'],
  }
}

const arbitraryJob: fc.Arbitrary<ArbitraryJob> = fc.record({
  gap: fc.constantFrom(0, 1, 10, 100),
  runtime: fc.constantFrom(1, 5, 60, 600, 3000),
  overestimate: fc.constantFrom(1, 1.5, 4),
  replicas: fc.constantFrom(1, 1, 1, 2),
  need: fc.constantFrom([1, 0], [0.5, 0.25], [2, 1], [8, 0], [1, 2], [0, 0]),
  priority: fc.integer({ min: 0, max: 2 }),
  user: fc.integer({ min: 0, max: 2 }),
})
const arbitraryWorkload = fc
  .tuple(fc.integer({ min: 2, max: 5 }), fc.array(arbitraryJob, { maxLength: 60 }))
  .map(([nodes, jobs]) => workloadOf(nodes, jobs))
/** Short urgent jobs that keep all nodes busy, each a node for itself, and among the first of them one that is not urgent. */
const arbitraryStream = fc
  .record({
    nodes: fc.integer({ min: 2, max: 3 }),
    count: fc.integer({ min: 60, max: 150 }),
    runtime: fc.integer({ min: 1, max: 20 }),
    priority: fc.integer({ min: 12, max: 30 }),
    long: fc.record({ runtime: fc.integer({ min: 1, max: 60 }), replicas: fc.integer({ min: 1, max: 2 }) }),
  })
  .map(({ nodes, count, runtime, priority, long }) => {
    const alike = { overestimate: 1, need: [8, 0], priority: 0, user: 0 }
    const short = { ...alike, gap: runtime / nodes, runtime, replicas: 1, priority }
    const jobs = Array.from({ length: count }, () => short)
    return workloadOf(nodes, [...jobs.slice(0, nodes + 2), { ...alike, ...long, gap: 0 }, ...jobs])
  })

function run(workload: Workload): Schedule {
  return replay(workload, new OnlineScheduler(workload))
}

/** What is used of each node at each instant at which something starts. */
function usesOf(workload: Workload, { start, nodes }: Schedule): Float64Array[] {
  const { runtime, need, kinds, capacity } = workload
  return [...new Set(start)].map((now) => {
    const used = new Float64Array(capacity.length)
    start.forEach((at, job) => {
      if (at > now || at + (runtime[job] as number) <= now) return
      for (const node of nodes[job] as Int32Array)
        for (let k = 0; k < kinds; k++)
          used[node * kinds + k] = (used[node * kinds + k] as number) + (need[job * kinds + k] as number)
    })
    return used
  })
}

/** Looks at each turn of the scheduler, when it is over. */
class Watched implements Scheduler {
  readonly #inner: OnlineScheduler
  readonly #jobs: Requests
  readonly #look: (now: number, waiting: readonly number[], free: Float64Array) => void
  readonly #waiting = new Set<number>()
  readonly #nodes = new Map<number, Int32Array>()
  readonly #free: Float64Array

  constructor(jobs: Requests, look: (now: number, waiting: readonly number[], free: Float64Array) => void) {
    this.#jobs = jobs
    this.#look = look
    this.#inner = new OnlineScheduler(jobs)
    this.#free = jobs.capacity.slice()
  }

  get pace(): number {
    return this.#inner.pace
  }

  arrive(job: number, now: number): void {
    this.#waiting.add(job)
    this.#inner.arrive(job, now)
  }

  end(job: number, now: number): void {
    this.#change(job, 1)
    this.#inner.end(job, now)
  }

  decide(now: number, begin: (job: number, nodes: Int32Array) => void): void {
    this.#inner.decide(now, (job, nodes) => {
      this.#waiting.delete(job)
      this.#nodes.set(job, nodes)
      this.#change(job, -1)
      begin(job, nodes)
    })
    this.#look(now, [...this.#waiting], this.#free)
  }

  #change(job: number, sign: 1 | -1): void {
    const { kinds, need } = this.#jobs
    for (const node of this.#nodes.get(job) ?? [])
      for (let k = 0; k < kinds; k++)
        this.#free[node * kinds + k] =
          (this.#free[node * kinds + k] as number) + sign * (need[job * kinds + k] as number)
  }
}

function fits({ kinds, need, replicas }: Requests, job: number, free: Float64Array): boolean {
  let room = 0
  for (let from = 0; from < free.length; from += kinds) {
    let count = replicas[job] as number
    for (let k = 0; k < kinds; k++) {
      const asked = need[job * kinds + k] as number
      if (asked > 0) count = Math.min(count, Math.floor(((free[from + k] as number) + 1e-9) / asked))
    }
    room += count
  }
  return room >= (replicas[job] as number)
}

describe('room that is kept', () => {
  const job = (gap: number, runtime: number, overestimate: number, cpus: number, replicas = 1) => ({
    gap,
    runtime,
    overestimate,
    replicas,
    need: [cpus, 0],
    priority: 0,
    user: 0,
  })

  it('counts on run times as they were learned: nobody passes behind an end that was put too late', () => {
    // All take a quarter of their estimates.
    const learned = Array.from({ length: 200 }, () => job(100, 50, 4, 1))
    const runs = job(100, 1000, 4, 8)
    const gang = job(10, 60, 4, 8, 2)
    // By the estimates it ends long before the first, in truth long after it.
    const passer = job(100, 900, 4, 8)
    const { start } = run(workloadOf(2, [...learned, runs, gang, passer]))
    const [from, gangAt, passerAt] = [...start.slice(-3)] as [number, number, number]
    expect(gangAt).toBe(from + 1000)
    expect(passerAt).toBe(gangAt + 60)
  })

  it('counts on estimates for one that is overdue: forecasts that are wrong again and again do not put it off', () => {
    const learned = Array.from({ length: 1000 }, () => job(100, 50, 20, 8))
    const flood = () => Array.from({ length: 60 }, () => job(450, 1000, 1, 8))
    const workload = workloadOf(2, [...learned, job(100, 1000, 1, 8), job(10, 60, 20, 8, 2), ...flood()])
    const waited = (run(workload).start[1001] as number) - (workload.submit[1001] as number)
    expect(waited).toBeLessThan(3000)
  })

  it('is not for a long job before it has waited as long as it runs, and at once for a short one', () => {
    const waitsBehind = (runtime: number) => {
      const urgent = { ...job(1, runtime, 1, 8, 2), priority: 20 }
      const workload = workloadOf(2, [job(0, 10, 1, 8), urgent, job(1, 20, 1, 8)])
      return (run(workload).start[2] as number) - (workload.submit[2] as number)
    }
    expect(waitsBehind(5)).toBe(13)
    expect(waitsBehind(250)).toBe(0)
  })
})

describe('the online scheduler, always', () => {
  it('starts every job once, whole, not before it came, and never more on a node than it has', () => {
    fc.assert(
      fc.property(arbitraryWorkload, (workload) => {
        const schedule = run(workload)
        schedule.start.forEach((at, job) => {
          expect(at).toBeGreaterThanOrEqual(workload.submit[job] as number)
          expect(Number.isFinite(at)).toBe(true)
          expect(schedule.nodes[job]?.length).toBe(workload.replicas[job])
        })
        for (const used of usesOf(workload, schedule))
          used.forEach((amount, i) => {
            expect(amount).toBeLessThanOrEqual((workload.capacity[i] as number) + 1e-9)
          })
      }),
    )
  })

  it('leaves nothing idle that a waiting job could use, unless room is kept for another', () => {
    fc.assert(
      fc.property(arbitraryWorkload, (workload) => {
        const look = (_now: number, waiting: readonly number[], free: Float64Array) => {
          // Someone that fits waits only behind one that does not.
          if (waiting.some((job) => fits(workload, job, free)))
            expect(waiting.some((job) => !fits(workload, job, free))).toBe(true)
        }
        replay(workload, new Watched(workload, look))
      }),
    )
  })

  it('decides the same again, and from nothing but what has come and what has ended', () => {
    fc.assert(
      fc.property(arbitraryWorkload, fc.nat(), (workload, at) => {
        const first = run(workload)
        expect(run(workload)).toMatchObject({ start: first.start, nodes: first.nodes })
        const count = workload.submit.length
        if (count === 0) return
        // Another future, from the arrival of one job on: what started before is as it was.
        const from = at % count
        const now = workload.submit[from] as number
        const changed = {
          ...workload,
          estimate: workload.estimate.map((value, job) => (job >= from ? value * 2 : value)),
          runtime: workload.runtime.map((value, job) =>
            (first.start[job] as number) + value > now ? value * 1.5 : value,
          ),
        }
        const other = run(changed)
        first.start.forEach((start, job) => {
          if (start < now) expect(other.start[job]).toBe(start)
        })
      }),
    )
  })

  it('bounds the wait: after so many paces a job waits for what runs and what came before it, for nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryWorkload, arbitraryStream), (workload) => {
        const { submit, estimate } = workload
        const paces: { now: number; longest: number }[] = []
        const scheduler = new Watched(workload, (now) => {
          paces.push({ now, longest: Math.max(scheduler.pace, paces.at(-1)?.longest ?? 0) })
        })
        const { start } = replay(workload, scheduler)
        const longest = Math.max(0, ...estimate)
        start.forEach((at, job) => {
          const pace = paces.findLast(({ now }) => now <= at)?.longest ?? 0
          const overdueAt = (submit[job] as number) + OVERDUE_PACES * pace
          const before = start.filter((other, i) => i < job && other > overdueAt).length
          expect(at).toBeLessThanOrEqual(overdueAt + (before + 1) * longest + 1e-6)
        })
      }),
    )
  })

  it('starves nobody: a gang that needs every node, in a flood of small jobs that never ends', () => {
    const small = Array.from({ length: 4000 }, () => ({
      gap: 5,
      runtime: 60,
      overestimate: 2,
      replicas: 1,
      need: [3, 0],
      priority: 2,
      user: 1,
    }))
    const gang = { gap: 1, runtime: 100, overestimate: 1, replicas: 2, need: [8, 0], priority: 0, user: 0 }
    const workload = workloadOf(2, [...small.slice(0, 500), gang, ...small.slice(500)])
    const { start } = run(workload)
    const waited = (start[500] as number) - (workload.submit[500] as number)
    expect(waited).toBeLessThan(0.3 * (start.at(-1) as number))
  })
})
