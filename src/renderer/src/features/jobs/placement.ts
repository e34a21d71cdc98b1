import type { Device, DeviceKind, Placement } from '@shared/contract'
import { entriesOf, type ResourceVector } from '@shared/domain/resources'

const KIND_NAMES: Record<DeviceKind, string> = { cpu: 'CPU', gpu: 'GPU', npu: 'NPU', fpga: 'FPGA' }

/** `CPU`, or `GPU 1` where there are several of a kind. */
export function deviceLabel(id: string, devices: ReadonlyMap<string, Device>): string {
  const device = devices.get(id)
  if (!device) return id
  const siblings = [...devices.values()].filter((other) => other.kind === device.kind)
  const name = KIND_NAMES[device.kind]
  return siblings.length > 1 ? `${name} ${siblings.findIndex((other) => other.id === id)}` : name
}

/** Where a job runs, in short; null before it is placed. */
export function placementText(
  placement: Placement | null,
  devices: ReadonlyMap<string, Device>,
): string | null {
  if (!placement || placement.length === 0) return null
  return [...new Set(placement.map(({ device }) => deviceLabel(device, devices)))].join(', ')
}

/**
 * A vector as words: `2 CPU cores · 4 GB memory`.
 * @param name what a resource is called; @param amount how much of it, with its unit
 */
export function vectorText(
  vector: ResourceVector,
  name: (resource: string) => string,
  amount: (resource: string, value: number) => string,
): string {
  return entriesOf(vector)
    .map(([resource, value]) => `${amount(resource, value)} ${name(resource)}`)
    .join(' · ')
}
