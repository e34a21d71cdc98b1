import { lowerBounds } from './bounds'
import { type Dag, reversed } from './dag'
import { MAX_EXACT_TASKS, searchAll } from './exact'
import { cpop, heft, listSchedule, lookaheadHeft, peft } from './list-scheduling'
import { anneal } from './local-search'
import { leastTails, meanCosts, upwardRanks } from './ranks'
import { decode, orderOf, type Schedule } from './schedule'
import { sweepSearch } from './sweeps'

export interface PlanOptions {
  /** Milliseconds of the search, from the call on. HEFT is done in any case. */
  budgetMs: number
  /** Monotonic milliseconds. */
  now: () => number
  seed?: number
  /** Steps of the search at most, 1 or more. With an endless budget the result then depends on nothing but the seed. */
  maxSteps?: number
}

export interface Planned {
  schedule: Schedule
  /** What HEFT alone reaches; the schedule is never worse. */
  heftMakespan: number
  lowerBound: number
  isOptimal: boolean
}

/** Parts of the budget by which each phase is over; the two last are for few tasks. */
const LISTS_UNTIL = 0.1
const PASSES_UNTIL = 0.4
const FIRST_SEARCH_UNTIL = 0.3
const EXACT_UNTIL = 0.8
/** So many tasks are moved too seldom, one by one: most of the time goes to sweeps, which move them all at once. */
const MANY_TASKS = 500
const SWEEPS_UNTIL = 0.9
/** Above this many steps, some milliseconds, looking ahead takes longer than it is worth. */
const MAX_LOOKAHEAD = 1_500_000
/** So often the prices of devices are set anew. */
const PRICE_ROUNDS = 40
/** What counts of the path behind a task, pass by pass. */
const PARTS = [0, 0.5, 0.7, 0.4, 0.6]
/** How much dearer transfers are made out to be, so that a list scheduler keeps together what talks much. */
const DEARER = [2, 4, 8]
/** A start that is so many times worse than the best is not tried, nor are more than so many. */
const WORST_START = 1.15
const MAX_STARTS = 4

/**
 * A schedule of little makespan within a budget of time: list schedulers, improved by scheduling to and fro, then
 * annealing; for few tasks branch and bound, which proves the optimum.
 */
export function planGraph(
  dag: Dag,
  { budgetMs, now, seed = 1, maxSteps = Number.POSITIVE_INFINITY }: PlanOptions,
): Planned {
  const startedAt = now()
  const spent = () => (budgetMs > 0 ? (now() - startedAt) / budgetMs : 1)
  const first = heft(dag)
  let best = first
  const starts = new Map([['even', first]])
  const keep = (schedule: Schedule, kind: string) => {
    if (schedule.makespan < best.makespan) best = schedule
    const known = starts.get(kind)
    if (!known || schedule.makespan < known.makespan) starts.set(kind, schedule)
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
  const isOver = (part: number) => spent() >= part || isGood()
  for (const { kind, schedule } of listSchedules(dag, bounds.tails, isOver)) keep(schedule, kind)

  const searchUntil = (limit: number, stepLimit: number, searchSeed: number) => {
    if (isGood()) return
    const progress = (steps: number) => Math.max(spent() / limit, steps / stepLimit)
    const promising = [...starts.values()]
      .filter(({ makespan }) => makespan <= WORST_START * best.makespan)
      .sort((a, b) => a.makespan - b.makespan)
      .slice(0, MAX_STARTS)
    keep(anneal(dag, promising, { seed: searchSeed, progress, lowerBound: bounds.makespan }), 'found')
  }
  if (dag.taskCount <= MAX_EXACT_TASKS && !isGood()) {
    searchUntil(FIRST_SEARCH_UNTIL, Math.min(maxSteps, 5_000), seed)
    let looks = 0
    const isTooLong = () => spent() >= EXACT_UNTIL || ++looks * 256 > maxSteps
    const { schedule, isProved } = searchAll(dag, bounds, best.makespan, isTooLong)
    if (schedule) keep(schedule, 'found')
    if (isProved) return plan(bounds.makespan, true)
  }
  if (dag.taskCount >= MANY_TASKS && !isGood()) {
    const progress = (steps: number) => Math.max(spent() / SWEEPS_UNTIL, steps / (SWEEPS_UNTIL * maxSteps))
    keep(sweepSearch(dag, best, { seed, progress, lowerBound: bounds.makespan }), 'found')
  }
  searchUntil(1, maxSteps, seed + 1)
  return plan(bounds.makespan, false)
}

/** Schedules by several ranks and rules, the most promising first, each with the kind of start it is for a search. */
function* listSchedules(
  dag: Dag,
  tails: Float64Array,
  isOver: (part: number) => boolean,
): Generator<{ kind: string; schedule: Schedule }> {
  const means = upwardRanks(dag, meanCosts(dag))
  const dearer = (factor: number) => () => {
    const dear = {
      ...dag,
      bandwidth: dag.bandwidth.map((one) => one / factor),
      meanBandwidth: dag.meanBandwidth / factor,
      uniformBandwidth: dag.uniformBandwidth === null ? null : dag.uniformBandwidth / factor,
    }
    const schedule = listSchedule(dear, upwardRanks(dear, meanCosts(dear)), { follows: leastTails(dear) })
    return decode(dag, orderOf(schedule), schedule.device)
  }
  const starts: [kind: string, start: () => Schedule][] = [
    ['even', () => listSchedule(dag, leastPaths(dag, tails), { follows: tails })],
    ...DEARER.map((factor): [string, () => Schedule] => [`dearer ${factor}`, dearer(factor)]),
    ['even', () => listSchedule(dag, means, { follows: tails })],
    ['even', () => peft(dag)],
    ['even', () => heft(dag, upwardRanks(dag, greatestCosts(dag)))],
    ['one device', () => oneDevice(dag, means)],
    ['even', () => cpop(dag)],
    ['even', () => heft(dag, means)],
  ]
  if (lookaheadSteps(dag) <= MAX_LOOKAHEAD) starts.splice(1, 0, ['even', () => lookaheadHeft(dag)])
  if (isWide(dag, means)) starts.unshift(['balanced', () => balanced(dag, means, () => isOver(LISTS_UNTIL))])
  const found: Schedule[] = []
  for (const [kind, start] of starts) {
    if (isOver(LISTS_UNTIL)) break
    const schedule = start()
    found.push(schedule)
    yield { kind, schedule }
  }
  const backwards = reversed(dag)
  for (const schedule of found.sort((a, b) => a.makespan - b.makespan)) {
    let current = schedule
    for (let pass = 0; pass < PARTS.length; pass++) {
      if (isOver(PASSES_UNTIL)) return
      const next = toAndFro(dag, backwards, current, PARTS[pass]!)
      yield { kind: 'even', schedule: next }
      if (next.makespan === current.makespan) break
      current = next
    }
  }
}

/** For each device of a task it places each successor anew, by all that this waits for, on every device. */
function lookaheadSteps({ deviceCount, successors, predecessors }: Dag): number {
  let steps = 0
  for (const j of successors.task) steps += 1 + predecessors.first[j + 1]! - predecessors.first[j]!
  return steps * deviceCount ** 2
}

/** Whether the work of all, shared evenly, takes longer than any path: then who does what counts for more than when. */
function isWide(dag: Dag, ranks: Float64Array): boolean {
  const work = meanCosts(dag).reduce((sum, cost) => sum + cost, 0)
  return work / dag.deviceCount > ranks.reduce((most, rank) => Math.max(most, rank), 0)
}

/**
 * Each task where it costs least at the prices of devices, which follow how busy the tasks make them: what a linear
 * program would divide among unlike devices, in which nothing waits for anything.
 */
function balanced(dag: Dag, priority: Float64Array, isOver: () => boolean): Schedule {
  const { taskCount, deviceCount, cost, availableAt } = dag
  const price = new Float64Array(deviceCount).fill(1)
  const busy = new Float64Array(deviceCount)
  const device = new Int32Array(taskCount)
  let best = device
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round === 0 || (round < PRICE_ROUNDS && !isOver()); round++) {
    busy.set(availableAt)
    for (let i = 0; i < taskCount; i++) {
      let chosen = 0
      let cheapest = Number.POSITIVE_INFINITY
      for (let p = 0; p < deviceCount; p++) {
        const asked = cost[i * deviceCount + p]! * price[p]!
        if (asked < cheapest) {
          cheapest = asked
          chosen = p
        }
      }
      device[i] = chosen
      busy[chosen] = busy[chosen]! + cost[i * deviceCount + chosen]!
    }
    const busiest = Math.max(...busy)
    if (busiest < least) {
      least = busiest
      best = device.slice()
    }
    const mean = busy.reduce((sum, one) => sum + one, 0) / deviceCount
    const rate = 1 / (1 + round / 4)
    for (let p = 0; p < deviceCount; p++) price[p] = price[p]! * Math.max(0.1, busy[p]! / mean) ** (rate / 2)
  }
  return listSchedule(dag, priority, { pinned: best })
}

/** All tasks on the one device that ends them first; those that it cannot run, where they end first. */
function oneDevice(dag: Dag, priority: Float64Array): Schedule {
  const { taskCount, deviceCount, cost } = dag
  let best: Schedule | undefined
  for (let p = 0; p < deviceCount; p++) {
    const pinned = new Int32Array(taskCount).map((_, i) =>
      cost[i * deviceCount + p] === Number.POSITIVE_INFINITY ? -1 : p,
    )
    const schedule = listSchedule(dag, priority, { pinned })
    if (!best || schedule.makespan < best.makespan) best = schedule
  }
  return best ?? heft(dag)
}

/** The least that can pass from the start of each task to the end. */
function leastPaths({ taskCount, deviceCount, cost }: Dag, tails: Float64Array): Float64Array {
  const paths = new Float64Array(taskCount).fill(Number.POSITIVE_INFINITY)
  for (let i = 0; i < taskCount; i++) {
    for (let at = i * deviceCount; at < (i + 1) * deviceCount; at++) {
      paths[i] = Math.min(paths[i]!, cost[at]! + tails[at]!)
    }
  }
  return paths
}

/**
 * Schedules the reversed graph by the ends of a schedule, and the graph by the ends of that, as forward-backward
 * improvement does in project scheduling (Li & Willis 1992). Each task goes where it ends first with a part of what
 * follows there, should those that wait for it stay where they are.
 */
function toAndFro(dag: Dag, backwards: Dag, schedule: Schedule, part: number): Schedule {
  const there = mirrored(schedule)
  const back = mirrored(listSchedule(backwards, there.end, { follows: followsOf(backwards, there, part) }))
  return listSchedule(dag, back.end, { follows: followsOf(dag, back, part) })
}

/** A schedule of the reversed graph as one of the graph: ends become what must follow from the start of each task. */
function mirrored({ device, end }: Schedule): Pick<Schedule, 'device' | 'end'> {
  return { device: device.slice().reverse(), end: end.slice().reverse() }
}

/** A part of the path behind each task on each device, when that from the start of each other task is known. */
function followsOf(
  dag: Dag,
  { device, end: paths }: Pick<Schedule, 'device' | 'end'>,
  part: number,
): Float64Array {
  const { taskCount, deviceCount, bandwidth, successors } = dag
  const follows = new Float64Array(taskCount * deviceCount)
  for (let i = 0; i < taskCount; i++) {
    for (let k = successors.first[i]!; k < successors.first[i + 1]!; k++) {
      const j = successors.task[k]!
      for (let p = 0; p < deviceCount; p++) {
        const path = part * (paths[j]! + successors.data[k]! / bandwidth[p * deviceCount + device[j]!]!)
        if (path > follows[i * deviceCount + p]!) follows[i * deviceCount + p] = path
      }
    }
  }
  return follows
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
