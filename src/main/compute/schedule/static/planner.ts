import { lowerBounds } from './bounds'
import { type Dag, reversed } from './dag'
import { MAX_EXACT_TASKS, searchAll } from './exact'
import { cpop, heft, listSchedule, lookaheadHeft, peft } from './list-scheduling'
import { anneal } from './local-search'
import { meanCosts, upwardRanks } from './ranks'
import type { Schedule } from './schedule'

export interface PlanOptions {
  /** Milliseconds of the search, from the call on. HEFT is done in any case. */
  budgetMs: number
  /** Monotonic milliseconds. */
  now: () => number
  seed?: number
  /** Steps of the search at most. With an endless budget the result then depends on nothing but the seed. */
  maxSteps?: number
}

export interface Planned {
  schedule: Schedule
  /** What HEFT alone reaches; the schedule is never worse. */
  heftMakespan: number
  lowerBound: number
  isOptimal: boolean
}

/** Parts of the budget by which list schedulers, and for few tasks the first annealing and trying all, are over. */
const LISTS_UNTIL = 0.35
const FIRST_SEARCH_UNTIL = 0.3
const EXACT_UNTIL = 0.8
/** Above this many steps looking ahead takes longer than it is worth. */
const MAX_LOOKAHEAD = 300_000
const PASSES = 5

/**
 * A schedule of little makespan within a budget of time: list schedulers, improved by scheduling to and fro, then
 * annealing; for few tasks branch and bound, which proves the optimum.
 */
export function planGraph(dag: Dag, { budgetMs, now, seed = 1, maxSteps = Number.POSITIVE_INFINITY }: PlanOptions): Planned {
  const startedAt = now()
  const spent = () => (budgetMs > 0 ? (now() - startedAt) / budgetMs : 1)
  const first = heft(dag)
  let best = first
  const keep = (schedule: Schedule) => {
    if (schedule.makespan < best.makespan) best = schedule
  }
  const plan = (lowerBound: number, isProved: boolean): Planned => ({
    schedule: best,
    heftMakespan: first.makespan,
    lowerBound: isProved ? best.makespan : lowerBound,
    isOptimal: isProved || best.makespan <= lowerBound * (1 + 1e-12),
  })
  if (spent() >= 1) return plan(0, false)
  const bounds = lowerBounds(dag)
  const isGood = () => best.makespan <= bounds.makespan * (1 + 1e-12)
  for (const schedule of listSchedules(dag, bounds.tails, () => spent() >= LISTS_UNTIL || isGood())) keep(schedule)

  const searchUntil = (limit: number, stepLimit: number, searchSeed: number) => {
    if (isGood()) return
    const progress = (steps: number) => Math.max(spent() / limit, steps / stepLimit)
    keep(anneal(dag, best, { seed: searchSeed, progress, lowerBound: bounds.makespan }))
  }
  if (dag.taskCount <= MAX_EXACT_TASKS && !isGood()) {
    searchUntil(FIRST_SEARCH_UNTIL, Math.min(maxSteps, 5_000), seed)
    let looks = 0
    const isOver = () => spent() >= EXACT_UNTIL || ++looks * 256 > maxSteps
    const { schedule, isProved } = searchAll(dag, bounds, best.makespan, isOver)
    if (schedule) keep(schedule)
    if (isProved) return plan(bounds.makespan, true)
  }
  searchUntil(1, maxSteps, seed + 1)
  return plan(bounds.makespan, false)
}

/** Schedules by several ranks and rules, the most promising first. */
function* listSchedules(dag: Dag, tails: Float64Array, isOver: () => boolean): Generator<Schedule> {
  const { taskCount, deviceCount, cost, successors } = dag
  const leastPath = new Float64Array(taskCount)
  for (let i = 0; i < taskCount; i++) {
    let least = Number.POSITIVE_INFINITY
    for (let p = 0; p < deviceCount; p++) {
      const at = i * deviceCount + p
      least = Math.min(least, cost[at]! + tails[at]!)
    }
    leastPath[i] = least
  }
  const starts = [
    () => listSchedule(dag, leastPath, { follows: tails }),
    () => listSchedule(dag, upwardRanks(dag, meanCosts(dag)), { follows: tails }),
    () => peft(dag),
    () => heft(dag, upwardRanks(dag, greatestCosts(dag))),
    () => cpop(dag),
    () => heft(dag),
  ]
  if (successors.task.length * deviceCount ** 2 <= MAX_LOOKAHEAD) starts.splice(1, 0, () => lookaheadHeft(dag))
  const backwards = reversed(dag)
  for (const start of starts) {
    if (isOver()) return
    let current = start()
    yield current
    for (let pass = 0; pass < PASSES && !isOver(); pass++) {
      const next = toAndFro(dag, backwards, current)
      yield next
      if (next.makespan === current.makespan) break
      current = next
    }
  }
}

/**
 * Schedules the reversed graph by the ends of a schedule, and the graph by the ends of that: as forward-backward
 * improvement does in project scheduling (Li & Willis 1992).
 */
function toAndFro(dag: Dag, backwards: Dag, schedule: Schedule): Schedule {
  const back = listSchedule(backwards, schedule.end.slice().reverse(), {})
  return listSchedule(dag, back.end.slice().reverse(), {})
}

function greatestCosts({ taskCount, deviceCount, cost }: Dag): Float64Array {
  const greatest = new Float64Array(taskCount)
  for (let i = 0; i < taskCount; i++) {
    for (let p = 0; p < deviceCount; p++) {
      const one = cost[i * deviceCount + p]!
      if (one !== Number.POSITIVE_INFINITY && one > greatest[i]!) greatest[i] = one
    }
  }
  return greatest
}
