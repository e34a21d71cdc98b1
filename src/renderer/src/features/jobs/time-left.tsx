import { useNow } from '../../lib/clock'
import { formatDuration } from '../../lib/format'

/** Counts down to a time of the contract. */
export function TimeLeft({ until }: { until: string }) {
  const nowMs = useNow()
  return <>{formatDuration(Math.max(0, Date.parse(until) - nowMs))}</>
}
