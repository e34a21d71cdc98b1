import { expect, it } from 'vitest'
import { expectedToEnd, thoughtToEnd } from './ends'

it('is what it was thought to be until that has passed, then a quarter more than has', () => {
  const at = (now: number) => thoughtToEnd(100, 1_000, now)
  expect([100, 1_000, 1_099, 1_100, 2_100].map(at)).toEqual([1_100, 1_100, 1_100, 1_350, 2_600])
  expect(thoughtToEnd(100, null, 500)).toBeNull()
})

it('moves on with what has passed, and not beyond what it is thought to take', () => {
  const of = (mostMs: number | null) => (now: number) => expectedToEnd(0, 1_000, mostMs, now)
  expect([0, 800, 960, 2_000].map(of(1_100))).toEqual([1_000, 1_000, 1_100, 2_500])
  expect([0, 960].map(of(null))).toEqual([1_000, 1_200])
  // One of known length ends when it is to end, however near that is.
  expect([0, 999].map(of(1_000))).toEqual([1_000, 1_000])
  expect(expectedToEnd(0, null, 1_000, 500)).toBeNull()
})
