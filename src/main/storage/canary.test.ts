import { describe, expect, it } from 'vitest'
import { observed, p95, type ShareOfTraffic, verdictOn } from './canary'

const plan = {
  version: 2,
  weight: 0.5,
  maxErrorRate: 0.1,
  maxP95Ms: 20,
  minRequests: 10,
  startedAt: '2026-01-01T00:00:00.000Z',
  startedBy: 'anna',
}
const share = (requests: number, errors: number, ms: number): ShareOfTraffic => ({
  requests,
  errors,
  timesMs: Array.from({ length: requests - errors }, () => ms),
})

describe('verdictOn', () => {
  it('waits for enough requests before it judges', () => {
    expect(verdictOn(plan, share(9, 9, 5))).toBeNull()
    expect(verdictOn(plan, share(10, 10, 5))).toContain('10 of 10 requests failed, more than 10%')
  })

  it('allows what the bounds allow, and no more', () => {
    expect(verdictOn(plan, share(20, 2, 20))).toBeNull()
    expect(verdictOn(plan, share(20, 3, 20))).toContain('3 of 20')
    expect(verdictOn(plan, share(20, 0, 20.5))).toContain('20.5 ms, more than 20 ms')
    expect(verdictOn({ ...plan, maxP95Ms: null }, share(20, 0, 1e6))).toBeNull()
  })
})

it('takes the 95th percentile by nearest rank, of the last 200 successful runs', () => {
  expect(p95([])).toBeNull()
  expect(p95(Array.from({ length: 100 }, (_, i) => 100 - i))).toBe(95)
  let seen: ShareOfTraffic = { requests: 0, errors: 0, timesMs: [] }
  for (let i = 0; i < 300; i++) seen = observed(seen, { ok: i % 3 !== 0, computeMs: i })
  expect(seen).toMatchObject({ requests: 300, errors: 100 })
  expect(seen.timesMs).toHaveLength(200)
  expect(seen.timesMs.at(-1)).toBe(299)
})
