import { expect, it } from 'vitest'
import type { PrincipalId } from '../../../shared/domain/ids'
import { QueuePace } from './queue-pace'
import { type Block, DEFAULT_POLICY, type QueueClass } from './types'

const HOUR_MS = 3_600_000

const flooded: QueueClass = {
  key: 'flood',
  engineKey: 'm',
  principal: 'p' as PrincipalId,
  need: {},
  share: 1,
  load: { memoryBytes: 0, estimateMs: 0 },
  jobs: [],
  workMs: 8 * HOUR_MS,
}

function afterFlood(block: Block, stranded: string[] = []): { pace: QueuePace; peakMs: number } {
  const pace = new QueuePace(DEFAULT_POLICY)
  pace.planned(0, { blocked: new Map([['flood', block]]), stranded: new Set(stranded), start: [] })
  return {
    pace,
    peakMs: pace.observe(8 * HOUR_MS, 0, [{ ...flooded, jobs: [{ readyAt: 0 } as never] }]).pace,
  }
}

it('a flood is half forgotten in an hour, however long it was', () => {
  const { pace, peakMs } = afterFlood({ kind: 'resources' })
  expect(peakMs).toBeCloseTo(0.45 * 8 * HOUR_MS)
  expect(pace.observe(9 * HOUR_MS, 0, []).pace).toBeCloseTo(peakMs / 2)
  expect(pace.observe(32 * HOUR_MS, 0, []).pace).toBe(DEFAULT_POLICY.leastPaceMs)
})

it.each([
  { kind: 'quota', missing: {} },
  { kind: 'budget', usedUp: { resource: 'cpuSeconds', freeAt: null } as never },
  { kind: 'runtime', name: 'onnx' },
] satisfies Block[])('what waits for a $kind is no load', (block) => {
  expect(afterFlood(block).peakMs).toBe(DEFAULT_POLICY.leastPaceMs)
})

it('what waits for what no job could give back is no load', () => {
  expect(afterFlood({ kind: 'resources' }, ['flood']).peakMs).toBe(DEFAULT_POLICY.leastPaceMs)
})

it('waiting counts from when it is for room', () => {
  const pace = new QueuePace(DEFAULT_POLICY)
  const jobs = [{ readyAt: 0 } as never]
  const blocked = (block: Block) => ({
    blocked: new Map([['flood', block]]),
    stranded: new Set<string>(),
    start: [],
  })
  pace.planned(0, blocked({ kind: 'quota', missing: {} }))
  pace.planned(7 * HOUR_MS, blocked({ kind: 'resources' }))
  const expected = 0.45 * Math.sqrt(8 * HOUR_MS * HOUR_MS)
  expect(pace.observe(8 * HOUR_MS, 0, [{ ...flooded, jobs }]).pace).toBeCloseTo(expected)
})

it('does not depend on how many turns there are', () => {
  const after = (turns: number) => {
    const pace = new QueuePace(DEFAULT_POLICY)
    const [first, second] = [0, 1].map((readyAt) => ({ readyAt, runMs: 4 * HOUR_MS }) as never)
    const decided = {
      blocked: new Map([['flood', { kind: 'resources' } as Block]]),
      stranded: new Set<string>(),
    }
    pace.observe(0, 0, [{ ...flooded, jobs: [first as never, second as never] }])
    pace.planned(0, { ...decided, start: [{ job: first, class: flooded } as never] })
    const left = { ...flooded, jobs: [second as never], workMs: 4 * HOUR_MS }
    for (let i = 0; i < turns; i++) {
      pace.observe(0, 4 * HOUR_MS, [left])
      pace.planned(0, { ...decided, start: [] })
    }
    return pace.observe(3 * HOUR_MS, HOUR_MS, [left]).pace
  }
  expect(after(3)).toBe(after(0))
  expect(after(0)).toBeGreaterThan(DEFAULT_POLICY.leastPaceMs)
})
