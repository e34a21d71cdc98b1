import { expect, it } from 'vitest'
import { advance, type Pace, remainingMs } from './pace'

function after(counts: readonly (readonly [atMs: number, bytes: number])[]): Pace {
  return counts.reduce<Pace | null>((pace, [atMs, bytes]) => advance(pace, bytes, atMs), null) as Pace
}

it('tells the time left from a steady pace', () => {
  const pace = after(Array.from({ length: 20 }, (_, i) => [i * 200, i * 2_000] as const))
  expect(remainingMs(pace, 138_000)).toBeCloseTo(10_000)
})

it('does not jump with one slow moment, and follows a lasting change', () => {
  const steady = Array.from({ length: 20 }, (_, i) => [i * 200, i * 2_000] as const)
  const hiccup = after([...steady, [4_200, 38_100]])
  expect(remainingMs(hiccup, 48_100) ?? 0).toBeLessThan(1_300)
  const slower = Array.from({ length: 200 }, (_, i) => [4_000 + i * 200, 38_000 + i * 200] as const)
  expect(after([...steady, ...slower]).bytesPerMs).toBeCloseTo(1, 1)
})

it('knows nothing from one count, from none that moves, or when it begins again', () => {
  expect(remainingMs(after([[0, 5]]), 10)).toBeNull()
  expect(
    remainingMs(
      after([
        [0, 5],
        [500, 5],
      ]),
      10,
    ),
  ).toBeNull()
  expect(
    after([
      [0, 5],
      [500, 50],
      [600, 0],
    ]).bytesPerMs,
  ).toBeNull()
})
