import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { TelemetrySample } from '../../../shared/contract'
import { addSamples, TELEMETRY_WINDOW_MS } from './telemetry'

vi.mock('./errors', () => ({ toErrorView: () => ({ code: 'internal', message: '', details: {} }) }))
vi.mock('./client', () => ({ onEachConnection: () => () => undefined }))

const NOW = Date.UTC(2026, 0, 1, 12)
const sample = (device: string, secondsAgo: number, load = 0.5): TelemetrySample => ({
  device,
  at: new Date(NOW - secondsAgo * 1000).toISOString(),
  load,
  memoryUsedBytes: 1,
  memoryTotalBytes: 2,
})

describe('addSamples', () => {
  it('keeps devices apart and forgets what is older than the window', () => {
    const first = addSamples(new Map(), [sample('a', 1000), sample('a', 10), sample('b', 5)], NOW)
    expect(first.get('a')?.map((s) => s.at)).toEqual([sample('a', 10).at])
    expect(first.get('b')).toHaveLength(1)
  })

  it('is in order of time, without doubles, within the window, for any order of arrival', () => {
    const seconds = fc.array(fc.nat(2000), { maxLength: 40 })
    fc.assert(
      fc.property(seconds, seconds, (a, b) => {
        const once = addSamples(
          new Map(),
          a.map((s) => sample('d', s)),
          NOW,
        )
        const times = (
          addSamples(
            once,
            b.map((s) => sample('d', s)),
            NOW,
          ).get('d') ?? []
        ).map((s) => Date.parse(s.at))
        const wanted = [...new Set([...a, ...b])]
          .map((s) => NOW - s * 1000)
          .filter((at) => at >= NOW - TELEMETRY_WINDOW_MS)
        expect(times).toEqual(wanted.sort((x, y) => x - y))
      }),
    )
  })
})
