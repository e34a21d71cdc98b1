import type { Canary } from '../../shared/contract'

/** Run times kept of each side: the 95th percentile is that of the last so many requests. */
export const KEPT_TIMES = 200

/** What one side of a split alias has done so far. Times are milliseconds in the runtime, the newest last. */
export interface ShareOfTraffic {
  requests: number
  errors: number
  timesMs: number[]
}

/** The share after one more request. Pure. */
export function observed(share: ShareOfTraffic, run: { ok: boolean; computeMs: number }): ShareOfTraffic {
  return {
    requests: share.requests + 1,
    errors: share.errors + (run.ok ? 0 : 1),
    timesMs: run.ok ? [...share.timesMs, run.computeMs].slice(-KEPT_TIMES) : share.timesMs,
  }
}

/** 95th percentile by nearest rank; null without times. */
export function p95(timesMs: readonly number[]): number | null {
  const sorted = [...timesMs].sort((a, b) => a - b)
  return sorted[Math.ceil(0.95 * sorted.length) - 1] ?? null
}

/** Why a canary has failed, as a sentence; null while it may go on. Pure. */
export function verdictOn(plan: Omit<Canary, 'canary' | 'stable'>, share: ShareOfTraffic): string | null {
  if (share.requests < plan.minRequests) return null
  const errorRate = share.errors / share.requests
  if (errorRate > plan.maxErrorRate) {
    return `The canary, version ${plan.version}, was rolled back: ${share.errors} of ${share.requests} requests failed, more than ${percent(plan.maxErrorRate)}.`
  }
  const slowMs = p95(share.timesMs)
  if (plan.maxP95Ms !== null && slowMs !== null && slowMs > plan.maxP95Ms) {
    return `The canary, version ${plan.version}, was rolled back: its 95th percentile is ${slowMs.toFixed(1)} ms, more than ${plan.maxP95Ms} ms.`
  }
  return null
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`
}
