import type { JobId, LeaseId } from '../../../shared/domain/ids'
import { rankOf as rankAmongLeases } from '../../core'
import { isOverdue } from './online/urgency'
import type { PlanState, QueueClass, QueuedJob, SchedulePolicy } from './types'

/** Waiting so long is worth one point of priority. */
export const AGEING_MS_PER_POINT = 6_000

/**
 * Order within a class of the queue, smaller first. With ageing a job's effective priority is `priority + waited / 6 s`;
 * the order of two jobs then never changes while they wait, so that it can be computed once. Bound: no job is overtaken
 * by one of its class that became ready more than `(100 - priority) * 6 s` after it, 10 minutes at the most.
 */
export function rankOf(priority: number, readyAtMs: number): number {
  return readyAtMs - priority * AGEING_MS_PER_POINT
}

/** The same under a policy: in the order of arrival where it is that. */
export function rankUnder({ order }: SchedulePolicy, priority: number, readyAtMs: number): number {
  return order === 'arrival' ? readyAtMs : rankOf(priority, readyAtMs)
}

/** Order between the jobs of one pipeline: priority, then the course. Before those that have no place in it. */
export function rankInCourse(priority: number, order: number): number {
  return order - priority * 1e6
}

/** Whether a job that runs began, or an engine was loaded, since room is kept for a request. */
export function isSince(request: PlanState['request'], id: JobId | LeaseId | null | undefined): boolean {
  return Boolean(request && id && request.since.has(id))
}

/** Whether the room that is kept for a request for a lease does not bind the job. */
export function precedesRequest(
  { request }: Pick<PlanState, 'request'>,
  { priority, readyAt }: Pick<QueuedJob, 'priority' | 'readyAt'>,
): boolean {
  return request ? rankAmongLeases(priority, readyAt) >= request.rank : false
}

export function effectivePriority(priority: number, readyAtMs: number, nowMs: number): number {
  return priority + Math.max(0, nowMs - readyAtMs) / AGEING_MS_PER_POINT
}

/** What the order depends on beside the jobs. */
export interface Standing extends Pick<PlanState, 'now' | 'pace' | 'shares' | 'recent' | 'policy'> {
  /** Of those that wait: only what weights are to each other counts. */
  leastWeight: number
}

export interface Ranked {
  rank: number
  seq: number
}

export function compareRank(a: Ranked, b: Ranked): number {
  return a.rank - b.rank || a.seq - b.seq
}

/** Index of the first item that is not before `item`. */
export function positionIn(items: readonly Ranked[], item: Ranked): number {
  let low = 0
  let high = items.length
  // Most arrivals belong at the end.
  const last = items[high - 1]
  if (last && compareRank(last, item) < 0) return high
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareRank(items[middle] as Ranked, item) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** To have the whole machine counts for as much as any two lengths differ by: 26 is the logarithm of 6 years in ms. */
const WHOLE_MACHINE = 26
const LONGEST_MS = 2e11
/** More than length, share and wait (before it is overdue) together can make of a difference. */
const POINT = 80
/** Below what any other job comes to. */
const OVERDUE = -1e6

/**
 * Order between classes, smaller first: by priority; within one by fair shares, among the like of those short jobs first,
 * all the more so the longer they wait. In logarithms, so that it is one number: to have the whole machine, or to have had
 * it lately, makes a job count e^26 times longer, and a point of priority outweighs all of that. Bound: a job that has
 * waited `(100 - priority) * 6 s` and {@link OVERDUE_PACES} times the pace of the queue goes before all that became ready
 * later with the same priority or less.
 */
export function urgencyIn(
  { now, pace, shares, recent, leastWeight, policy }: Standing,
  { principal }: QueueClass,
  { priority, readyAt, runMs, costMs }: QueuedJob,
): number {
  if (policy.order === 'arrival') return readyAt
  const waited = Math.max(0, now - readyAt)
  const handicap = (100 - priority) * AGEING_MS_PER_POINT
  if (isOverdue(waited, pace, handicap)) return OVERDUE + handicap - waited
  const share = leastWeight * Math.max(shares.get(principal) ?? 0, recent.get(principal) ?? 0)
  const lengthMs = Math.min(LONGEST_MS, costMs ?? runMs ?? policy.unknownRunMs)
  const shorter = Math.log(1 + lengthMs) - Math.log1p((waited / pace) ** 4)
  return shorter + WHOLE_MACHINE * Math.min(1, share) - POINT * priority
}
