import type { Device, Placement } from '../../../shared/contract'
import type { PlaceHints } from '../../../shared/domain/place-hints'
import { numaNodeOf } from '../../core'
import type { LeasedDevice } from '../../executors/local'

/** The accelerator that a job computes on: the first GPU or NPU it was granted, and what it has beside it; null: none. */
export function leasedDevice(devices: readonly Device[], placement: Placement | null): LeasedDevice | null {
  const granted = (placement ?? []).flatMap(({ device: id, amounts: { gpu = 0, npu = 0 } }) =>
    gpu + npu > 0 ? devices.filter((device) => device.id === id) : [],
  )
  const [first, ...others] = granted
  if (!first) return null
  const { id, kind, vendor } = first
  const isOnly = devices.filter((other) => other.kind === kind).length === 1
  const alike = others.filter((other) => other.kind === kind && other.vendor === vendor)
  return {
    id,
    kind,
    vendor,
    uuid: uuidOf(first),
    isOnly,
    more: alike.flatMap((other) => uuidOf(other) ?? []),
  }
}

function uuidOf({ properties: { uuid } }: Device): string | null {
  return typeof uuid === 'string' ? uuid : null
}

/** The device that does the work of a job: its accelerator, else what its cores lie on; null where it holds nothing. */
export function workingDevice(placement: Placement | null): string | null {
  const parts = placement ?? []
  const accelerator = parts.find(({ amounts: { gpu, npu, fpga } }) => gpu || npu || fpga)
  return (accelerator ?? parts[0])?.device ?? null
}

/** The memory node that is named for a job, else that of the device that does its work; null where neither is known. */
export function nearestNode(
  devices: readonly Device[],
  place: PlaceHints | null,
  placement: Placement | null,
): number | null {
  if (typeof place?.numaNode === 'number') return place.numaNode
  const id = workingDevice(placement)
  const device = devices.find((other) => other.id === id)
  return device ? numaNodeOf(device) : null
}
