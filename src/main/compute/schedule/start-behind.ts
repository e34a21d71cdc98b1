import type { StartPrediction } from './predictions'

/** By so much the estimate from the work before a job is moved at the most. */
const MOST_OFF = 4

/**
 * When a job starts that stands behind those whose starts are foretold: the time that the work before it takes, as much
 * longer or shorter as it turned out for the last that was foretold, and as uncertain.
 * @param waitMs by the work before it, see `predictedWaitMs` @param last the same of the last that was foretold
 */
export function startBehind(
  now: number,
  waitMs: number,
  last: { waitMs: number; foretold: StartPrediction } | null,
): StartPrediction {
  const ahead = last ? Math.max(0, last.foretold.at - now) : 0
  if (!last || ahead === 0 || last.waitMs === 0)
    return { at: now + waitMs, earliest: now, latest: now + 2 * waitMs }
  const off = Math.min(MOST_OFF, Math.max(1 / MOST_OFF, ahead / last.waitMs))
  const { at, earliest, latest } = last.foretold
  // With more work before it it does not start before that one, unless that waits for something else.
  const isAlike = waitMs >= last.waitMs && ahead <= MOST_OFF * last.waitMs
  const least = (bound: number) => (isAlike ? bound : now)
  const within = (bound: number) =>
    Math.max(least(bound), now + waitMs * off * Math.max(0, (bound - now) / ahead))
  return { at: within(at), earliest: within(earliest), latest: within(latest) }
}
