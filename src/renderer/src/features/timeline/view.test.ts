import { describe, expect, it } from 'vitest'
import { followed, panned, roundStepMs, SPAN_MS, ticksOf, viewAt, zoomed } from './view'

describe('the view of time', () => {
  it('goes along with the time until it is moved', () => {
    const view = viewAt(1_000_000, 100_000)
    expect(followed(view, 1_005_000).fromMs).toBe(view.fromMs + 5_000)
    const moved = panned(view, -0.5)
    expect(moved).toEqual({ fromMs: view.fromMs - 50_000, spanMs: 100_000, follows: false })
    expect(followed(moved, 1_005_000)).toBe(moved)
  })

  it('keeps what is under the pointer when it zooms, within bounds', () => {
    const view = { fromMs: 0, spanMs: 100_000, follows: false }
    const near = zoomed(view, 0.5, 0.25)
    expect(near.fromMs + 0.25 * near.spanMs).toBe(25_000)
    expect(zoomed(view, 1e-9, 0.5).spanMs).toBe(SPAN_MS.least)
    expect(zoomed(view, 1e9, 0.5).spanMs).toBe(SPAN_MS.most)
  })

  it('has the shortest round step that fits', () => {
    expect([9_900, 59_900, 400_000].map((spanMs) => roundStepMs(spanMs, 4))).toEqual([5_000, 15_000, 120_000])
  })

  it('has round ticks, no more than fit', () => {
    const { stepMs, ticks } = ticksOf({ fromMs: 1_234_567, spanMs: 120_000, follows: true }, 8)
    expect(stepMs).toBe(15_000)
    expect(ticks.length).toBeLessThanOrEqual(9)
    expect(ticks.every((at) => at % stepMs === 0)).toBe(true)
  })
})
