import { describe, expect, it } from 'vitest'
import { score } from './predictions'

describe('score', () => {
  it('holds predictions against what happened', () => {
    const predicted = [
      { at: 10, earliest: 5, latest: 20 },
      { at: 10, earliest: 5, latest: 20 },
    ]
    expect(score(predicted, [12, 26])).toEqual({
      count: 2,
      meanError: 9,
      bias: 9,
      coverage: 0.5,
      // Two widths of 15, and ten times the 6 that the second is late.
      intervalScore: (15 + 15 + 60) / 2,
    })
  })

  it('leaves out what has not happened', () => {
    expect(score([{ at: 1, earliest: 0, latest: 2 }], [Number.POSITIVE_INFINITY]).count).toBe(0)
    expect(score([], []).meanError).toBe(0)
  })
})
