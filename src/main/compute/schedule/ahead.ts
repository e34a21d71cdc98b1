import type { UrgencyOf } from './heads'
import { compareRank, positionIn } from './rank'
import type { QueueClass, QueuedJob } from './types'

/** How many jobs of each class go before one of `group`, in the order of the queue. */
export function aheadOf(
  classes: readonly QueueClass[],
  group: QueueClass,
  job: QueuedJob,
  urgencyOf: UrgencyOf,
): [QueueClass, number][] {
  const urgency = urgencyOf(group, job)
  return classes.map((other) => {
    if (other === group) return [group, positionIn(group.jobs, job)]
    const isAhead = (one: QueuedJob) => (urgencyOf(other, one) - urgency || compareRank(one, job)) < 0
    return [other, countWhile(other.jobs, isAhead)]
  })
}

/** How many come before the first that does not fulfil it, when those that do come first. */
function countWhile<T>(items: readonly T[], fulfils: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (fulfils(items[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
