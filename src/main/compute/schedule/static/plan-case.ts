import { createDag } from './dag'
import { type Assignment, readDagCase, writeSchedule } from './dag-case'
import { type PlanOptions, planGraph } from './planner'
import { createRandom } from './random'

/**
 * Plans a parsed `dag-case/1` file. The budget is that of the search: it begins once the file is read.
 * @throws AppError `compute.invalid_input`
 */
export function planDagCase(
  json: unknown,
  options: PlanOptions,
): { schedule: Assignment[]; summary: string } {
  const dagCase = readDagCase(json)
  const startedAt = options.now()
  const { schedule, heftMakespan, lowerBound, isOptimal } = planGraph(dagCase.dag, options)
  const figures = [
    `makespan ${schedule.makespan.toFixed(4)}`,
    `${(heftMakespan > 0 ? schedule.makespan / heftMakespan : 1).toFixed(4)} of HEFT`,
    isOptimal ? 'optimal' : `bound ${lowerBound.toFixed(4)}`,
    `${(options.now() - startedAt).toFixed(0)} ms`,
  ]
  return { schedule: writeSchedule(dagCase, schedule), summary: figures.join(', ') }
}

/**
 * Plans made-up graphs, a few tenths of a second of work, so that V8 has compiled the search before a budget begins: a
 * budget is for searching, and in a process that stays it is spent on nothing else.
 */
export function warmUp(): void {
  const random = createRandom(7)
  for (let round = 0; round < 16; round++) {
    const taskCount = round < 14 ? 80 : 600
    const deviceCount = 4 + (round % 8)
    const edges = []
    for (let to = 1; to < taskCount; to++) {
      for (let k = 0; k < 3; k++) edges.push({ from: Math.floor(random() * to), to, data: 10 * random() })
    }
    // Some devices for some tasks only, and links of two speeds: every way through the search is taken.
    const cost = new Float64Array(taskCount * deviceCount).map((_, at) =>
      round % 2 === 1 && at % deviceCount > 1 && random() < 0.2
        ? Number.POSITIVE_INFINITY
        : 1 + 20 * random(),
    )
    const devices = [...new Array(deviceCount).keys()]
    const bandwidth = round % 2 === 1 ? devices.map((p) => devices.map((q) => ((p ^ q) & 1 ? 1 : 4))) : 1
    const dag = createDag({ taskCount, deviceCount, cost, bandwidth, edges })
    planGraph(dag, { budgetMs: Number.POSITIVE_INFINITY, now: () => 0, seed: round, maxSteps: 1_000 })
  }
}
