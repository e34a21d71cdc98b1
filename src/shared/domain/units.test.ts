import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatBytes, formatDuration } from './units'

describe('units', () => {
  it.each([
    [0.42, '0.4 ms'],
    [12, '12 ms'],
    [999.7, '1 s'],
    [1234, '1.2 s'],
    [59_960, '1 min'],
    [200_000, '3 min 20 s'],
    [599_700, '10 min'],
    [3_599_900, '1 h'],
    [7_500_000, '2 h 5 min'],
    [7_199_000, '2 h'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text))

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [2_327_524, '2.33 MB'],
    [999_999, '1 MB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it('no part of a duration reaches the unit above it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        const [, milliseconds] = /^(\d+) ms$/.exec(formatDuration(ms)) ?? []
        const [, sixtieths] = /(?:^| )([\d.]+) (?:s|min)$/.exec(formatDuration(ms)) ?? []
        expect(Number(milliseconds ?? 0)).toBeLessThan(1000)
        expect(Number(sixtieths ?? 0)).toBeLessThan(60)
      }),
    )
  })
})
