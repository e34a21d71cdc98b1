import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lowerBounds } from './bounds'
import { createDag } from './dag'
import { searchAll } from './exact'
import { cpop, heft, lookaheadHeft, peft } from './list-scheduling'
import { planGraph } from './planner'
import { createRandom } from './random'
import { orderOf } from './schedule'
import { Sequences } from './sequences'
import { problemsOf } from './testing/check-schedule'
import { graphs } from './testing/graphs'

const plan = (dag: Parameters<typeof planGraph>[0], seed = 1, maxSteps = 300) =>
  planGraph(dag, { budgetMs: Number.POSITIVE_INFINITY, now: () => 0, seed, maxSteps })

describe('planGraph', () => {
  it('gives valid schedules that are never worse than HEFT nor below the bound', () => {
    fc.assert(
      fc.property(graphs(25), fc.integer(), (dag, seed) => {
        const { schedule, heftMakespan, lowerBound } = plan(dag, seed)
        expect(problemsOf(dag, schedule)).toEqual([])
        expect(heftMakespan).toBe(heft(dag).makespan)
        expect(schedule.makespan).toBeLessThanOrEqual(heftMakespan)
        expect(schedule.makespan).toBeGreaterThanOrEqual(lowerBound * (1 - 1e-9))
      }),
      { numRuns: 150 },
    )
  })

  it('leaves alone what is done or runs, and waits for devices that are not free yet', () => {
    fc.assert(
      fc.property(graphs(16, { withPast: true }), (dag) => {
        const { schedule, lowerBound } = plan(dag)
        expect(problemsOf(dag, schedule)).toEqual([])
        expect(schedule.makespan).toBeGreaterThanOrEqual(lowerBound * (1 - 1e-9))
      }),
      { numRuns: 150 },
    )
  })

  it('is the same for the same seed when steps are counted, not time', () => {
    fc.assert(
      fc.property(graphs(25), fc.integer(), (dag, seed) => {
        expect(plan(dag, seed).schedule).toEqual(plan(dag, seed).schedule)
      }),
      { numRuns: 50 },
    )
  })

  it('stops when its time is over, and HEFT is there in any case', () => {
    const dag = example(60)
    let looks = 0
    const now = () => ++looks
    expect(planGraph(dag, { budgetMs: 0, now }).schedule.makespan).toBe(heft(dag).makespan)
    looks = 0
    const { schedule } = planGraph(dag, { budgetMs: 200, now })
    expect(looks).toBeLessThan(220)
    expect(schedule.makespan).toBeLessThan(heft(dag).makespan)
  })

  it('divides many tasks that wait for nothing among unlike devices before it searches', () => {
    const random = createRandom(5)
    const costs = (taskCount: number) => new Float64Array(taskCount * 4).map(() => 1 + 20 * random())
    const wide = createDag({ taskCount: 500, deviceCount: 4, cost: costs(500), bandwidth: 1, edges: [] })
    const { schedule, heftMakespan } = plan(wide, 1, 1)
    expect(problemsOf(wide, schedule)).toEqual([])
    expect(schedule.makespan).toBeLessThan(0.9 * heftMakespan)
  })

  it('transfers between alike links exactly, also where their mean cannot be told exactly, or at all', () => {
    for (const [bandwidth, data] of [
      [0.1, 0.3],
      [1e308, 1e308],
    ] as const) {
      const dag = createDag({
        taskCount: 2,
        deviceCount: 3,
        cost: Float64Array.of(1, 50, 50, 50, 1, 50),
        bandwidth: Array.from({ length: 3 }, () => [bandwidth, bandwidth, bandwidth]),
        edges: [{ from: 0, to: 1, data }],
      })
      expect(plan(dag).schedule.start[1]).toBe(1 + data / bandwidth)
    }
  })

  it('plans nothing for no tasks', () => {
    const dag = createDag({ taskCount: 0, deviceCount: 2, cost: new Float64Array(), bandwidth: 1, edges: [] })
    expect(plan(dag).schedule.makespan).toBe(0)
  })
})

describe('list schedulers', () => {
  it('give valid schedules, also around what is fixed', () => {
    fc.assert(
      fc.property(fc.oneof(graphs(25), graphs(25, { withPast: true })), (dag) => {
        for (const rule of [heft, cpop, peft, lookaheadHeft]) expect(problemsOf(dag, rule(dag))).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})

describe('searchAll', () => {
  it('finds what trying every order and device finds', () => {
    fc.assert(
      fc.property(graphs(5), (dag) => {
        const { schedule, isProved } = searchAll(dag, lowerBounds(dag), Number.POSITIVE_INFINITY, () => false)
        expect(isProved).toBe(true)
        expect(problemsOf(dag, schedule!)).toEqual([])
        expect(schedule!.makespan).toBeCloseTo(leastMakespan(dag), 9)
      }),
      { numRuns: 100 },
    )
  })
})

describe('Sequences', () => {
  it('knows the makespan of a move before it is made, and undoes what it took out', () => {
    fc.assert(
      fc.property(graphs(25), fc.integer(), (dag, seed) => {
        const random = createRandom(seed)
        const start = heft(dag)
        const state = new Sequences(dag)
        state.load(orderOf(start), start.device)
        expect(state.makespan()).toBeCloseTo(start.makespan, 9)
        const order = new Int32Array(dag.taskCount)
        const device = new Int32Array(dag.taskCount)
        const fresh = new Sequences(dag)
        const noise = new Float64Array(4).map(random)
        for (let move = 0; move < 30; move++) {
          const task = Math.floor(random() * dag.taskCount)
          const before = state.makespan()
          state.takeOut(task)
          const rest = state.makespan()
          state.choose(task, rest, 1, 20 * random(), noise, move)
          if (random() < 0.3) {
            state.putBack(task)
            expect(state.makespan()).toBe(before)
          } else {
            const expected = Math.max(rest, state.chosenPath)
            state.putIn(task, state.chosenDevice, state.chosenIndex)
            expect(state.makespan()).toBeCloseTo(expected, 9)
          }
          state.copyTo(order, device)
          fresh.load(order, device)
          expect([...state.end]).toEqual([...fresh.end])
          expect([...state.reach]).toEqual([...fresh.reach])
        }
      }),
      { numRuns: 100 },
    )
  })
})

/** By brute force: every order, every device, each task appended. */
function leastMakespan(dag: Parameters<typeof planGraph>[0]): number {
  const { taskCount, deviceCount, cost, bandwidth, predecessors } = dag
  const end = new Float64Array(taskCount)
  const device = new Int32Array(taskCount).fill(-1)
  const descend = (left: number, free: readonly number[]): number => {
    if (left === 0) return Math.max(0, ...end)
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < taskCount; i++) {
      const rows = [...predecessors.task.keys()].slice(predecessors.first[i], predecessors.first[i + 1])
      if (device[i]! >= 0 || rows.some((k) => device[predecessors.task[k]!]! < 0)) continue
      for (let p = 0; p < deviceCount; p++) {
        const lasts = cost[i * deviceCount + p]!
        if (!Number.isFinite(lasts)) continue
        const arrivals = rows.map((k) => {
          const from = predecessors.task[k]!
          return end[from]! + predecessors.data[k]! / bandwidth[device[from]! * deviceCount + p]!
        })
        device[i] = p
        end[i] = Math.max(free[p]!, ...arrivals) + lasts
        least = Math.min(least, descend(left - 1, free.with(p, end[i]!)))
        device[i] = -1
        end[i] = 0
      }
    }
    return least
  }
  return descend(taskCount, [...dag.availableAt])
}

function example(taskCount: number) {
  const random = createRandom(3)
  const edges = Array.from({ length: 2 * taskCount }, () => {
    const to = 1 + Math.floor(random() * (taskCount - 1))
    return { from: Math.floor(random() * to), to, data: 10 * random() }
  })
  const cost = new Float64Array(taskCount * 4).map(() => 1 + 20 * random())
  return createDag({ taskCount, deviceCount: 4, cost, bandwidth: 1, edges })
}
