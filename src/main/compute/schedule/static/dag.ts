import { AppError } from '../../../../shared/errors'

/**
 * A graph of tasks on devices, as flat arrays: what the heuristics and the search read. Tasks are numbered in a
 * topological order, devices from 0. Cost model: a device runs one task at a time, without preemption; the data of an
 * edge takes `data / bandwidth` between devices and nothing on one device; transfers do not hinder each other.
 */
export interface Dag {
  readonly taskCount: number
  readonly deviceCount: number
  /** Running time of task i on device p at `i * deviceCount + p`; Infinity where it cannot run. */
  readonly cost: Float64Array
  /** From p to q at `p * deviceCount + q`; Infinity on the diagonal, so that `data / bandwidth` is 0 there. */
  readonly bandwidth: Float64Array
  /** Arithmetic mean over the pairs of different devices. */
  readonly meanBandwidth: number
  /** Between any two devices where it is the same for all of them, null where it is not. The mean of equals may be off by a bit. */
  readonly uniformBandwidth: number | null
  /** Edges by the task they leave, in the order they were given. */
  readonly successors: Edges
  /** The same edges by the task they enter, in the order they were given. */
  readonly predecessors: Edges
  /** From when each device is free. */
  readonly availableAt: Float64Array
  /** The device a task already has, or -1. A fixed task is done or runs: `availableAt` counts it, nothing moves it. */
  readonly fixedDevice: Int32Array
  /** When a fixed task started. */
  readonly fixedStart: Float64Array
}

/** Compressed rows: those of task i are `first[i]` to `first[i + 1] - 1`. */
export interface Edges {
  readonly first: Int32Array
  /** The task at the other end. */
  readonly task: Int32Array
  readonly data: Float64Array
}

export interface DagInput {
  taskCount: number
  deviceCount: number
  /** As {@link Dag.cost}. */
  cost: Float64Array
  /** One for all pairs, or by pair; the diagonal has no meaning. */
  bandwidth: number | readonly (readonly number[])[]
  /** From a task to one of a higher number. */
  edges: readonly { from: number; to: number; data: number }[]
  availableAt?: readonly number[]
  /** By task. Whatever a fixed task depends on is fixed too. */
  fixed?: ReadonlyMap<number, { device: number; start: number }>
}

/** @throws AppError `compute.invalid_input` when a task can run nowhere, or depends on one that is not fixed although it is. */
export function createDag(input: DagInput): Dag {
  const { taskCount, deviceCount, cost, edges } = input
  const bandwidth = new Float64Array(deviceCount * deviceCount).fill(Number.POSITIVE_INFINITY)
  let sum = 0
  let pairs = 0
  const different = new Set<number>()
  for (let p = 0; p < deviceCount; p++) {
    for (let q = 0; q < deviceCount; q++) {
      if (p === q) continue
      const one = typeof input.bandwidth === 'number' ? input.bandwidth : input.bandwidth[p]![q]!
      bandwidth[p * deviceCount + q] = one
      sum += one
      pairs++
      different.add(one)
    }
  }
  const mean = pairs > 0 ? sum / pairs : Number.POSITIVE_INFINITY
  const fixedDevice = new Int32Array(taskCount).fill(-1)
  const fixedStart = new Float64Array(taskCount)
  for (const [task, { device, start }] of input.fixed ?? []) {
    fixedDevice[task] = device
    fixedStart[task] = start
  }
  const dag: Dag = {
    taskCount,
    deviceCount,
    cost,
    bandwidth,
    meanBandwidth: typeof input.bandwidth === 'number' && pairs > 0 ? input.bandwidth : mean,
    uniformBandwidth: different.size > 1 ? null : (bandwidth[1] ?? Number.POSITIVE_INFINITY),
    successors: rowsOf(taskCount, edges, (edge) => [edge.from, edge.to]),
    predecessors: rowsOf(taskCount, edges, (edge) => [edge.to, edge.from]),
    availableAt: Float64Array.from(input.availableAt ?? new Array<number>(deviceCount).fill(0)),
    fixedDevice,
    fixedStart,
  }
  assertRunnable(dag)
  return dag
}

/** The same graph with every edge turned round: what is last comes first. Nothing is fixed in it. */
export function reversed(dag: Dag): Dag {
  const { taskCount, deviceCount } = dag
  const last = taskCount - 1
  const cost = new Float64Array(dag.cost.length)
  for (let i = 0; i < taskCount; i++) {
    cost.set(dag.cost.subarray(i * deviceCount, (i + 1) * deviceCount), (last - i) * deviceCount)
  }
  const bandwidth = new Float64Array(dag.bandwidth.length)
  for (let p = 0; p < deviceCount; p++) {
    for (let q = 0; q < deviceCount; q++) {
      bandwidth[q * deviceCount + p] = dag.bandwidth[p * deviceCount + q]!
    }
  }
  return {
    ...dag,
    cost,
    bandwidth,
    successors: mirrored(dag.predecessors, last),
    predecessors: mirrored(dag.successors, last),
    availableAt: new Float64Array(deviceCount),
    fixedDevice: new Int32Array(taskCount).fill(-1),
  }
}

function mirrored(edges: Edges, last: number): Edges {
  const first = new Int32Array(edges.first.length)
  const task = new Int32Array(edges.task.length)
  const data = new Float64Array(edges.data.length)
  let at = 0
  for (let i = last; i >= 0; i--) {
    for (let k = edges.first[i]!; k < edges.first[i + 1]!; k++) {
      task[at] = last - edges.task[k]!
      data[at++] = edges.data[k]!
    }
    first[last - i + 1] = at
  }
  return { first, task, data }
}

type InputEdge = DagInput['edges'][number]

function rowsOf(
  taskCount: number,
  edges: readonly InputEdge[],
  ends: (edge: InputEdge) => [row: number, other: number],
): Edges {
  const first = new Int32Array(taskCount + 1)
  for (const edge of edges) first[ends(edge)[0] + 1]!++
  for (let i = 0; i < taskCount; i++) first[i + 1]! += first[i]!
  const next = first.slice()
  const task = new Int32Array(edges.length)
  const data = new Float64Array(edges.length)
  for (const edge of edges) {
    const [row, other] = ends(edge)
    const at = next[row]!++
    task[at] = other
    data[at] = edge.data
  }
  return { first, task, data }
}

function assertRunnable({ taskCount, deviceCount, cost, predecessors, fixedDevice }: Dag): void {
  for (let i = 0; i < taskCount; i++) {
    const row = cost.subarray(i * deviceCount, (i + 1) * deviceCount)
    if (!row.some(Number.isFinite)) throw invalid(`Task ${i} can run on no device.`, { task: i })
    const device = fixedDevice[i]!
    if (device < 0) continue
    if (!Number.isFinite(row[device]))
      throw invalid(`Task ${i} is fixed to a device it cannot run on.`, { task: i })
    for (let k = predecessors.first[i]!; k < predecessors.first[i + 1]!; k++) {
      if (fixedDevice[predecessors.task[k]!]! < 0) {
        throw invalid(`Task ${i} is fixed, but one that it waits for is not.`, { task: i })
      }
    }
  }
}

function invalid(message: string, details: Record<string, unknown>): AppError {
  return new AppError('compute.invalid_input', message, details)
}
