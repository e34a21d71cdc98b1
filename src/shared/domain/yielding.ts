import type { Device } from '../contract'

/** Whether it is known how much of a device each program keeps busy, so that it can be left to those outside. */
export function canYield({
  kind,
  origin,
  vendor,
  properties,
}: Pick<Device, 'kind' | 'origin' | 'vendor' | 'properties'>): boolean {
  if (origin !== 'detected') return false
  return kind === 'cpu' || (kind === 'gpu' && vendor === 'NVIDIA' && properties['migInstance'] === undefined)
}
