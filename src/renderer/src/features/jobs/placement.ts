import type { Device, Placement } from '@shared/contract'
import { entriesOf, type ResourceVector } from '@shared/domain/resources'
import { deviceLabel } from '../../lib/devices'

/** Where a job runs, in short; null before it is placed. */
export function placementText(
  placement: Placement | null,
  devices: ReadonlyMap<string, Device>,
): string | null {
  if (!placement || placement.length === 0) return null
  return [...new Set(placement.map(({ device }) => deviceLabel(device, devices)))].join(', ')
}

/**
 * A vector as words: `CPU cores 2 · Memory 4 GB`.
 * @param name what a resource is called; @param amount how much of it, with its unit
 */
export function vectorText(
  vector: ResourceVector,
  name: (resource: string) => string,
  amount: (resource: string, value: number) => string,
): string {
  return entriesOf(vector)
    .map(([resource, value]) => `${name(resource)} ${amount(resource, value)}`)
    .join(' · ')
}
