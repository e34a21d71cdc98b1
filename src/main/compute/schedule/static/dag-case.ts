import { z } from 'zod'
import { AppError } from '../../../../shared/errors'
import { createDag, type Dag } from './dag'
import type { Schedule } from './schedule'

/** A graph as a `dag-case/1` file gives it, with its tasks and devices by number. */
export interface DagCase {
  name: string
  dag: Dag
  /** Of the file's tasks, by number in the graph. */
  taskIds: readonly string[]
  deviceIds: readonly string[]
  /** Number in the graph, by place in the file. */
  numberOf: Int32Array
}

/** One line of a schedule file. */
export interface Assignment {
  task: string
  device: string
  start: number
  end: number
}

/** Entries at most of the table of running times, and of that of links: larger ones do not fit a search that is to end soon. */
const MAX_TABLE = 50_000_000
const MAX_LINKS = 4_000_000

const Id = z.string().min(1).max(1_000)
const Amount = z.number().nonnegative()
const Speed = z.number().positive()
/** Stops at the first item that is wrong: what is wrong with each of millions would not fit the memory. */
function list<T extends z.ZodType>(item: T) {
  return z.array(z.unknown()).transform((items, context): z.output<T>[] => {
    const read: z.output<T>[] = []
    for (const [at, one] of items.entries()) {
      const parsed = item.safeParse(one)
      if (parsed.success) {
        read.push(parsed.data)
        continue
      }
      for (const { message, path } of parsed.error.issues.slice(0, 1))
        context.addIssue({ code: 'custom', message, path: [at, ...path] })
      return z.NEVER
    }
    return read
  })
}
const Case = z.object({
  format: z.literal('dag-case/1'),
  name: z.string().default(''),
  // With `costs`, a speed is only a label.
  devices: z.array(z.object({ id: Id, speed: z.unknown().optional() })).min(1),
  links: z.object({
    bandwidth: z.union(
      [z.number().positive(), z.array(z.array(z.number()))],
      'is neither a number above 0 nor a table of numbers',
    ),
  }),
  tasks: list(z.object({ id: Id, cost: Amount.optional(), costs: z.array(Amount.nullable()).optional() })),
  edges: list(z.object({ from: Id, to: Id, data: Amount })),
})
type Case = z.infer<typeof Case>

/**
 * Reads a parsed `dag-case/1` file. Tasks keep the order of the file, which is topological by the format; where it is
 * not, the first that waits for nothing comes first.
 * @throws AppError `compute.invalid_input` that names the field, the task or the cycle.
 */
export function readDagCase(json: unknown): DagCase {
  const parsed = Case.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(`The case is not dag-case/1: ${issue?.path.join('.') || 'the file'}: ${issue?.message}.`)
  }
  const { name, devices, links, tasks, edges } = parsed.data
  if (tasks.length * devices.length > MAX_TABLE || devices.length ** 2 > MAX_LINKS) {
    throw invalid(`${tasks.length} tasks on ${devices.length} devices are more than can be planned at once.`)
  }
  const taskAt = numbered(tasks, 'task')
  const deviceIds = [...numbered(devices, 'device').keys()]
  const bandwidth = checkedBandwidth(links.bandwidth, devices.length)
  const ends = edges.map(({ from, to, data }, k) => {
    const [a, b] = [taskAt.get(from), taskAt.get(to)]
    if (a === undefined || b === undefined) {
      throw invalid(
        `Edge ${k} names the task ${JSON.stringify(a === undefined ? from : to)}, which is not there.`,
      )
    }
    return { from: a, to: b, data }
  })
  const ids = [...taskAt.keys()]
  const order = topologicalOrder(ids, ends)
  const numberOf = new Int32Array(tasks.length)
  order.forEach((place, number) => {
    numberOf[place] = number
  })
  const dag = createDag({
    taskCount: tasks.length,
    deviceCount: devices.length,
    cost: costTable(parsed.data, order),
    bandwidth,
    edges: ends.map(({ from, to, data }) => ({ from: numberOf[from]!, to: numberOf[to]!, data })),
  })
  assertFinite(dag)
  return { name, dag, taskIds: order.map((place) => ids[place]!), deviceIds, numberOf }
}

/** The lines of a schedule file, in the order of the case's tasks. */
export function writeSchedule({ taskIds, deviceIds, numberOf }: DagCase, schedule: Schedule): Assignment[] {
  return Array.from(numberOf, (i) => ({
    task: taskIds[i]!,
    device: deviceIds[schedule.device[i]!]!,
    start: schedule.start[i]!,
    end: schedule.end[i]!,
  }))
}

function numbered(items: readonly { id: string }[], what: string): Map<string, number> {
  const numbers = new Map<string, number>()
  for (const { id } of items) {
    if (numbers.has(id)) throw invalid(`There are two ${what}s ${JSON.stringify(id)}.`)
    numbers.set(id, numbers.size)
  }
  return numbers
}

function checkedBandwidth(bandwidth: Case['links']['bandwidth'], count: number): number | number[][] {
  if (typeof bandwidth === 'number') return bandwidth
  const isSquare = bandwidth.length === count && bandwidth.every((row) => row.length === count)
  if (!isSquare) throw invalid(`links.bandwidth is not a table of ${count} rows of ${count} numbers.`)
  bandwidth.forEach((row, p) => {
    const q = row.findIndex((value, at) => at !== p && !(value > 0))
    if (q >= 0) throw invalid(`links.bandwidth from device ${p} to ${q} is not above 0.`)
  })
  return bandwidth
}

function costTable({ tasks, devices }: Case, order: readonly number[]): Float64Array {
  const table = new Float64Array(tasks.length * devices.length)
  const speeds = devices.map(({ speed }) => Speed.safeParse(speed).data)
  order.forEach((place, i) => {
    const task = tasks[place]!
    const name = JSON.stringify(task.id)
    const { cost, costs } = task
    if (costs) {
      if (costs.length !== devices.length) {
        throw invalid(`Task ${name} has ${costs.length} costs for ${devices.length} devices.`)
      }
      if (costs.every((one) => one === null)) throw invalid(`Task ${name} can run on no device.`)
    }
    devices.forEach((device, p) => {
      const at = i * devices.length + p
      const speed = speeds[p]
      if (costs) table[at] = costs[p] ?? Number.POSITIVE_INFINITY
      else if (cost === undefined) throw invalid(`Task ${name} has neither a cost nor costs.`)
      else if (speed !== undefined) table[at] = finite(cost / speed)
      else
        throw invalid(
          `Task ${name} has a cost, but device ${JSON.stringify(device.id)} has no speed above 0.`,
        )
    })
  })
  return table
}

/** No sum of times in any schedule is greater than that of all times and transfers there could be. */
function assertFinite({ cost, bandwidth, successors }: Dag): void {
  const slowest = bandwidth.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY)
  let sum = 0
  for (const one of cost) if (one !== Number.POSITIVE_INFINITY) sum += one
  for (const data of successors.data) sum += data / slowest
  finite(sum)
}

function finite(time: number): number {
  if (Number.isFinite(time)) return time
  throw invalid('The costs and data are too large for the speeds: their sum is not finite.')
}

/** Places in the file, those without open predecessors first, lower places before higher ones. */
function topologicalOrder(ids: readonly string[], edges: readonly { from: number; to: number }[]): number[] {
  if (edges.every(({ from, to }) => from < to)) return [...ids.keys()]
  const next: number[][] = ids.map(() => [])
  const open = new Int32Array(ids.length)
  for (const { from, to } of edges) {
    next[from]!.push(to)
    open[to]!++
  }
  const order = [...ids.keys()].filter((i) => open[i] === 0)
  for (let at = 0; at < order.length; at++) {
    for (const to of next[order[at]!]!) if (--open[to]! === 0) order.push(to)
  }
  if (order.length < ids.length) {
    const inCycle = ids.filter((_, i) => open[i]! > 0).slice(0, 5)
    const names = inCycle.map((id) => JSON.stringify(id)).join(', ')
    throw invalid(`The tasks wait for each other in a cycle, among them ${names}.`)
  }
  return order
}

function invalid(message: string): AppError {
  return new AppError('compute.invalid_input', message)
}
