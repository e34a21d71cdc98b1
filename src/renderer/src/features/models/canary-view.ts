import type { Canary } from '@shared/contract'

/** The share of the requests that the canary has really had; null before the first. */
export function observedShare({ canary, stable }: Pick<Canary, 'canary' | 'stable'>): number | null {
  const total = canary.requests + stable.requests
  return total === 0 ? null : canary.requests / total
}

/** Whether the canary is beyond a bound as it stands; it is rolled back once `minRequests` have ended. */
export function pressure(canary: Canary): { errors: boolean; latency: boolean } {
  const { requests, errors, p95Ms } = canary.canary
  return {
    errors: requests > 0 && errors / requests > canary.maxErrorRate,
    latency: canary.maxP95Ms !== null && p95Ms !== null && p95Ms > canary.maxP95Ms,
  }
}

/** A share as a person types it, without what floating point adds: 0.07 is 7, not 7.000000000000001. */
export function percentOf(share: number): number {
  return Math.round(share * 1e4) / 100
}
