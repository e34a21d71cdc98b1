import type { Device, WaitCause } from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'
import { addVectors, entriesOf, type ResourceVector, subtractVectors } from '../../../shared/domain/resources'
import type { KeptRoom } from '../../core'
import { toIso } from '../../platform/clock'
import { Ahead } from './ahead'
import { Heads, type UrgencyOf } from './heads'
import { Holders, type HoldersInput, roughly } from './holders'
import { placeOrNull } from './place-or-null'
import { positionIn } from './rank'
import { Space } from './space'
import type { Block, Plan, QueueClass, QueuedJob } from './types'

export interface Explained {
  id: JobId
  causes: WaitCause[]
}

export interface ExplainInput extends HoldersInput {
  classes: readonly QueueClass[]
  plan: Plan
  /** Room that is kept for a request for a lease. */
  kept?: KeptRoom | null
  /** Devices that are gone, or not fit for work. */
  unfit?: readonly Pick<Device, 'name' | 'capacity'>[]
  urgencyOf: UrgencyOf
}

/** In the way of all of a class; room only of its first. */
export const OF_ALL: ReadonlySet<Block['kind']> = new Set(['quota', 'budget', 'runtime'])

/**
 * Why jobs wait, by what a turn decided. What those of a class wait for is worked out once for all of them: there may be
 * thousands.
 */
export class Explainer {
  readonly #input: ExplainInput
  readonly #common = new Map<QueueClass, WaitCause>()
  readonly #holders: Holders
  /** What goes before a job, by the same present. */
  readonly ahead: Ahead

  constructor(input: ExplainInput) {
    this.#input = input
    this.#holders = new Holders(input)
    this.ahead = new Ahead(input.classes, input.urgencyOf)
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
    const ahead = this.ahead.of(group, job).reduce((sum, [, count]) => sum + count, 0)
    return this.#causesAt(group, positionIn(group.jobs, job), ahead)
  }

  #causesAt(group: QueueClass, index: number, jobsAhead: number): WaitCause[] {
    const behind: WaitCause = { kind: 'behind', jobs: jobsAhead }
    const block = this.#input.plan.blocked.get(group.key)
    if (!block) return [behind]
    if (index > 0 && !OF_ALL.has(block.kind)) return [behind, this.#commonCause(group, block)]
    if (block.kind === 'preempts') return [causeOf(block, group, this.#input, this.#holders)]
    const cause = this.#commonCause(group, block)
    return ['jobsAhead' in cause ? { ...cause, jobsAhead } : cause]
  }

  #commonCause(group: QueueClass, block: Block): WaitCause {
    const known = this.#common.get(group)
    if (known) return known
    // Others make room for the first alone.
    const forAll: Block = block.kind === 'preempts' ? { kind: 'resources' } : block
    const cause = causeOf(forAll, group, this.#input, this.#holders)
    this.#common.set(group, cause)
    return cause
  }
}

/** How many jobs go before is another matter for each of a class: here none. */
function causeOf(block: Block, group: QueueClass, input: ExplainInput, holders: Holders): WaitCause {
  switch (block.kind) {
    case 'resources': {
      const wanted = new Space(input.plan.left, placeOrNull).lackOf(group).need
      const reserved = reservedCause(wanted, group.need, group, input)
      return (
        reserved ??
        unfitCause(wanted, group, input) ?? { kind: 'resources', wanted, ...holders.contestOf(wanted) }
      )
    }
    case 'room': {
      const memory = { memoryBytes: block.memoryBytes }
      const reserved = reservedCause(memory, addVectors(group.need, memory), group, input)
      return reserved ?? { ...block, ...holders.contestOf(memory) }
    }
    case 'quota':
      return { kind: 'quota', exceeded: block.missing }
    case 'budget': {
      const { freeAt, ...usedUp } = block.usedUp
      return { kind: 'budget', ...usedUp, resetsAt: freeAt === null ? null : toIso(freeAt) }
    }
    case 'engine':
      return {
        kind: 'engine',
        model: group.engineKey.split('#')[0] ?? '',
        ...holders.userOf(group.engineKey),
      }
    case 'engines':
      return { ...block, ...holders.userOf(null) }
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
