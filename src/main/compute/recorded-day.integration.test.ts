import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openToRead } from '../platform/database'
import { parseQueueCase } from './schedule/queue-case'
import { readDay } from './schedule/replay/read-day'
import { simulate } from './schedule/replay/simulate'
import { createHarness } from './testing/harness'

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
    const cores = day.resources.indexOf('cpuCores')
    expect(day.nodes[0]?.cap[cores]).toBe(2)
    expect(day.leftOut).toBe(0)
    const seen = day.jobs.map(([submit, runtime, , , need, , user]) => [
      Math.round(submit),
      Math.round(runtime),
      need[cores],
      user,
    ])
    const user = day.jobs[0]?.[6]
    expect(seen).toEqual([
      [0, 10, 2, user],
      [1, 5, 1, user],
    ])
    const { workload } = parseQueueCase(day)
    expect(simulate(workload, 'fcfs').maxWait).toBeCloseTo(9, 0)
    expect(simulate(workload, 'online').decisions).toBeGreaterThan(0)
  })

  it('leaves out what the last day did not see', async () => {
    await sleeper(1_000, 1)
    await advance(5_000)
    harness.clock.jump(25 * 3_600_000)
    await sleeper(2_000, 1)
    await advance(5_000)
    expect(readDay(file).jobs.map(([, runtime]) => Math.round(runtime))).toEqual([2])
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
