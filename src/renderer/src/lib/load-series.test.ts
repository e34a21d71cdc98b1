import { describe, expect, it, vi } from 'vitest'
import type { TelemetrySample } from '../../../shared/contract'
import { bucketize } from './load-series'

vi.mock('./errors', () => ({ toErrorView: () => ({ code: 'internal', message: '', details: {} }) }))
vi.mock('./client', () => ({
  onEachConnection: () => () => undefined,
  useConnection: () => 0,
  getClient: () => null,
}))

const sample = (atMs: number, load: number): TelemetrySample => ({
  device: 'd',
  at: new Date(atMs).toISOString(),
  load,
  memoryUsedBytes: load * 100,
  memoryTotalBytes: 100,
})

describe('bucketize', () => {
  it('takes the mean of each step and leaves gaps open', () => {
    const points = bucketize(
      [sample(10_000, 0.2), sample(14_999, 0.4), sample(20_000, 1)],
      10_000,
      20_000,
      5_000,
    )
    expect(points.map((point) => point.atMs)).toEqual([10_000, 15_000, 20_000])
    expect(points[0]?.load).toBeCloseTo(0.3)
    expect(points[0]?.memoryUsedBytes).toBeCloseTo(30)
    expect(points[1]).toEqual({ atMs: 15_000, load: null, memoryUsedBytes: null })
    expect(points[2]?.load).toBe(1)
  })

  it('ignores what lies outside and moves by whole steps', () => {
    expect(
      bucketize([sample(9_999, 1), sample(25_000, 1)], 10_000, 20_000, 5_000).every((p) => p.load === null),
    ).toBe(true)
    expect(bucketize([], 10_000, 20_000, 5_000).map((p) => p.atMs)).toEqual(
      bucketize([], 12_345, 22_345, 5_000).map((p) => p.atMs),
    )
  })
})
