import type { ForeignHolder, Holder, Lease, Named, WaitCauseOf } from '../../../shared/contract'
import { entriesOf, type ResourceVector } from '../../../shared/domain/resources'

export interface HoldersInput {
  nowMs: number
  leases: readonly Lease[]
  /** Programs outside, with what of theirs is not granted. */
  foreign?: readonly ForeignHolder[]
  /** When the job of a lease is expected to end, in ms from now; null where unknown. */
  endsInMs(job: string): number | null
  /** Jobs that run on engines of a version; null: of any. */
  jobsOn(engineKey: string | null): string[]
  named(job: string): Named
}

type Contest = Pick<WaitCauseOf<'resources'>, 'holders' | 'moreHolders' | 'jobsAhead'>
type User = Pick<WaitCauseOf<'engine'>, 'job' | 'endsInMs'>

/** Who holds a resource: the first by name, and all of them. */
interface Held {
  named: Holder[]
  all: readonly object[]
}

const HOLDERS_NAMED = 2

/**
 * Who holds what is short, and who uses engines. Worked out once for each resource and each version: hundreds of classes
 * may wait for what thousands hold.
 */
export class Holders {
  readonly #input: HoldersInput
  readonly #held = new Map<string, Held>()
  readonly #contests = new Map<string, Contest>()
  readonly #users = new Map<string | null, User>()

  constructor(input: HoldersInput) {
    this.#input = input
  }

  /** The largest by name, of each resource that is short, and how many more. */
  contestOf(wanted: ResourceVector): Contest {
    const resources = entriesOf(wanted).map(([resource]) => resource)
    return kept(this.#contests, resources.join(), () => this.#contestOf(resources))
  }

  /** Of the jobs on engines of a version the one that is expected to end first. */
  userOf(engineKey: string | null): User {
    return kept(this.#users, engineKey, () => firstToEnd(engineKey, this.#input))
  }

  #contestOf(resources: readonly string[]): Contest {
    const held = resources.map((resource) => kept(this.#held, resource, () => heldOf(resource, this.#input)))
    const namedOfEach = held.length > 1 ? 1 : HOLDERS_NAMED
    const more = new Set(held.flatMap(({ all }) => all))
    for (const { all } of held) for (const holder of all.slice(0, namedOfEach)) more.delete(holder)
    const holders = held.flatMap(({ named }) => named.slice(0, namedOfEach))
    return { holders, moreHolders: more.size, jobsAhead: 0 }
  }
}

function kept<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}

/** Those with the most of it first. */
function heldOf(resource: string, input: HoldersInput): Held {
  const { leases, foreign = [] } = input
  const inside = leases.map((lease) => ({
    key: lease,
    amount: amountIn(lease.need, resource),
    who: () => ofLease(lease, input),
  }))
  const outside = foreign.map((program) => ({
    key: program,
    amount: foreignIn(program, resource),
    who: () => ofProgram(program),
  }))
  const all = [...inside, ...outside].filter(({ amount }) => amount > 0).sort((a, b) => b.amount - a.amount)
  return {
    named: all.slice(0, HOLDERS_NAMED).map(({ amount, who }) => ({ ...who(), resource, amount })),
    all: all.map(({ key }) => key),
  }
}

type Who = Omit<Holder, 'resource' | 'amount'>

function ofLease(
  { id, job, purpose, holder: principal, expiresAt }: Lease,
  { nowMs, named, endsInMs }: HoldersInput,
): Who {
  if (job !== null) return { kind: 'job', ...named(job), endsInMs: roughlyIfKnown(endsInMs(job)) }
  const expiresInMs = expiresAt === null ? null : Date.parse(expiresAt) - nowMs
  return { kind: 'lease', id, name: purpose, principal, endsInMs: roughlyIfKnown(expiresInMs) }
}

function ofProgram({ pid, name }: ForeignHolder): Who {
  return { kind: 'outside', id: `${pid}`, name, principal: null, endsInMs: null }
}

function firstToEnd(engineKey: string | null, { jobsOn, endsInMs, named }: HoldersInput): User {
  const [first] = jobsOn(engineKey)
    .map((job) => ({ job, endsInMs: endsInMs(job) }))
    .sort((a, b) => (a.endsInMs ?? Number.POSITIVE_INFINITY) - (b.endsInMs ?? Number.POSITIVE_INFINITY))
  if (!first) return { job: null, endsInMs: null }
  return { job: named(first.job), endsInMs: roughlyIfKnown(first.endsInMs) }
}

function foreignIn(holder: ForeignHolder, resource: string): number {
  if (resource === 'gpuMemoryBytes') return holder.gpuMemoryBytes ?? 0
  if (resource === 'cpuCores' || resource === 'gpu') return holder[resource] ?? 0
  return resource === 'memoryBytes' && holder.gpuMemoryBytes === undefined ? holder.memoryBytes : 0
}

function amountIn(vector: ResourceVector, resource: string): number {
  return entriesOf(vector).find(([name]) => name === resource)?.[1] ?? 0
}

/** So coarse that the words do not change all the time. */
export function roughly(ms: number): number {
  const step = ms < 60_000 ? 10_000 : 60_000
  return Math.max(0, Math.ceil(ms / step) * step)
}

function roughlyIfKnown(ms: number | null): number | null {
  return ms === null ? null : roughly(ms)
}
