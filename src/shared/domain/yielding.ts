import type { Device } from '../contract'

/** Drivers of Linux that tell in `/proc` what each program does on their GPUs. */
export const TELLING_DRIVERS: readonly unknown[] = ['amdgpu', 'i915', 'xe']

export function isToldByKernel({ properties }: Pick<Device, 'properties'>): boolean {
  return TELLING_DRIVERS.includes(properties['driver'])
}

/** Whether it is known how much of a device each program keeps busy, so that it can be left to those outside. */
export function canYield({
  kind,
  origin,
  vendor,
  properties,
}: Pick<Device, 'kind' | 'origin' | 'vendor' | 'properties'>): boolean {
  if (origin !== 'detected') return false
  if (kind !== 'gpu') return kind === 'cpu'
  return isToldByKernel({ properties }) || (vendor === 'NVIDIA' && properties['migInstance'] === undefined)
}
