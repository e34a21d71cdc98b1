import type { Job, Lease, Resources } from '@shared/contract'
import { entriesOf } from '@shared/domain/resources'

/** One thing that keeps a job waiting, in the order a person would ask. */
export type Cause =
  | { kind: 'held' }
  | { kind: 'needs'; resource: string; amount: number; free: number; capacity: number }
  | { kind: 'lease'; resource: string; amount: number; lease: Lease }
  | { kind: 'foreign'; resource: string; amount: number }

const LEASES_SHOWN = 3

/**
 * Why a queued job does not run, from what the window knows, beside what the system says in a sentence: what it needs and
 * is short of, who holds that, what other programs use. Empty for a job that does not wait, and where nothing is known.
 */
export function causesOf(job: Job, leases: Iterable<Lease>, resources: Resources | null): Cause[] {
  if (job.state === 'held') return [{ kind: 'held' }]
  if (job.state !== 'queued' || !resources) return []
  const causes: Cause[] = []
  const amounts = (vector: Resources['capacity']) => new Map(entriesOf(vector))
  const available = amounts(resources.available)
  const capacity = amounts(resources.capacity)
  const foreign = amounts(resources.foreign)
  const granted = [...leases].filter((lease) => lease.state === 'granted')
  for (const [resource, amount] of entriesOf(job.need)) {
    const free = available.get(resource) ?? 0
    if (free >= amount) continue
    causes.push({ kind: 'needs', resource, amount, free, capacity: capacity.get(resource) ?? 0 })
    const holding = granted
      .map((lease) => ({ lease, held: new Map(entriesOf(lease.need)).get(resource) ?? 0 }))
      .filter(({ held }) => held > 0)
      .sort((a, b) => b.held - a.held)
    for (const { lease, held } of holding.slice(0, LEASES_SHOWN)) {
      causes.push({ kind: 'lease', resource, amount: held, lease })
    }
    const outside = foreign.get(resource) ?? 0
    if (outside > 0) causes.push({ kind: 'foreign', resource, amount: outside })
  }
  return causes
}
