import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RollingUse } from './rolling-use'

const HOUR_MS = 3_600_000

it('never counts less than what a window holds, nor more than a slot beside it', () => {
  const steps = fc.array(
    fc.record({ ms: fc.integer({ min: 1, max: HOUR_MS }), cores: fc.constantFrom(0, 0.1, 1, 16) }),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(steps, fc.constantFrom(60_000, HOUR_MS, 86_400_000), (history, windowMs) => {
      const use = new RollingUse(windowMs)
      const spans: { from: number; to: number; cores: number }[] = []
      let now = 1_700_000_000_000
      for (const { ms, cores } of history) {
        use.addSpan(now, now + ms, { cpuSeconds: cores, gpuSeconds: 0 })
        spans.push({ from: now, to: now + ms, cores })
        now += ms
        const inLast = (span: number) =>
          spans.reduce(
            (sum, { from, to, cores: held }) =>
              sum + (Math.max(0, to - Math.max(from, now - span)) / 1000) * held,
            0,
          )
        const counted = use.used('cpuSeconds', now)
        expect(counted).toBeGreaterThanOrEqual(inLast(windowMs) - 1e-6)
        expect(counted).toBeLessThanOrEqual(inLast(windowMs + windowMs / 60) + 1e-6)
        const freeAt = use.freeAt('cpuSeconds', counted / 2, now)
        if (counted > 0 && freeAt !== null) {
          expect(use.used('cpuSeconds', now)).toBeGreaterThanOrEqual(counted / 2)
          expect(new RollingUse(windowMs, use.slots()).used('cpuSeconds', freeAt)).toBeLessThan(counted / 2)
        }
      }
    }),
  )
})

it('counts seconds for no longer because a job was submitted after them', () => {
  const use = new RollingUse(60_000)
  use.addSpan(600_000, 600_300, { cpuSeconds: 1, gpuSeconds: 0 })
  use.addJobs(1, 600_800)
  expect(use.freeAt('cpuSeconds', 0.3, 600_900)).toBe(660_300)
  expect([use.used('cpuSeconds', 660_300), use.used('jobs', 660_300)]).toEqual([0, 1])
  expect([use.freeAt('jobs', 1, 660_300), use.used('jobs', 660_800)]).toEqual([660_800, 0])
})

it('counts what was used before the clock was set back from then on', () => {
  const use = new RollingUse(60_000)
  use.addJobs(1, 10 * HOUR_MS)
  expect(use.used('jobs', HOUR_MS)).toBe(1)
  expect(use.freeAt('jobs', 1, HOUR_MS)).toBe(HOUR_MS + 60_000)
  expect(use.used('jobs', HOUR_MS + 60_000)).toBe(0)
})
