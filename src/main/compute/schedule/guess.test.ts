import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Guesses, quantileMs } from './guess'

describe('a guess', () => {
  const part = fc.double({ min: 0.01, max: 0.99, noNaN: true })
  const guess = fc.record({
    medianMs: fc.double({ min: 1, max: 1e7, noNaN: true }),
    shape: fc.double({ min: 0.3, max: 8, noNaN: true }),
  })

  it('says of what has run for a time what is right of those that outlast it', () => {
    const lastsLonger = (t: number, medianMs: number, shape: number) => 1 / (1 + (t / medianMs) ** shape)
    fc.assert(
      fc.property(
        guess,
        part,
        fc.double({ min: 0, max: 20, noNaN: true }),
        ({ medianMs, shape }, p, medians) => {
          const passedMs = medians * medianMs
          const ms = quantileMs({ medianMs, shape }, p, passedMs)
          expect(ms).toBeGreaterThanOrEqual(passedMs)
          const outlasting = lastsLonger(ms, medianMs, shape) / lastsLonger(passedMs, medianMs, shape)
          expect(outlasting).toBeCloseTo(1 - p, 6)
        },
      ),
    )
  })

  it('is finite however long something has run', () => {
    fc.assert(
      fc.property(guess, part, fc.double({ min: 0, max: 1e12, noNaN: true }), (of, p, passedMs) => {
        expect(quantileMs(of, p, passedMs)).toBeLessThan(Number.POSITIVE_INFINITY)
      }),
    )
  })

  it('is by what others of the kind took at first, in units, and wide as long as few are known', () => {
    const guesses = new Guesses()
    const before = guesses.of('batch', 10)
    expect(before.medianMs).toBeCloseTo(500, 6)
    for (const unitMs of [2, 4, 8, 2, 4, 8, 2, 4, 8, 2, 4, 8]) guesses.observe('batch', unitMs)
    const after = guesses.of('batch', 10)
    expect(after.medianMs).toBeGreaterThan(40)
    expect(after.medianMs).toBeLessThan(70)
    expect(after.shape).toBeGreaterThan(before.shape)
    expect(guesses.of('generate', 10)).toEqual(before)
  })
})
