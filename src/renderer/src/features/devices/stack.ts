import type { Lease, Resources } from '@shared/contract'
import { entriesOf } from '@shared/domain/resources'

/** A part of a device's capacity that somebody has; `share` is 0 to 1 of the whole. */
export type Segment =
  | { kind: 'lease'; lease: Lease; amount: number; share: number }
  | { kind: 'foreign'; amount: number; share: number }

/** What lies on a device of one resource, stacked to its capacity: leases, oldest first, then programs outside. */
export function stackOf(
  { device, resource, capacity }: { device: string; resource: string; capacity: number },
  leases: Iterable<Lease>,
  foreignOn: Resources['foreignOn'],
): Segment[] {
  const amountOf = (vector: Lease['need']) => new Map(entriesOf(vector)).get(resource) ?? 0
  const held = [...leases]
    .filter(({ state }) => state === 'granted')
    .map((lease) => ({
      lease,
      amount: lease.placement
        .filter((part) => part.device === device)
        .reduce((sum, { amounts }) => sum + amountOf(amounts), 0),
    }))
    .filter(({ amount }) => amount > 0)
    .sort((a, b) => (a.lease.createdAt < b.lease.createdAt ? -1 : 1))
    .map(({ lease, amount }): Segment => ({ kind: 'lease', lease, amount, share: amount / capacity }))
  const taken = held.reduce((sum, { share }) => sum + share, 0)
  const outside = foreignOn.find((part) => part.device === device)
  const amount = outside ? amountOf(outside.amounts) : 0
  // Where programs outside took what had been granted before, the bar is full all the same.
  const share = Math.min(amount / capacity, Math.max(0, 1 - taken))
  return amount > 0 ? [...held, { kind: 'foreign', amount, share }] : held
}
