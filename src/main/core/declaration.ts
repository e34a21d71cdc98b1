import type { Device, DeviceDeclaration } from '../../shared/contract'
import type { DeviceId, PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { toQuanta, toVector } from './quanta'

/** What a kind of device may offer beside custom resources; placing looks for these nowhere else. */
const OFFERS: Record<Device['kind'], string[]> = {
  cpu: ['cpuCores', 'memoryBytes'],
  gpu: ['gpu', 'gpuMemoryBytes'],
  npu: ['npu'],
  fpga: ['fpga'],
}

/** @throws AppError `system.invalid` naming what is wrong with the declaration */
export function declaredDevice(
  id: DeviceId,
  declaration: DeviceDeclaration,
  by: PrincipalId,
  existing: readonly Device[],
): Device {
  const { kind, name } = declaration
  const capacity = toQuanta(declaration.capacity)
  if (capacity.size === 0) {
    throw new AppError(
      'system.invalid',
      'A device must offer something: give its capacity an amount above 0.',
      {
        field: 'capacity',
      },
    )
  }
  for (const resource of capacity.keys()) {
    if (resource.startsWith('custom.') || OFFERS[kind].includes(resource)) continue
    throw new AppError(
      'system.invalid',
      `A device of kind ${kind} offers ${OFFERS[kind].join(', ')} and custom resources, not ${resource}. Name it as a custom resource, or choose another kind.`,
      { field: `capacity.${resource}` },
    )
  }
  const twin = existing.find(
    (device) =>
      device.origin === 'declared' &&
      device.kind === kind &&
      device.name.toLowerCase() === name.toLowerCase(),
  )
  if (twin) {
    throw new AppError(
      'system.invalid',
      `A ${kind} named "${name}" is declared already. Remove it first, or choose another name.`,
      {
        field: 'name',
        device: twin.id,
      },
    )
  }
  return {
    id,
    kind,
    name,
    vendor: declaration.vendor,
    origin: 'declared',
    capacity: toVector(capacity),
    properties: declaration.properties,
    health: 'ok',
    foundBy: `declared by ${by}`,
    yieldsToOthers: false,
  }
}
