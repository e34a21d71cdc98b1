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
  pace.planned(0, { blocked: new Map([['flood', block]]), stranded: new Set(stranded) })
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
  const blocked = (block: Block) => ({ blocked: new Map([['flood', block]]), stranded: new Set<string>() })
  pace.planned(0, blocked({ kind: 'quota', missing: {} }))
  pace.planned(7 * HOUR_MS, blocked({ kind: 'resources' }))
  const expected = 0.45 * Math.sqrt(8 * HOUR_MS * HOUR_MS)
  expect(pace.observe(8 * HOUR_MS, 0, [{ ...flooded, jobs }]).pace).toBeCloseTo(expected)
})
