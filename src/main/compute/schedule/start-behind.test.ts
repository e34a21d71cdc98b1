import { expect, it } from 'vitest'
import { startBehind } from './start-behind'

const NOW = 1_000_000
const foretold = { at: NOW + 300, earliest: NOW + 240, latest: NOW + 390 }

it('is as far off the work before it, and as uncertain, as the last that was foretold', () => {
  expect(startBehind(NOW, 1_000, { waitMs: 200, foretold })).toEqual({
    at: NOW + 1_500,
    earliest: NOW + 1_200,
    latest: NOW + 1_950,
  })
})

it('is the work before it, and anything up to twice that, where nothing is foretold or what is says nothing', () => {
  const bare = { at: NOW + 1_000, earliest: NOW, latest: NOW + 2_000 }
  expect(startBehind(NOW, 1_000, null)).toEqual(bare)
  expect(startBehind(NOW, 1_000, { waitMs: 0, foretold })).toEqual(bare)
  expect(
    startBehind(NOW, 1_000, { waitMs: 5, foretold: { at: NOW - 1, earliest: NOW - 2, latest: NOW } }),
  ).toEqual(bare)
})

it('does not run away with one that has nothing to do with the work before it', () => {
  expect(startBehind(NOW, 1_000, { waitMs: 1, foretold }).at).toBe(NOW + 4_000)
})
