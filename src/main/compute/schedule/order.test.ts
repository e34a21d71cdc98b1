import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import { atRest } from './at-rest'
import { runForward } from './forward'
import { placeOrNull } from './place-or-null'
import { rankOf } from './rank'
import type { Arrival, ForwardStart } from './scene'

interface Given {
  at: number
  runMs: number
  priority?: number
  principal?: string
  /** Jobs of one version are of one class. */
  version?: string
}

/** When jobs of one core each, none of which makes room for another, start on a machine of `cores`; in the order given. */
function starts(cores: number, jobs: readonly Given[], weights: Record<string, number> = {}): ForwardStart[] {
  const capacity = { cpuCores: cores, memoryBytes: 1 }
  const arrivals = jobs.map(
    ({ at, runMs, priority = 50, principal = 'p', version = `${runMs}` }, seq): Arrival => ({
      at,
      group: {
        key: `${principal} ${version}`,
        engineKey: version,
        principal: principal as PrincipalId,
        need: { cpuCores: 1 },
        share: 1 / cores,
        load: { memoryBytes: 0, estimateMs: 0 },
        jobs: [],
        workMs: 0,
      },
      job: {
        ...{ id: String(seq) as JobId, seq, priority, runMs, mostMs: runMs },
        ...{ rank: rankOf(priority, at), readyAt: at },
      },
    }),
  )
  const device = { id: 'cpu0' as DeviceId, kind: 'cpu' as const, free: capacity, capacity, healthy: true }
  const state = atRest({
    devices: [device],
    weights: new Map(Object.entries(weights).map(([id, weight]) => [id as PrincipalId, weight])),
  })
  const scene = { state, running: [], arrivals, pausings: new Map() }
  const durations = {
    runOf: (_: unknown, { runMs }: { runMs: number | null }) => runMs ?? 0,
    remainingOf: () => 0,
  }
  return runForward(scene, durations, placeOrNull).starts.sort((a, b) => Number(a.job) - Number(b.job))
}

describe('priority', () => {
  it('goes before length: the urgent is next, however many short ones wait and however long it takes itself', () => {
    const short = Array.from({ length: 300 }, () => ({ at: 0, runMs: 100, priority: 30, version: 'short' }))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 600_000 }), (points, runMs) => {
        const urgent = { at: 1, runMs, priority: 30 + points, version: 'urgent' }
        expect(starts(1, [...short, urgent]).at(-1)?.at).toBe(100)
      }),
      { numRuns: 20 },
    )
  })

  it('goes before fair shares: they decide within one priority', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1_000 }), (points, runMs) => {
        const own = Array.from({ length: 20 }, () => ({
          ...{ at: 0, runMs: 1_000, priority: 40 + points, principal: 'a' },
        }))
        const others = Array.from({ length: 5 }, () => ({ at: 0, runMs, priority: 40, principal: 'b' }))
        const begun = starts(2, [...own, ...others])
        expect(Math.min(...begun.slice(20).map(({ at }) => at))).toBe(10_000)
      }),
      { numRuns: 20 },
    )
  })
})

describe('fair shares', () => {
  const until = 120_000

  /** Of all that ran until then, what is the part of those with long jobs, both having enough to do? */
  function partOfLong(cores: number, shortMs: number, longMs: number, weight: number, scale = 1): number {
    const backlogOf = (principal: string, runMs: number): Given[] =>
      Array.from({ length: Math.ceil((until * cores) / runMs) }, () => ({ at: 0, runMs, principal }))
    const jobs = [...backlogOf('short', shortMs), ...backlogOf('long', longMs)]
    const had = new Map<string | undefined, number>()
    starts(cores, jobs, { short: scale, long: weight * scale }).forEach(({ at }, i) => {
      const { principal, runMs = 0 } = jobs[i] ?? {}
      had.set(principal, (had.get(principal) ?? 0) + Math.max(0, Math.min(runMs, until - at)))
    })
    const [short = 0, long = 0] = [had.get('short'), had.get('long')]
    return long / (long + short)
  }

  it('follow the weights, however long the jobs of each are and however many fit at once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 4),
        fc.integer({ min: 500, max: 3_000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(1, 2, 3),
        fc.constantFrom(0.1, 1, 30),
        (cores, shortMs, times, weight, scale) => {
          const fair = weight / (weight + 1)
          const longMs = shortMs * times
          const part = partOfLong(cores, shortMs, longMs, weight, scale)
          // Not nearer than one of the long jobs.
          expect(Math.abs(part - fair)).toBeLessThan(0.12 + longMs / until / cores)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('count what was held lately, where there is room for one job only', () => {
    expect(partOfLong(1, 1_000, 10_000, 1)).toBeCloseTo(0.5, 1)
  })
})
