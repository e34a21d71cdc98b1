import type { Job, Lease, Named, Resources, WaitCause } from '@shared/contract'
import { entriesOf } from '@shared/domain/resources'

/** One thing that keeps a job waiting, in the order a person would ask. */
export type Cause =
  | { kind: 'held' }
  | { kind: 'dependency'; job: string }
  /** In its way, as the sentence says; one without a name the reader may not see. */
  | { kind: 'job'; job: Pick<Named, 'id' | 'name'> }
  | { kind: 'needs'; resource: string; amount: number; free: number; capacity: number }
  | { kind: 'lease'; resource: string; amount: number; lease: Lease }
  | { kind: 'foreign'; resource: string; amount: number }

const LEASES_SHOWN = 3

/** What these wait for is not to be had from the machine, however much of it is free. */
const NOT_OF_THE_MACHINE: ReadonlySet<WaitCause['kind']> = new Set([
  'dependencies',
  'retry',
  'quota',
  'budget',
  'engine',
  'engines',
  'runtime',
])

/** The jobs that a reason names. */
function jobsNamedBy(cause: WaitCause): Pick<Named, 'id' | 'name'>[] {
  switch (cause.kind) {
    case 'behind_job':
    case 'engine':
    case 'engines':
      return cause.job === null ? [] : [cause.job]
    case 'preempts':
      return cause.jobs
    case 'preempted':
      return [cause.by]
    case 'resources':
    case 'room':
      return cause.holders.filter(({ kind }) => kind === 'job')
    default:
      return []
  }
}

/**
 * Why a queued job does not run, from what the window knows: the jobs that it waits for or that go before it, what it needs and is short of, who
 * holds that, what other programs use. How many come before it the system says in its sentence. Empty for a job that does not wait.
 */
export function causesOf(job: Job, leases: Iterable<Lease>, resources: Resources | null): Cause[] {
  if (job.state === 'held') return [{ kind: 'held' }]
  if (job.state !== 'queued') return []
  const causes = job.waitCauses.flatMap((cause): Cause[] =>
    cause.kind === 'dependencies' ? cause.jobs.map((id) => ({ kind: 'dependency', job: id })) : [],
  )
  if (resources && !job.waitCauses.some(({ kind }) => NOT_OF_THE_MACHINE.has(kind))) {
    const amounts = (vector: Resources['capacity']) => new Map(entriesOf(vector))
    const available = amounts(resources.available)
    const capacity = amounts(resources.capacity)
    const foreign = amounts(resources.foreign)
    // There may be enough in sum, and too little on each device.
    const short = new Set(
      job.waitCauses.flatMap((cause) =>
        cause.kind === 'resources' || cause.kind === 'unfit'
          ? entriesOf(cause.wanted).map(([name]) => name)
          : [],
      ),
    )
    const granted = [...leases].filter((lease) => lease.state === 'granted')
    for (const [resource, amount] of entriesOf(job.need)) {
      const free = available.get(resource) ?? 0
      if (free >= amount && !short.has(resource)) continue
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
  }
  const held = new Set(causes.flatMap((cause) => (cause.kind === 'lease' ? (cause.lease.job ?? []) : [])))
  const named = new Map(job.waitCauses.flatMap(jobsNamedBy).map((other) => [other.id, other]))
  const others = [...named.values()].filter(({ id }) => !held.has(id))
  return [...others.map((other): Cause => ({ kind: 'job', job: other })), ...causes]
}
