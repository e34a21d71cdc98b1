import { TIMED_RESOURCES, type TimedResource, type UsedUp } from '../../../shared/domain/budget'
import type { PrincipalId } from '../../../shared/domain/ids'
import { addVectors, entriesOf, type ResourceVector } from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'
import { dominantShare } from './fair-share'

/** Dominant share of the machine that `need` is, 0 to 1; 1 when the machine could not hold it. */
export function shareOfMachine(need: ResourceVector, capacity: ResourceVector): number {
  const have = new Map(entriesOf(capacity))
  const wanted = entriesOf(need)
  const amounts = wanted.map(([, amount]) => amount)
  return Math.min(
    1,
    dominantShare(
      amounts,
      wanted.map(([name]) => have.get(name) ?? 0),
    ),
  )
}

/** What a job counts for in the quota of its principal: what it leases, and the memory of its engine. */
export function chargeOf({
  need,
  load,
}: {
  need: ResourceVector
  load: { memoryBytes: number }
}): ResourceVector {
  return addVectors(need, { memoryBytes: load.memoryBytes })
}

/** Of the principals of these classes; 1 where none waits. */
export function leastWeightOf(
  classes: readonly { principal: PrincipalId }[],
  weights: ReadonlyMap<PrincipalId, number> | undefined,
): number {
  if (!weights || weights.size === 0 || classes.length === 0) return 1
  return classes.reduce(
    (least, { principal }) => Math.min(least, weights.get(principal) ?? 1),
    Number.POSITIVE_INFINITY,
  )
}

/** The budget that is used up and that the need would use, if there is one: then a job waits, and does not go on. */
export function usedUpFor(
  need: ResourceVector,
  usedUp: readonly UsedUp<TimedResource>[],
): UsedUp<TimedResource> | undefined {
  return usedUp.find(({ resource }) => (need[TIMED_RESOURCES[resource]] ?? 0) > 0)
}

/** What all that are fit have together. */
export function capacityOf(devices: readonly FreeDevice[]): ResourceVector {
  let capacity: ResourceVector = {}
  for (const device of devices) if (device.healthy) capacity = addVectors(capacity, device.capacity)
  return capacity
}
