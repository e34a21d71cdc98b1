import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobId, LeaseId, PrincipalId } from '../../shared/domain/ids'
import type { ResourceVector } from '../../shared/domain/resources'
import { ALICE, createHarness, type Harness, type Opened } from './testing/harness'

const BOB = 'p-bob' as PrincipalId
const HOUR_MS = 3_600_000
const WAITED_MS = 180_000
const SHORT_MS = 100
const LONG_MS = 2_000

let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness({ cores: 2, gpus: 1 })
  system = await harness.open()
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const load = (durationMs: number, need: ResourceVector = { cpuCores: 2 }, by = ALICE) =>
  system.submit({ kind: 'synthetic', durationMs, need, priority: 100, preemptible: false }, by)
const hold = (need: ResourceVector) =>
  system.core.allocate(need, { holder: BOB, purpose: 'test', priority: 50, job: null, ttlMs: null })
const state = (id: string) => system.compute.get(id).state

/** How long a job of two seconds waits in a stream of short ones that fills the machine, all of the highest priority. */
async function waitInStream(): Promise<number> {
  for (let i = 0; i < 5; i++) await load(SHORT_MS)
  const { id } = await load(LONG_MS, { cpuCores: 2, memoryBytes: 1e6 })
  const from = harness.clock.now()
  for (let i = 0; i < 500 && state(id) === 'queued'; i++) {
    await load(SHORT_MS)
    await harness.clock.advance(SHORT_MS)
  }
  return harness.clock.now() - from
}

/** Some 2 s in a system of which nothing is known: when it has waited about 2 paces it counts less than a short one. */
const AS_AT_FIRST_MS = 3_500

describe('how long a long job waits in a stream of short ones', () => {
  it('follows from the load', async () => {
    expect(await waitInStream()).toBeLessThan(AS_AT_FIRST_MS)
  })

  it('is no longer when a job has waited for a device that is gone', async () => {
    const { clock, host } = harness
    const lease = hold({ gpuMemoryBytes: 8e9 })
    const stranded = await load(HOUR_MS, { gpuMemoryBytes: 8e9 })
    host.devices = host.devices.slice(0, 1)
    await system.core.rescan()
    // Also behind one that only waits for its turn.
    await load(SHORT_MS)
    await load(SHORT_MS)
    await clock.advance(WAITED_MS)
    expect(state(stranded.id)).toBe('queued')
    await system.compute.cancel(stranded.id as JobId)
    system.core.release(lease.id as LeaseId)
    expect(await waitInStream()).toBeLessThan(AS_AT_FIRST_MS)
  })

  it('is no longer when a job has waited for its quota', async () => {
    system.core.setQuota({ principal: BOB, limit: { cpuCores: 1 } })
    const lease = hold({ cpuCores: 1 })
    const { id } = await load(HOUR_MS, { cpuCores: 1 }, BOB)
    await harness.clock.advance(WAITED_MS)
    expect(state(id)).toBe('queued')
    await system.compute.cancel(id as JobId)
    system.core.release(lease.id as LeaseId)
    expect(await waitInStream()).toBeLessThan(AS_AT_FIRST_MS)
  })

  it('is no longer when a job has waited while the machine slept', async () => {
    const first = await load(2_000)
    const second = await load(SHORT_MS)
    await harness.clock.advance(1_000)
    harness.clock.jump(8 * HOUR_MS)
    await harness.clock.advance(10_000)
    expect([state(first.id), state(second.id)]).toEqual(['succeeded', 'succeeded'])
    expect(await waitInStream()).toBeLessThan(AS_AT_FIRST_MS)
  })

  it('is no longer when a job has waited while the system did not run', async () => {
    await load(2_000)
    const second = await load(SHORT_MS)
    await harness.clock.advance(1_000)
    await system.die()
    harness.clock.jump(8 * HOUR_MS)
    system = await harness.open()
    await harness.clock.advance(10_000)
    expect(state(second.id)).toBe('succeeded')
    expect(await waitInStream()).toBeLessThan(AS_AT_FIRST_MS)
  })
})
