import type {
  Device,
  ForeignHolder,
  Holder,
  Lease,
  Named,
  WaitCause,
  WaitCauseOf,
} from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'
import { addVectors, entriesOf, type ResourceVector, subtractVectors } from '../../../shared/domain/resources'
import type { KeptRoom } from '../../core'
import { toIso } from '../../platform/clock'
import { aheadOf } from './ahead'
import { Heads, type UrgencyOf } from './heads'
import { placeOrNull } from './place-or-null'
import { positionIn } from './rank'
import { Space } from './space'
import type { Block, Plan, QueueClass, QueuedJob } from './types'

export interface Explained {
  id: JobId
  causes: WaitCause[]
}

export interface ExplainInput {
  nowMs: number
  classes: readonly QueueClass[]
  plan: Plan
  leases: readonly Lease[]
  /** Room that is kept for a request for a lease. */
  kept?: KeptRoom | null
  /** Programs outside, with what of theirs is not granted. */
  foreign?: readonly ForeignHolder[]
  /** Devices that are gone, or not fit for work. */
  unfit?: readonly Pick<Device, 'name' | 'capacity'>[]
  /** When the job of a lease is expected to end, in ms from now; null where unknown. */
  endsInMs(job: string): number | null
  urgencyOf: UrgencyOf
  /** Jobs that run on engines of a version; null: of any. */
  jobsOn(engineKey: string | null): string[]
  named(job: string): Named
}

const HOLDERS_NAMED = 2
/** In the way of all of a class; room only of its first. */
export const OF_ALL: ReadonlySet<Block['kind']> = new Set(['quota', 'budget', 'runtime'])

/**
 * Why jobs wait, by what a turn decided. What those of a class wait for is worked out once for all of them: there may be
 * thousands.
 */
export class Explainer {
  readonly #input: ExplainInput
  readonly #common = new Map<QueueClass, WaitCause>()

  constructor(input: ExplainInput) {
    this.#input = input
  }

  /** The first `limit` jobs in the order of the queue. */
  first(limit: number): Explained[] {
    const heads = new Heads(this.#input.classes, this.#input.urgencyOf)
    const explained: Explained[] = []
    for (let head = heads.pop(); head && explained.length < limit; head = heads.pop()) {
      const { group, index, job } = head
      explained.push({ id: job.id, causes: this.#causesAt(group, index, explained.length) })
      heads.follow(head)
    }
    return explained
  }

  /** One job, however far back it stands. */
  one(group: QueueClass, job: QueuedJob): WaitCause[] {
    const { classes, urgencyOf } = this.#input
    const ahead = aheadOf(classes, group, job, urgencyOf).reduce((sum, [, count]) => sum + count, 0)
    return this.#causesAt(group, positionIn(group.jobs, job), ahead)
  }

  #causesAt(group: QueueClass, index: number, jobsAhead: number): WaitCause[] {
    const behind: WaitCause = { kind: 'behind', jobs: jobsAhead }
    const block = this.#input.plan.blocked.get(group.key)
    if (!block) return [behind]
    if (index > 0 && !OF_ALL.has(block.kind)) return [behind, this.#commonCause(group, block)]
    if (block.kind === 'preempts') return [causeOf(block, group, this.#input)]
    const cause = this.#commonCause(group, block)
    return ['jobsAhead' in cause ? { ...cause, jobsAhead } : cause]
  }

  #commonCause(group: QueueClass, block: Block): WaitCause {
    const known = this.#common.get(group)
    if (known) return known
    // Others make room for the first alone.
    const cause = causeOf(block.kind === 'preempts' ? { kind: 'resources' } : block, group, this.#input)
    this.#common.set(group, cause)
    return cause
  }
}

/** How many jobs go before is another matter for each of a class: here none. */
function causeOf(block: Block, group: QueueClass, input: ExplainInput): WaitCause {
  switch (block.kind) {
    case 'resources': {
      const wanted = new Space(input.plan.left, placeOrNull).lackOf(group).need
      const reserved = reservedCause(wanted, group.need, group, input)
      return (
        reserved ??
        unfitCause(wanted, group, input) ?? { kind: 'resources', wanted, ...contestOf(wanted, input) }
      )
    }
    case 'room': {
      const memory = { memoryBytes: block.memoryBytes }
      const reserved = reservedCause(memory, addVectors(group.need, memory), group, input)
      return reserved ?? { ...block, ...contestOf(memory, input) }
    }
    case 'quota':
      return { kind: 'quota', exceeded: block.missing }
    case 'budget': {
      const { freeAt, ...usedUp } = block.usedUp
      return { kind: 'budget', ...usedUp, resetsAt: freeAt === null ? null : toIso(freeAt) }
    }
    case 'engine':
      return { kind: 'engine', model: group.engineKey.split('#')[0] ?? '', ...userOf(group.engineKey, input) }
    case 'engines':
      return { ...block, ...userOf(null, input) }
    case 'runtime':
      return block
    case 'faster':
      return { kind: 'faster', device: block.device, freeInMs: roughly(block.freeAt - input.nowMs) }
    case 'preempts':
      return { kind: 'preempts', jobs: block.jobs.map(input.named) }
    case 'held-back':
      return { kind: 'behind_job', job: input.named(block.by) }
  }
}

/** Null where it would not fit even if no room were kept for a request. */
function reservedCause(
  wanted: ResourceVector,
  need: ResourceVector,
  { place }: QueueClass,
  { kept }: ExplainInput,
): WaitCause | null {
  if (!kept || placeOrNull(need, kept.devices, place ?? undefined) === null) return null
  return { kind: 'reserved', wanted, request: { name: kept.purpose, principal: kept.holder } }
}

/** Null unless it would not fit if all ended, and there are devices that could have been meant for it. */
function unfitCause(
  wanted: ResourceVector,
  group: QueueClass,
  { plan, unfit = [] }: ExplainInput,
): WaitCause | null {
  const empty = plan.left.map((device) => ({
    ...device,
    free: subtractVectors(device.capacity, device.outside ?? {}),
  }))
  if (placeOrNull(group.need, empty, group.place ?? undefined) !== null) return null
  const names = entriesOf(wanted).map(([name]) => name)
  const devices = unfit.filter(({ capacity }) => entriesOf(capacity).some(([name]) => names.includes(name)))
  return devices.length === 0 ? null : { kind: 'unfit', wanted, devices: devices.map(({ name }) => name) }
}

/** Of the jobs on engines of a version the one that is expected to end first. */
function userOf(engineKey: string | null, { jobsOn, endsInMs, named }: ExplainInput) {
  const [first] = jobsOn(engineKey)
    .map((job) => ({ job, endsInMs: endsInMs(job) }))
    .sort((a, b) => (a.endsInMs ?? Number.POSITIVE_INFINITY) - (b.endsInMs ?? Number.POSITIVE_INFINITY))
  if (!first) return { job: null, endsInMs: null }
  return { job: named(first.job), endsInMs: roughlyIfKnown(first.endsInMs) }
}

/** The largest by name, of each resource that is short, and how many more. */
function contestOf(
  wanted: ResourceVector,
  input: ExplainInput,
): Pick<WaitCauseOf<'resources'>, 'holders' | 'moreHolders' | 'jobsAhead'> {
  const held = entriesOf(wanted).map(([resource]) => holdersOf(resource, input))
  const named = held.flatMap((holders) => holders.slice(0, held.length > 1 ? 1 : HOLDERS_NAMED))
  const all = new Set(held.flat().map(({ key }) => key))
  for (const { key } of named) all.delete(key)
  return { holders: named.map(({ holder }) => holder), moreHolders: all.size, jobsAhead: 0 }
}

/** Those with the most of it first. */
function holdersOf(
  resource: string,
  { nowMs, leases, foreign = [], named, endsInMs }: ExplainInput,
): { key: object; holder: Holder }[] {
  const ofLease = (lease: Lease): Named & Pick<Holder, 'kind' | 'endsInMs'> => {
    const { id, job, purpose, holder: principal, expiresAt } = lease
    if (job !== null) return { kind: 'job', ...named(job), endsInMs: roughlyIfKnown(endsInMs(job)) }
    const expiresInMs = expiresAt === null ? null : Date.parse(expiresAt) - nowMs
    return { kind: 'lease', id, name: purpose, principal, endsInMs: roughlyIfKnown(expiresInMs) }
  }
  const inside = leases.flatMap((lease) => {
    const amount = amountIn(lease.need, resource)
    return amount > 0 ? [{ key: lease, holder: { ...ofLease(lease), resource, amount } }] : []
  })
  const outside = foreign.flatMap((one) => {
    const amount = foreignIn(one, resource)
    const { pid, name } = one
    const program: Named = { id: `${pid}`, name, principal: null }
    const holder: Holder = { kind: 'outside', ...program, resource, amount, endsInMs: null }
    return amount > 0 ? [{ key: one, holder }] : []
  })
  return [...inside, ...outside].sort((a, b) => b.holder.amount - a.holder.amount)
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
function roughly(ms: number): number {
  const step = ms < 60_000 ? 10_000 : 60_000
  return Math.max(0, Math.ceil(ms / step) * step)
}

function roughlyIfKnown(ms: number | null): number | null {
  return ms === null ? null : roughly(ms)
}
