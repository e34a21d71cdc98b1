import type { Device, Placement } from '@shared/contract'
import { deviceLabel } from '../../lib/devices'

/** Where a job runs, in short; null before it is placed. */
export function placementText(
  placement: Placement | null,
  devices: ReadonlyMap<string, Device>,
): string | null {
  if (!placement || placement.length === 0) return null
  return [...new Set(placement.map(({ device }) => deviceLabel(device, devices)))].join(', ')
}
