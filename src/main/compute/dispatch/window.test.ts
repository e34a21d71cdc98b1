import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arrivals } from './arrivals'
import { type Gathering, gatherUntil } from './window'

/** A run of n takes `fixedMs` and `eachMs` for each. */
const linear = (fixedMs: number, eachMs: number) => (count: number) => fixedMs + eachMs * count

const at: Gathering = {
  nowMs: 1_000,
  sinceMs: 1_000,
  gapMs: 1,
  count: 1,
  targetMs: 1_100,
  runMs: linear(20, 0.5),
}

const gathering = fc.record({
  nowMs: fc.integer({ min: 0, max: 1_000 }),
  sinceMs: fc.integer({ min: 0, max: 1_000 }),
  gapMs: fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY)),
  count: fc.integer({ min: 1, max: 63 }),
  targetMs: fc.integer({ min: 0, max: 2_000 }),
  runMs: fc
    .tuple(fc.double({ min: 0, max: 200, noNaN: true }), fc.double({ min: 0, max: 20, noNaN: true }))
    .map(([fixedMs, eachMs]) => linear(fixedMs, eachMs)),
})

describe('a run that could begin', () => {
  it('waits while the next comes sooner than its own run, divided among all, takes', () => {
    expect(gatherUntil(at)).toBe(1_000 + 20.5 / 2 - 0.5)
    expect(gatherUntil({ ...at, gapMs: 10 })).toBeNull()
    expect(gatherUntil({ ...at, count: 10, gapMs: 1 })).toBeCloseTo(1_000 + 20.5 / 11 - 0.5)
    expect(gatherUntil({ ...at, count: 10, gapMs: 2 })).toBeNull()
    expect(gatherUntil({ ...at, nowMs: 1_010 })).toBeNull()
  })

  it('does not wait for what nobody knows, or what is over before a timer rings', () => {
    expect(gatherUntil({ ...at, runMs: () => null })).toBeNull()
    expect(gatherUntil({ ...at, runMs: (count) => (count > 1 ? null : 20) })).toBeNull()
    expect(gatherUntil({ ...at, runMs: linear(1, 0.1) })).toBeNull()
  })

  it('never waits so long that the first would miss its target, nor for a lone caller, nor for more than a run is worth', () => {
    fc.assert(
      fc.property(gathering, (some) => {
        const until = gatherUntil(some)
        if (until === null) return
        const { nowMs, sinceMs, count, targetMs, runMs, gapMs } = some
        expect(until).toBeGreaterThan(nowMs)
        expect(until + runMs(count + 1)).toBeLessThanOrEqual(targetMs + 1e-9)
        expect(gapMs).toBeLessThan(runMs(1))
        expect((until - sinceMs) * count).toBeLessThanOrEqual(Math.max(count, runMs(1)))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('Arrivals', () => {
  const gapOf = (times: readonly number[]) => {
    const arrivals = new Arrivals()
    for (const time of times) arrivals.note('k', time)
    return arrivals.gapMs('k')
  }
  const every = (ms: number, count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => from + i * ms)

  it('knows nothing of the first', () => {
    expect(gapOf(every(1, 8))).toBe(Number.POSITIVE_INFINITY)
    expect(gapOf(every(1, 9))).toBe(1)
  })

  it('sees a crowd through the pauses between its visits, and forgets it within a few calls', () => {
    expect(gapOf([...every(1, 20), ...every(1, 3, 500)])).toBe(1)
    expect(gapOf([...every(1, 20), ...every(50, 4, 500)])).toBe(50)
  })

  it('keeps the last kinds only', () => {
    const arrivals = new Arrivals()
    for (let i = 0; i < 9; i++) arrivals.note('k', i)
    for (let i = 0; i < 1_000; i++) arrivals.note(`other ${i}`, i)
    expect(arrivals.gapMs('k')).toBe(Number.POSITIVE_INFINITY)
  })
})
