import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobSpecInput } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { openToRead } from '../platform/database'
import { devicesOf } from './schedule/replay/nodes'
import { readDay } from './schedule/replay/read-day'
import { possibleOn } from './schedule/replay/recorded'
import { simulateDay } from './schedule/replay/simulate'
import { ALICE, createHarness } from './testing/harness'

type Harness = Awaited<ReturnType<typeof createHarness>>

let harness: Harness
let system: Awaited<ReturnType<Harness['open']>>
let file: string

beforeEach(async () => {
  harness = await createHarness({ cores: 2 })
  system = await harness.open()
  file = join(harness.dir, 'test.db')
})

afterEach(async () => {
  await system.die()
  await harness.remove()
})

const sleeper = (durationMs: number, cpuCores: number) =>
  system.submit({ kind: 'synthetic', durationMs, need: { cpuCores }, preemptible: false })

async function advance(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) await harness.clock.advance(Math.min(250, ms - passed))
}

describe('a recorded day', () => {
  it('is read while the system runs, as it came, and replayed on the machine it ran on', async () => {
    await sleeper(10_000, 2)
    await advance(1_000)
    await sleeper(5_000, 1)
    await advance(30_000)
    // One that still runs has no length yet.
    await sleeper(60_000, 1)
    await advance(1_000)
    const day = readDay(file)
    expect(day.machine.devices.map(({ kind, capacity }) => [kind, capacity.cpuCores])).toEqual([['cpu', 2]])
    const first = day.jobs[0]?.readyAt ?? 0
    const seen = day.jobs.map(({ job, readyAt, runMs }) => [
      Math.round((readyAt - first) / 1000),
      Math.round(runMs / 1000),
      job.definition.need.cpuCores,
      job.definition.principal,
    ])
    expect(seen).toEqual([
      [0, 10, 2, ALICE],
      [1, 5, 1, ALICE],
    ])
    expect(simulateDay(day, 'fcfs').maxWait).toBeCloseTo(9, 0)
    expect(simulateDay(day, 'online').decisions).toBeGreaterThan(0)
    expect(possibleOn(day.machine, day.jobs)).toHaveLength(2)
    const half = { ...day.machine, devices: devicesOf([{ id: 'n', cap: [1] }], ['cpuCores']) }
    expect(possibleOn(half, day.jobs).map(({ job }) => job.definition.need.cpuCores)).toEqual([1])
  })

  it('is replayed with who took whose place, with loads, quotas and the order of pipelines: each waits as it did', async () => {
    Object.assign(system.executor, { loadMs: 2_000, itemMs: 1_000, memoryBytes: 1e9 })
    const infer = (more: Partial<JobSpecInput> = {}, by = ALICE) => {
      const inputs = { x: { dtype: 'float32' as const, shape: [2], data: [1, 2] } }
      return system.submit({ kind: 'infer', model: 'm@1', inputs, ...more } as JobSpecInput, by)
    }
    const BOB = 'p-bob' as PrincipalId
    system.core.setQuota({ principal: BOB, limit: { cpuCores: 1 } })
    const load = { kind: 'synthetic' as const, need: { cpuCores: 2 } }
    await system.submit({ ...load, durationMs: 20_000, priority: 10 })
    await advance(5_000)
    await system.submit({ ...load, durationMs: 3_000, priority: 90 })
    await advance(25_000)
    await infer({ need: { cpuCores: 1 } })
    await advance(5_000)
    // Its engine is warm by now.
    await infer({ need: { cpuCores: 1 } })
    await advance(5_000)
    const half = { ...load, need: { cpuCores: 1 } }
    for (let i = 0; i < 3; i++) await system.submit({ ...half, durationMs: 4_000, preemptible: false }, BOB)
    await advance(20_000)
    const first = await system.submit({ ...half, durationMs: 6_000 })
    await system.submit({ ...half, durationMs: 1_000, dependsOn: [first.id] })
    await advance(10_000)

    const jobs = system.compute.list({ limit: 100 }).items
    expect(new Set(jobs.map(({ state }) => state))).toEqual(new Set(['succeeded']))
    expect(jobs.filter(({ preemptions }) => preemptions > 0)).toHaveLength(1)
    const waits = jobs.map(({ timings }) => timings.queuedMs / 1000)
    const day = readDay(file)
    const { meanWait, maxWait } = simulateDay(day, 'online')
    expect(meanWait).toBeCloseTo(waits.reduce((sum, wait) => sum + wait, 0) / waits.length, 0)
    expect(maxWait).toBeCloseTo(Math.max(...waits), 0)
    // In order of arrival the urgent one waits for 17 s.
    expect(simulateDay(day, 'easy').maxWait).toBeGreaterThan(14)
  })

  it('does not count what was done in vain: one that began anew runs as long as it ran in the end', async () => {
    Object.assign(system.executor, { itemMs: 1_500 })
    const inputs = { x: { dtype: 'float32' as const, shape: [2], data: [1, 2] } }
    await system.submit({ kind: 'infer', model: 'm@1', inputs, priority: 10, need: { cpuCores: 2 } })
    await advance(1_000)
    await system.submit({ kind: 'synthetic', durationMs: 4_000, priority: 90, need: { cpuCores: 2 } })
    await advance(10_000)
    const [first, second] = readDay(file).jobs
    expect(first?.job.definition.kind).toBe('infer')
    expect([first?.runMs, second?.runMs]).toEqual([1_500, 4_000])
    expect((second?.readyAt ?? 0) - (first?.readyAt ?? 0)).toBe(1_000)
  })

  it('leaves out what the last day did not see', async () => {
    await sleeper(1_000, 1)
    await advance(5_000)
    harness.clock.jump(25 * 3_600_000)
    await sleeper(2_000, 1)
    await advance(5_000)
    expect(readDay(file).jobs.map(({ runMs }) => Math.round(runMs / 1000))).toEqual([2])
  })

  it('cannot be changed through what reads it', () => {
    const database = openToRead(file)
    const rows = database.builder<{ job: { seq: number } }>()
    expect(() => database.run(rows.deleteFrom('job'))).toThrow(/readonly/)
    void database.dispose()
  })

  it('is asked for where there is none', () => {
    expect(() => readDay(join(harness.dir, 'nothing.db'))).toThrow(/There is no/)
  })
})
