import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Running } from './running'

describe('what runs', () => {
  it('is in order of its end, of equal ends by arrival, whatever comes and goes', () => {
    // Runs of equal ends longer than a block, and blocks that empty.
    const step = fc.record({
      isStart: fc.boolean(),
      endsAt: fc.integer({ min: 0, max: 6 }),
      times: fc.integer({ min: 1, max: 400 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.nat(), (steps, salt) => {
        const running = new Running<number>()
        const expected: { endsAt: number; share: number }[] = []
        let next = 0
        for (const { isStart, endsAt, times } of steps)
          for (let i = 0; i < times; i++) {
            if (isStart) {
              const at = expected.findIndex((other) => other.endsAt > endsAt)
              expected.splice(at < 0 ? expected.length : at, 0, { endsAt, share: next })
              running.add(endsAt, next++)
            } else if (expected.length > 0) {
              const [gone] = expected.splice((salt + i * 7919) % expected.length, 1)
              if (gone) running.remove(gone.endsAt, gone.share)
            }
          }
        expect(running.size).toBe(expected.length)
        const indices = expected.map((_, index) => index)
        expect(indices.map((index) => running.endsAt(index))).toEqual(expected.map((of) => of.endsAt))
        expect(indices.map((index) => running.share(index))).toEqual(expected.map((of) => of.share))
      }),
      { numRuns: 60 },
    )
  })

  it('is not changed by the end of what does not run', () => {
    const running = new Running<string>()
    running.add(1, 'a')
    running.remove(1, 'b')
    running.remove(0, 'a')
    running.remove(2, 'a')
    expect(running.size).toBe(1)
  })
})
