import type { Device, DeviceKind } from '../../../shared/contract'

const KIND_NAMES: Record<DeviceKind, string> = { cpu: 'CPU', gpu: 'GPU', npu: 'NPU', fpga: 'FPGA' }
const ORDER: readonly DeviceKind[] = ['gpu', 'cpu', 'npu', 'fpga']

/** `CPU`, or `GPU 1` where there are several of a kind; the id of a device that has gone. */
export function deviceLabel(id: string, devices: ReadonlyMap<string, Device>): string {
  const device = devices.get(id)
  if (!device) return id
  const siblings = [...devices.values()].filter((other) => other.kind === device.kind)
  const name = KIND_NAMES[device.kind]
  return siblings.length > 1 ? `${name} ${siblings.findIndex((other) => other.id === id)}` : name
}

/** Graphics first, then the host, then the rest; by name within a kind. */
export function byKind(a: Device, b: Device): number {
  return ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.name.localeCompare(b.name)
}

/** The NUMA nodes that some device is known to be on, in their order. */
export function numaNodesOf(devices: ReadonlyMap<string, Device>): number[] {
  const nodes = [...devices.values()].map(({ properties }) => properties['numaNode'])
  return [...new Set(nodes.filter((node) => typeof node === 'number'))].sort((a, b) => a - b)
}
