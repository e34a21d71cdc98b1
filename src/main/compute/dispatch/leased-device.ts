import type { Device, Placement } from '../../../shared/contract'
import type { LeasedDevice } from '../../executors/local'

/** The accelerator that a job computes on: the first GPU or NPU it was granted; null: none. */
export function leasedDevice(devices: readonly Device[], placement: Placement | null): LeasedDevice | null {
  for (const part of placement ?? []) {
    const device = devices.find(({ id }) => id === part.device)
    if (!device || ((part.amounts.gpu ?? 0) === 0 && (part.amounts.npu ?? 0) === 0)) continue
    const { id, kind, vendor, properties } = device
    const { uuid } = properties
    const isOnly = devices.filter((other) => other.kind === kind).length === 1
    return { id, kind, vendor, uuid: typeof uuid === 'string' ? uuid : null, isOnly }
  }
  return null
}

/** The device that does the work of a job: its accelerator, else what its cores lie on; null where it holds nothing. */
export function workingDevice(placement: Placement | null): string | null {
  const parts = placement ?? []
  const accelerator = parts.find(({ amounts: { gpu, npu, fpga } }) => gpu || npu || fpga)
  return (accelerator ?? parts[0])?.device ?? null
}
