import type { PolicyName } from '../../../shared/contract'
import type { SchedulePolicy } from './types'

/** One of the textbook's policies with all else as in `own`, or `own` itself. */
export function policyOf(name: PolicyName, own: SchedulePolicy): SchedulePolicy {
  switch (name) {
    case 'online':
      return own
    case 'easy':
      return { ...own, order: 'arrival', holdBackAfterMs: 0 }
    case 'fcfs':
      return { ...own, order: 'arrival', backfills: false }
  }
}
