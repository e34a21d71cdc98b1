import { z } from 'zod'
import type { DeviceId } from '../../../../shared/domain/ids'
import { entriesOf, vectorFrom } from '../../../../shared/domain/resources'
import { AppError } from '../../../../shared/errors'
import type { FreeDevice } from '../../../core'
import { fitsEmpty, type Workload } from '../online/workload'
import { MOST_NODES } from '../queue-case'

const Node = z.object({
  id: z.union([z.string().max(256), z.number().finite()]),
  cap: z.array(z.number().finite().nonnegative()),
})
type Node = z.infer<typeof Node>
const Nodes = z.object({
  resources: z.array(z.string().max(256)).optional(),
  nodes: z.array(Node).min(1).max(MOST_NODES),
})
/** What accelerators offer; all else is the host's. */
const PARTS = { gpu: ['gpu', 'gpuMemoryBytes'], npu: ['npu'], fpga: ['fpga'] } as const

/**
 * The nodes of a file that holds a list of them, or a case, with their amounts in the order of `resources`. Those of a list are
 * in it already; where the file names its resources they are taken by their names, and others than these are left out.
 * @param needed the resources that jobs ask for @throws AppError `system.invalid`
 */
export function nodesOf(file: unknown, resources: readonly string[], needed: ReadonlySet<string>): Node[] {
  const parsed = Nodes.safeParse(Array.isArray(file) ? { nodes: file } : file)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(issue?.path.join('.') || 'format', `is wrong: ${issue?.message}`)
  }
  const { nodes, resources: named } = parsed.data
  const names = named ?? resources
  nodes.forEach(({ cap }, n) => {
    if (cap.length !== names.length)
      throw invalid(`nodes.${n}.cap`, `must have ${names.length} amounts, of ${names.join(', ')}`)
  })
  if (new Set(nodes.map(({ id }) => String(id))).size < nodes.length)
    throw invalid('nodes', 'has two of the same id')
  if (!named) return nodes
  if (new Set(named).size < named.length) throw invalid('resources', 'has one twice')
  const lacking = [...needed].find((name) => !named.includes(name))
  if (lacking !== undefined) throw invalid('resources', `lacks ${lacking}, which jobs ask for`)
  const columns = resources.map((name) => named.indexOf(name))
  return nodes.map(({ id, cap }) => ({ id, cap: columns.map((column) => cap[column] ?? 0) }))
}

/** Nodes as devices: one for what the host of each has, and one for each kind of accelerator. */
export function devicesOf(nodes: readonly Node[], resources: readonly string[]): FreeDevice[] {
  return nodes.flatMap(({ id, cap }) => {
    const amounts = resources.map((name, k) => [name, cap[k] ?? 0] as const)
    const ofAccelerators: string[] = Object.values(PARTS).flat()
    const device = (kind: FreeDevice['kind'], isPart: (name: string) => boolean): FreeDevice[] => {
      const capacity = vectorFrom(amounts.filter(([name]) => isPart(name)))
      if (entriesOf(capacity).length === 0) return []
      return [{ id: `${id} ${kind}` as DeviceId, kind, free: capacity, capacity, healthy: true }]
    }
    return [
      ...device('cpu', (name) => !ofAccelerators.includes(name)),
      ...(['gpu', 'npu', 'fpga'] as const).flatMap((kind) =>
        device(kind, (name) => PARTS[kind].some((part) => part === name)),
      ),
    ]
  })
}

/** A workload on other nodes, without the jobs that these could never hold. */
export function onNodes(workload: Workload, nodes: readonly Node[]): Workload {
  const { kinds, submit } = workload
  const moved = {
    ...workload,
    nodeIds: nodes.map(({ id }) => String(id)),
    capacity: Float64Array.from(nodes.flatMap(({ cap }) => cap)),
  }
  const fits = Uint8Array.from(submit, (_, job) => Number(fitsEmpty(moved, job)))
  const isKept = (_: number, job: number) => fits[job] === 1
  return {
    ...moved,
    submit: submit.filter(isKept),
    runtime: moved.runtime.filter(isKept),
    estimate: moved.estimate.filter(isKept),
    replicas: moved.replicas.filter(isKept),
    need: moved.need.filter((_, i) => fits[Math.floor(i / kinds)] === 1),
    priority: moved.priority.filter(isKept),
    user: moved.user.filter(isKept),
  }
}

/** The resources that jobs of a workload ask for. */
export function neededBy({ resources, kinds, need }: Workload): Set<string> {
  const needed = new Set<string>()
  need.forEach((amount, i) => {
    if (amount > 0) needed.add(resources[i % kinds] as string)
  })
  return needed
}

function invalid(field: string, why: string): AppError {
  return new AppError('system.invalid', `The file of devices is not valid: ${field} ${why}.`, { field })
}
