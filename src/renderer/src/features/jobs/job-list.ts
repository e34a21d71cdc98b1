import { type Job, type JobKind, MOST_ACTIVE_LIVE, type QueueView } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { reasonOf } from './job-words'

export const STATE_GROUPS = ['active', 'waiting', 'ended', 'all'] as const
export type StateGroup = (typeof STATE_GROUPS)[number]
export type JobSort = 'priority' | 'age'

export interface JobFilter {
  group: StateGroup
  kind: JobKind | null
  /** A model's name, any version of it. */
  model: string | null
  principal: string | null
  text: string
}

export const NO_FILTER: JobFilter = { group: 'all', kind: null, model: null, principal: null, text: '' }

/** The name in `name@selector`. */
export function modelName(reference: string | null): string | null {
  if (reference === null) return null
  const at = reference.indexOf('@')
  return at < 0 ? reference : reference.slice(0, at)
}

/** Whether jobs that have ended may be in a group. */
export function includesEnded(group: StateGroup): boolean {
  return group === 'all' || group === 'ended'
}

function inGroup(job: Job, group: StateGroup): boolean {
  switch (group) {
    case 'all':
      return true
    case 'ended':
      return isTerminal(job.state)
    case 'active':
      return !isTerminal(job.state)
    case 'waiting':
      return job.state === 'queued' || job.state === 'held'
  }
}

function hasText(job: Job, needle: string): boolean {
  const has = (text: string | null | undefined) => text?.toLowerCase().includes(needle) === true
  // What has to be put into words comes last: thousands are looked through at every key.
  return (
    [job.name, job.id, job.model, job.waitReason, job.error?.message].some(has) || has(reasonOf(job)?.text)
  )
}

/** The jobs that pass every part of the filter, in the order given. */
export function filterJobs(jobs: readonly Job[], filter: JobFilter): Job[] {
  const needle = filter.text.trim().toLowerCase()
  return jobs.filter(
    (job) =>
      inGroup(job, filter.group) &&
      (filter.kind === null || job.kind === filter.kind) &&
      (filter.model === null || modelName(job.model) === filter.model) &&
      (filter.principal === null || job.principal === filter.principal) &&
      (needle === '' || hasText(job, needle)),
  )
}

const RANK: Record<Job['state'], number> = {
  running: 0,
  queued: 1,
  held: 2,
  succeeded: 3,
  failed: 3,
  cancelled: 3,
}

function newestFirst(a: Job, b: Job): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0
}

function byPriority(a: Job, b: Job): number {
  const rank = RANK[a.state] - RANK[b.state]
  if (rank !== 0) return rank
  // Ended jobs have no turn to wait for: newest first.
  if (isTerminal(a.state)) return newestFirst(a, b)
  return b.priority - a.priority || newestFirst(b, a)
}

/**
 * `age`: newest first. `priority`: running, then waiting in the order of their priority and age, then held, then ended.
 * A new list.
 */
export function sortJobs(jobs: readonly Job[], sort: JobSort, reversed = false): Job[] {
  const sorted = [...jobs].sort(sort === 'age' ? newestFirst : byPriority)
  return reversed ? sorted.reverse() : sorted
}

export interface JobCounts {
  running: number
  waiting: number
  held: number
  /** Ended within the last hour. */
  doneLastHour: number
}

/** As the system counts them: it knows more jobs than the window. */
export function countsOf({ byState, lastHour }: Pick<QueueView, 'byState' | 'lastHour'>): JobCounts {
  return {
    running: byState['running'] ?? 0,
    waiting: byState['queued'] ?? 0,
    held: byState['held'] ?? 0,
    doneLastHour: lastHour.succeeded + lastHour.failed + lastHour.cancelled,
  }
}

/** Of how many jobs that wait how many are listed; null: all are. */
export interface WaitingPart {
  listed: number
  total: number
}

/**
 * What the list holds of all that wait. The counts of the system come later than the list: that it is a part, and not ahead
 * of them or behind, shows once it has been as long as it can be.
 */
export function waitingPart(
  before: WaitingPart | null,
  jobs: Iterable<Pick<Job, 'state'>>,
  { waiting, held }: Pick<JobCounts, 'waiting' | 'held'>,
): WaitingPart | null {
  let running = 0
  let listed = 0
  for (const { state } of jobs) {
    if (state === 'running') running++
    else if (!isTerminal(state)) listed++
  }
  const total = waiting + held
  const isPart = total > listed && (before !== null || running + listed >= MOST_ACTIVE_LIVE)
  if (!isPart) return null
  return before?.listed === listed && before.total === total ? before : { listed, total }
}

/** The distinct values that the filters can offer, in alphabetical order. */
export function filterChoices(jobs: readonly Job[]): { models: string[]; principals: string[] } {
  // Thousands of jobs name few models: the names are taken apart once each.
  const references = new Set<string>()
  const principals = new Set<string>()
  for (const job of jobs) {
    if (job.model !== null) references.add(job.model)
    principals.add(job.principal)
  }
  const models = new Set([...references].map((reference) => modelName(reference) ?? reference))
  return { models: [...models].sort(), principals: [...principals].sort() }
}
