import { z } from 'zod'
import type { DeviceId } from '../../../../shared/domain/ids'
import { entriesOf, vectorFrom } from '../../../../shared/domain/resources'
import { AppError } from '../../../../shared/errors'
import type { FreeDevice } from '../../../core'

const Nodes = z.union([z.array(z.unknown()), z.object({ nodes: z.array(z.unknown()) })])
const Node = z.object({
  id: z.union([z.string(), z.number()]),
  cap: z.array(z.number().finite().nonnegative()),
})
/** What accelerators offer; all else is the host's. */
const PARTS = { gpu: ['gpu', 'gpuMemoryBytes'], npu: ['npu'], fpga: ['fpga'] } as const

/** The nodes of a file that holds a list of them, or a case. @throws AppError `system.invalid` */
export function nodesOf(file: unknown): unknown[] {
  const parsed = Nodes.safeParse(file)
  if (!parsed.success) throw invalid('Give the devices as a list of {id, cap}, or as a queue case.')
  return Array.isArray(parsed.data) ? parsed.data : parsed.data.nodes
}

/** Nodes as devices: one for what the host of each has, and one for each kind of accelerator. @throws AppError `system.invalid` */
export function devicesOf(nodes: readonly unknown[], resources: readonly string[]): FreeDevice[] {
  return nodes.flatMap((node) => {
    const parsed = Node.safeParse(node)
    if (!parsed.success || parsed.data.cap.length !== resources.length)
      throw invalid(`Give each device as {id, cap}, cap with the amounts of ${resources.join(', ')}.`)
    const { id, cap } = parsed.data
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

function invalid(message: string): AppError {
  return new AppError('system.invalid', message, { field: 'nodes' })
}
