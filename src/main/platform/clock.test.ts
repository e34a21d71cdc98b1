import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { steadyTime, systemClock, toIso } from './clock'

function clocks() {
  const at = { wall: 1_000_000, steady: 0 }
  const now = steadyTime(
    () => at.wall,
    () => at.steady,
  )
  const pass = (ms: number, drift = 0) => {
    at.wall += ms + drift
    at.steady += ms
  }
  return { at, now, pass }
}

describe('the time of the system', () => {
  it('goes on as before when the clock is set back, and meets it again when that is right again', () => {
    const { at, now, pass } = clocks()
    pass(5000)
    expect(now()).toBe(1_005_000)
    at.wall -= 3_600_000
    pass(700)
    expect(now()).toBe(1_005_700)
    at.wall += 3_600_000
    pass(300)
    expect(now()).toBe(1_006_000)
  })

  it('follows the clock forward, and a drift in either direction', () => {
    const { at, now, pass } = clocks()
    at.wall += 86_400_000
    expect(now()).toBe(87_400_000)
    for (let i = 0; i < 1000; i++) pass(100, i < 500 ? 1 : -2)
    now()
    pass(0)
    expect(Math.abs(now() - at.wall)).toBeLessThanOrEqual(1500)
  })

  it('never goes back, and never stands still for longer than a drift', () => {
    const step = fc.record({
      passed: fc.nat(10_000),
      jump: fc.oneof(fc.constant(0), fc.integer({ min: -1e8, max: 1e8 })),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const { at, now, pass } = clocks()
        for (const { passed, jump } of steps) {
          const before = now()
          pass(passed)
          at.wall += jump
          expect(now()).toBeGreaterThanOrEqual(before + passed - 1000)
          expect(now()).toBeGreaterThanOrEqual(before)
        }
      }),
    )
  })

  it('is that of the machine', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(2000)
  })
})

describe('a time as text', () => {
  it('is one that every reader takes, whatever number it comes from', () => {
    expect(toIso(1e12)).toBe('2001-09-09T01:46:40.000Z')
    expect(toIso(1e12 + 64)).toBe('2001-09-09T01:46:40.064Z')
    expect(toIso(1e12)).toBe('2001-09-09T01:46:40.000Z')
    expect(toIso(1e300)).toBe('9999-12-31T23:59:59.999Z')
    expect(toIso(Number.POSITIVE_INFINITY)).toBe('9999-12-31T23:59:59.999Z')
  })
})
