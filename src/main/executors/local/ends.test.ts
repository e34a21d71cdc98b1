import { expect, it } from 'vitest'
import { longestLoadMs } from './ends'

it('a load may take a minute, and longer the more there is to read', () => {
  const gigabyte = { sizeBytes: 1e9 }
  expect(longestLoadMs([])).toBe(60_000)
  expect(longestLoadMs([{ sizeBytes: 1 }])).toBe(60_000)
  expect(longestLoadMs([gigabyte])).toBe(80_000)
  // A language model of 40 GB in shards, at 50 MB/s.
  expect(longestLoadMs(Array(40).fill(gigabyte))).toBe(860_000)
})
