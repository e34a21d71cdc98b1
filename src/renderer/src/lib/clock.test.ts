import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { aheadBy, readSystemClock, systemNow } from './clock'

const NOON = Date.parse('2026-01-01T12:00:00Z')
const answerAt = (atMs: number) => new Response(null, { headers: { date: new Date(atMs).toUTCString() } })

beforeEach(() => vi.useFakeTimers({ now: NOON, toFake: ['Date'] }))
afterEach(() => {
  vi.useRealTimers()
})

it('a clock that is off by minutes is told from the date of an answer, whichever way', () => {
  expect(aheadBy('Thu, 01 Jan 2026 12:05:00 GMT', NOON, NOON + 1_000)).toBe(300_000)
  expect(aheadBy('Thu, 01 Jan 2026 11:40:00 GMT', NOON, NOON + 1_000)).toBe(-1_200_000)
})

it('what may be the way of the answer is no difference, and no date says nothing', () => {
  expect(aheadBy('Thu, 01 Jan 2026 12:00:01 GMT', NOON, NOON)).toBe(0)
  expect(aheadBy('Thu, 01 Jan 2026 11:59:59 GMT', NOON, NOON + 2_000)).toBe(0)
  expect(aheadBy(null, NOON, NOON)).toBe(0)
})

it('the time now is that of the system, also while no answer comes', async () => {
  expect(systemNow()).toBe(NOON)
  await readSystemClock(async () => answerAt(NOON + 600_000))
  expect(systemNow()).toBe(NOON + 600_500)
  await readSystemClock(() => Promise.reject(new TypeError('Failed to fetch')))
  expect(systemNow()).toBe(NOON + 600_500)
  await readSystemClock(async () => answerAt(NOON))
  expect(systemNow()).toBe(NOON)
})
