import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jobWith } from './testing'
import { hasTimings, secondsText, shares, timesText, timingsAt, timingsText } from './timings'

const start = Date.parse('2026-01-01T00:00:00.000Z')

describe('timesText', () => {
  it('tells a wait to the second, also one that began after the clock of the window last went on', () => {
    const texts = [-700, 0, 499, 41_300, 61_000].map((ms) => timesText(jobWith(), start + ms))
    expect(texts).toEqual(['0 s', '0 s', '0 s', '41 s', '1 min 1 s'])
  })

  it('has no figure for what has not begun to wait: on hold, or behind other jobs', () => {
    for (const state of ['queued', 'held', 'cancelled'] as const)
      expect(timesText(jobWith({ state, queuedSince: null }), start + 9_000), state).toBe('–')
  })

  it('tells all three once a job has loaded or run', () => {
    const timings = { queuedMs: 8, loadMs: 804, computeMs: 4 }
    expect(timesText(jobWith({ state: 'succeeded', queuedSince: null, timings }), start)).toBe(
      '8 / 804 / 4 ms',
    )
  })
})

it('there are timings once a job has queued, and none of one that waits for others or was skipped', () => {
  const begun = { queuedMs: 3, loadMs: 0, computeMs: 0 }
  expect(hasTimings(jobWith())).toBe(true)
  expect(hasTimings(jobWith({ queuedSince: null, timings: begun }))).toBe(true)
  for (const state of ['queued', 'held', 'cancelled'] as const)
    expect(hasTimings(jobWith({ state, queuedSince: null })), state).toBe(false)
})

describe('timingsAt', () => {
  it('lets the wait of a queued job grow', () => {
    expect(timingsAt(jobWith(), start + 41_000)).toEqual({ queuedMs: 41_000, loadMs: 0, computeMs: 0 })
  })

  it('counts neither what a job waited for others nor what it was on hold', () => {
    const resumed = jobWith({ queuedSince: '2026-01-01T01:00:00.000Z' })
    expect(timingsAt(resumed, start + 3_610_000).queuedMs).toBe(10_000)
    const timings = { queuedMs: 7_000, loadMs: 0, computeMs: 0 }
    const held = jobWith({ state: 'held', timings })
    const behind = jobWith({ queuedSince: null, dependsOn: ['j-2'], timings })
    for (const job of [held, behind]) expect(timingsAt(job, start + 3_600_000)).toEqual(timings)
  })

  it('lets the compute time of a running job grow from its start', () => {
    const job = jobWith({
      state: 'running',
      startedAt: '2026-01-01T00:00:10.000Z',
      loadedAt: '2026-01-01T00:00:10.000Z',
      timings: { queuedMs: 10_000, loadMs: 0, computeMs: 0 },
    })
    expect(timingsAt(job, start + 20_000)).toEqual({ queuedMs: 10_000, loadMs: 0, computeMs: 10_000 })
  })

  it('adds to what earlier attempts took what the present one has, from its own start', () => {
    const job = jobWith({
      state: 'running',
      attempt: 3,
      startedAt: '2026-01-01T00:10:00.000Z',
      loadedAt: '2026-01-01T00:10:00.000Z',
      timings: { queuedMs: 500, loadMs: 9000, computeMs: 100_000 },
    })
    const at = (seconds: number) => timingsAt(job, start + 600_000 + seconds * 1000)
    expect(at(-2).computeMs).toBe(100_000)
    expect(at(5)).toEqual({ queuedMs: 500, loadMs: 9000, computeMs: 105_000 })
    expect(at(200).computeMs).toBe(300_000)
  })

  it('counts as load what goes by until the model is there', () => {
    const loading = jobWith({ state: 'running', startedAt: '2026-01-01T00:10:00.000Z' })
    const at = start + 600_000 + 7_000
    expect(timingsAt(loading, at)).toEqual({ queuedMs: 0, loadMs: 7_000, computeMs: 0 })
    const loaded = { ...loading, loadedAt: '2026-01-01T00:10:05.000Z' }
    expect(timingsAt(loaded, at)).toEqual({ queuedMs: 0, loadMs: 5_000, computeMs: 2_000 })
  })

  it('leaves an ended job as it ended', () => {
    const timings = { queuedMs: 1, loadMs: 2, computeMs: 3 }
    expect(timingsAt(jobWith({ state: 'failed', timings }), start + 1e9)).toEqual(timings)
  })

  it('is never negative, also when the clocks differ', () => {
    expect(timingsAt(jobWith(), start - 5000).queuedMs).toBe(0)
  })
})

describe('shares', () => {
  it('sums to 1 and shows every part that exists', () => {
    const ms = fc.double({ min: 0, max: 1e9, noNaN: true })
    fc.assert(
      fc.property(ms, ms, ms, (queuedMs, loadMs, computeMs) => {
        const parts = shares({ queuedMs, loadMs, computeMs })
        const sum = parts.reduce((all, part) => all + part, 0)
        expect(queuedMs + loadMs + computeMs > 0 ? Math.abs(sum - 1) < 1e-9 : sum === 0).toBe(true)
        expect(parts.every((part, i) => [queuedMs, loadMs, computeMs][i] === 0 || part > 0.01)).toBe(true)
      }),
    )
  })
})

describe('secondsText', () => {
  it.each([
    [0, '0'],
    [4, '0.004'],
    [123, '0.12'],
    [4100, '4.1'],
    [212_000, '212'],
    [3_600_000, '3,600'],
  ])('%d ms is %s', (ms, text) => {
    expect(secondsText(ms)).toBe(text)
  })
})

describe('timingsText', () => {
  it('has one unit while all is short, and minutes where a part is long', () => {
    expect(timingsText({ queuedMs: 8, loadMs: 804.4, computeMs: 4.21 })).toBe('8 / 804 / 4.2 ms')
    expect(timingsText({ queuedMs: 400, loadMs: 200, computeMs: 212_000 })).toBe('0.40 / 0.20 / 212 s')
    expect(timingsText({ queuedMs: 400, loadMs: 4100, computeMs: 809_000 })).toBe('0 / 4 s / 13 min')
  })
})
