import type { ForeignHolder, Lease } from '../../../shared/contract'
import { usedUpInWords } from '../../../shared/domain/budget'
import type { JobId } from '../../../shared/domain/ids'
import { entriesOf, type ResourceVector, shortage } from '../../../shared/domain/resources'
import { formatBytes, formatDuration } from '../../../shared/domain/units'
import { Heads, type UrgencyOf } from './heads'
import type { Block, Plan, QueueClass } from './types'

export interface Explained {
  id: JobId
  reason: string
}

export interface ExplainInput {
  classes: readonly QueueClass[]
  plan: Plan
  leases: readonly Lease[]
  /** Programs outside that hold memory. */
  foreign?: readonly ForeignHolder[]
  /** When the job of a lease is expected to end, in ms from now; null where unknown. */
  endsInMs(job: string): number | null
  now: number
  urgencyOf: UrgencyOf
  nameOf(job: string): string
}

/** In words: why the first `limit` jobs in the order of the queue wait. */
export function explain(input: ExplainInput, limit: number): Explained[] {
  const { classes, plan } = input
  const heads = new Heads(classes, input.urgencyOf)
  const explained: Explained[] = []
  for (let head = heads.pop(); head && explained.length < limit; head = heads.pop()) {
    const { group, index, job } = head
    const block = plan.blocked.get(group.key)
    const position = explained.length
    const reason = index === 0 && block ? wordsOf(block, group, input, position) : behind(position)
    explained.push({ id: job.id, reason })
    heads.follow(head)
  }
  return explained
}

function behind(count: number): string {
  if (count === 0) return 'About to start'
  return `Behind ${count} ${count === 1 ? 'job' : 'jobs'} that ${count === 1 ? 'is' : 'are'} more urgent or came before`
}

function wordsOf(block: Block, group: QueueClass, input: ExplainInput, ahead: number): string {
  const { plan, leases, nameOf } = input
  switch (block.kind) {
    case 'resources': {
      const missing = shortage(group.need, plan.left)
      // Enough in sum, but on no device alone: then the whole need is what it waits for.
      const lacking =
        entriesOf(missing).length > 0
          ? entriesOf(missing).map(([name]) => name)
          : entriesOf(group.need).map(([name]) => name)
      const wanted = entriesOf(group.need).filter(([name]) => lacking.includes(name))
      return `Waiting for ${list(wanted.map(amount))}${heldBy(lacking[0] ?? '', leases, input)}${after(ahead)}`
    }
    case 'quota':
      return `Waiting for its quota: ${list(entriesOf(block.missing).map(amount))} more than may be held at once`
    case 'budget':
      return `Waiting for its budget: ${usedUpInWords(block.usedUp, input.now)}`
    case 'engine':
      return `Waiting for the engine of ${group.engineKey.split('#')[0]}, which is busy`
    case 'room':
      return `Waiting for ${formatBytes(block.memoryBytes)} of memory to load its model${heldBy('memoryBytes', leases, input)}${after(ahead)}`
    case 'preempts':
      return `Preempts ${list(block.jobs.map(nameOf))}`
    case 'held-back':
      return `Behind ${nameOf(block.by)}, which goes first and needs the same resources`
  }
}

function after(count: number): string {
  return count === 0 ? '' : `; ${count} ${count === 1 ? 'job' : 'jobs'} ahead`
}

/** `: 2 held by nightly-embed (j-7f3kq) for about 3 min`, the largest two by name. */
function heldBy(
  resource: string,
  leases: readonly Lease[],
  { nameOf, endsInMs, foreign = [] }: ExplainInput,
): string {
  const holders = [
    ...leases.map((lease) => ({ lease, name: '', held: amountIn(lease.need, resource) })),
    ...foreign.map((holder) => ({ lease: null, name: holder.name, held: foreignIn(holder, resource) })),
  ]
    .filter(({ held }) => held > 0)
    .sort((a, b) => b.held - a.held)
  if (holders.length === 0) return ''
  const named = holders.slice(0, 2).map(({ lease, name, held }) => {
    const how =
      resource === 'memoryBytes' || resource === 'gpuMemoryBytes'
        ? formatBytes(held)
        : String(Number(held.toFixed(3)))
    if (!lease) return `${how} held by ${name} (outside LLMAgentOS)`
    const endsIn = lease.job === null ? null : endsInMs(lease.job)
    const until =
      endsIn === null ? '' : endsIn > 0 ? ` for about ${formatDuration(roughly(endsIn))}` : ', about to end'
    return `${how} held by ${lease.job === null ? lease.purpose : nameOf(lease.job)}${until}`
  })
  const more = holders.length - named.length
  return `: ${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

/** A program outside holds memory; cores are shared with it. */
function foreignIn(holder: ForeignHolder, resource: string): number {
  if (resource === 'gpuMemoryBytes') return holder.gpuMemoryBytes ?? 0
  return resource === 'memoryBytes' && holder.gpuMemoryBytes === undefined ? holder.memoryBytes : 0
}

function amountIn(vector: ResourceVector, resource: string): number {
  return entriesOf(vector).find(([name]) => name === resource)?.[1] ?? 0
}

function amount([name, value]: [string, number]): string {
  const count = Number(value.toFixed(3))
  switch (name) {
    case 'cpuCores':
      return `${count} CPU ${count === 1 ? 'core' : 'cores'}`
    case 'memoryBytes':
      return `${formatBytes(value)} of memory`
    case 'gpuMemoryBytes':
      return `${formatBytes(value)} of GPU memory`
    case 'gpu':
    case 'npu':
    case 'fpga':
      return `${count} ${name.toUpperCase()}${count === 1 ? '' : 's'}`
    default:
      return `${count} ${name.replace(/^custom\./, '')}`
  }
}

function list(parts: string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

/** So coarse that the words do not change all the time. */
function roughly(ms: number): number {
  const step = ms < 60_000 ? 10_000 : 60_000
  return Math.ceil(ms / step) * step
}
