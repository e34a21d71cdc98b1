import { z } from 'zod'
import { AppError } from '../../../shared/errors'
import { OnlineScheduler } from './online/online'
import { fitsEmpty, type Workload } from './online/workload'
import { replay, type Schedule } from './replay/replay'

export const MOST_NODES = 100_000
const MOST_JOBS = 2_000_000
const MOST_KINDS = 64
const MOST_REPLICAS = 1_000_000
/** Seconds and priorities: sums of so many are still finite. */
const MOST_NUMBER = 1e15
/** Below this all are equally unimportant: what priority makes of a cost must stay finite. */
const LEAST_PRIORITY = -1_000

const amount = z.number().finite().nonnegative()
const id = z.union([z.string().max(256), z.number().finite()])
const QueueCase = z.object({
  format: z.literal('queue-case/1'),
  name: z.string().max(256).default(''),
  resources: z.array(z.string().max(256)).min(1).max(MOST_KINDS),
  nodes: z
    .array(z.object({ id, cap: z.array(amount) }))
    .min(1)
    .max(MOST_NODES),
  jobFields: z.array(z.string()).max(64).optional(),
  jobs: z.array(z.unknown()).max(MOST_JOBS),
  refs: z.unknown().optional(),
})
const FIELDS = ['submit', 'runtime', 'estimate', 'replicas', 'req', 'priority', 'user'] as const

export interface QueueCase {
  name: string
  workload: Workload
  /** Node ids as the case writes them. */
  nodeIds: readonly (string | number)[]
  /** Seconds in the case at time 0 of the workload, whose times are not negative. */
  origin: number
}

/** A start of the schedule file: row of the job, seconds, and a node for each replica. */
export interface QueueStart {
  job: number
  start: number
  nodes: (string | number)[]
}

/** A queue case as flat arrays. @throws AppError `system.invalid` that names the field which is wrong */
export function parseQueueCase(input: unknown): QueueCase {
  const parsed = QueueCase.safeParse(input)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(issue?.path.join('.') ?? '', `is wrong: ${issue?.message}`)
  }
  const { name, resources, nodes, jobs, jobFields = FIELDS } = parsed.data
  const kinds = resources.length
  const nodeIds = nodes.map((node) => node.id)
  if (new Set(nodeIds).size < nodeIds.length) throw invalid('nodes', 'has two of the same id')
  const capacity = new Float64Array(nodes.length * kinds)
  nodes.forEach(({ cap }, n) => {
    if (cap.length !== kinds)
      throw invalid(`nodes.${n}.cap`, `must have ${kinds} amounts, one for each resource`)
    capacity.set(cap, n * kinds)
  })
  const column = Object.fromEntries(FIELDS.map((field) => [field, jobFields.indexOf(field)]))
  for (const field of FIELDS) if (column[field] === -1) throw invalid('jobFields', `lacks ${field}`)
  const users = new Map<string, number>()
  const workload: Workload = {
    resources,
    kinds,
    nodeIds: nodeIds.map(String),
    capacity,
    submit: new Float64Array(jobs.length),
    runtime: new Float64Array(jobs.length),
    estimate: new Float64Array(jobs.length),
    replicas: new Int32Array(jobs.length),
    need: new Float64Array(jobs.length * kinds),
    priority: new Float64Array(jobs.length),
    user: new Int32Array(jobs.length),
    users: [],
  }
  let origin = 0
  jobs.forEach((row, job) => {
    if (!Array.isArray(row)) throw invalid(`jobs.${job}`, 'must be a list of values')
    const number = (field: (typeof FIELDS)[number], least: number) => {
      const value = row[column[field] as number]
      if (typeof value !== 'number' || !(value >= least && value <= MOST_NUMBER))
        throw invalid(`jobs.${job}`, `${field} must be a number from ${least} to ${MOST_NUMBER}`)
      return value
    }
    const submit = number('submit', -MOST_NUMBER)
    if (job === 0) origin = Math.min(0, submit)
    workload.submit[job] = submit - origin
    if (job > 0 && (workload.submit[job] as number) < (workload.submit[job - 1] as number))
      throw invalid(`jobs.${job}`, 'is submitted before the one above it; sort the jobs by submit')
    workload.runtime[job] = number('runtime', 0)
    workload.estimate[job] = number('estimate', workload.runtime[job] as number)
    const replicas = number('replicas', 1)
    if (!Number.isInteger(replicas) || replicas > MOST_REPLICAS)
      throw invalid(`jobs.${job}`, `replicas must be a whole number up to ${MOST_REPLICAS}`)
    workload.replicas[job] = replicas
    const need = z
      .array(amount)
      .length(kinds)
      .safeParse(row[column.req as number])
    if (!need.success) throw invalid(`jobs.${job}`, `req must be ${kinds} amounts, one for each resource`)
    workload.need.set(need.data, job * kinds)
    workload.priority[job] = Math.max(LEAST_PRIORITY, number('priority', -MOST_NUMBER))
    const user = String(row[column.user as number])
    if (!users.has(user)) users.set(user, users.size)
    workload.user[job] = users.get(user) as number
    if (!fitsEmpty(workload, job))
      throw invalid(`jobs.${job}`, 'asks for more than all nodes together could hold')
  })
  workload.users = [...users.keys()]
  return { name, workload, nodeIds, origin }
}

/** The schedule that the online scheduler makes, on a virtual clock; by start, then by row. */
export function scheduleQueueCase(parsed: QueueCase): QueueStart[] {
  return startsOf(parsed, replay(parsed.workload, new OnlineScheduler(parsed.workload)))
}

export function startsOf({ nodeIds, origin }: QueueCase, { start, nodes }: Schedule): QueueStart[] {
  return Array.from(start, (at, job) => ({
    job,
    start: at + origin,
    nodes: Array.from(nodes[job] ?? [], (node) => nodeIds[node] as string | number),
  })).sort((a, b) => a.start - b.start || a.job - b.job)
}

function invalid(field: string, why: string): AppError {
  return new AppError('system.invalid', `The queue case is not valid: ${field} ${why}.`, { field })
}
