import { afterEach, expect, it } from 'vitest'
import type { Lease } from '../../shared/contract'
import type { JobId, LeaseId, PrincipalId } from '../../shared/domain/ids'
import { createHarness, type Harness, type HarnessOptions, type Opened } from './testing/harness'

const GB = 1e9
const HOUR_MS = 3_600_000

let harness: Harness
let system: Opened

async function open(options: HarnessOptions): Promise<void> {
  harness = await createHarness(options)
  system = await harness.open()
}
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const app = (name: string, priority = 50) => ({
  holder: `p-${name}` as PrincipalId,
  purpose: name,
  priority,
  ttlMs: HOUR_MS,
})
const stateOf = ({ id }: { id: string }) => system.compute.get(id as JobId).state
const load = (need: object, priority = 50) =>
  system.submit({ kind: 'synthetic', durationMs: HOUR_MS, need, priority, name: 'training' })

/** A request that waits, and what has become of it. */
function request(need: object, priority = 50): { lease?: Lease } {
  const waits: { lease?: Lease } = {}
  const options = { ...app('bob', priority), waitMs: HOUR_MS }
  system.core.request(need, options).then(
    (lease) => {
      waits.lease = lease
    },
    () => undefined,
  )
  return waits
}

it.each(['job', 'request'])(
  'a newcomer gets only what lies beside both rooms, that of a %s first',
  async (first) => {
    await open({ cores: 16 })
    const old = Array.from({ length: 16 }, () => system.core.allocate({ cpuCores: 1 }, app('old')))
    const both = {
      job: () => load({ cpuCores: 6 }),
      request: async () => request({ cpuCores: 6 }),
    }
    const waits: { job?: { id: string }; request?: { lease?: Lease } } = {}
    for (const which of first === 'job' ? (['job', 'request'] as const) : (['request', 'job'] as const)) {
      if (which === 'job') waits.job = await both.job()
      else waits.request = await both.request()
      await harness.clock.advance(1_000)
    }
    await harness.clock.advance(7_000)
    let carols = 0
    for (const { id } of old) {
      system.core.release(id as LeaseId)
      await harness.clock.advance(1_000)
      await system.core.request({ cpuCores: 1 }, { ...app('carol'), waitMs: 0 }).then(
        () => carols++,
        () => undefined,
      )
    }
    expect(carols).toBe(4)
    expect(waits.request?.lease).toBeDefined()
    expect(waits.job && stateOf(waits.job)).toBe('running')
  },
)

it('where a program outside leaves room for one of both only, the first has it', async () => {
  await open({ cores: 4, memoryBytes: 16 * GB })
  const all = system.core.allocate({ memoryBytes: 16 * GB }, app('old'))
  const job = await load({ memoryBytes: 6 * GB })
  await harness.clock.advance(1_000)
  const bob = request({ memoryBytes: 6 * GB })
  await harness.clock.advance(7_000)
  const used = { device: 'cpu0', load: 0, memoryUsedBytes: 6 * GB, memoryTotalBytes: 16 * GB }
  harness.host.reading = { readings: [used], childrenMemoryBytes: 0 }
  system.core.release(all.id as LeaseId)
  await harness.clock.advance(3_000)
  expect(stateOf(job)).toBe('running')
  expect(bob.lease).toBeUndefined()
  harness.host.reading = { readings: [{ ...used, memoryUsedBytes: 0 }], childrenMemoryBytes: 0 }
  await harness.clock.advance(3_000)
  expect(bob.lease).toBeDefined()
})

it('nobody waits for a request that a program outside leaves no room for', async () => {
  await open({ cores: 4, memoryBytes: 16 * GB })
  const all = system.core.allocate({ memoryBytes: 16 * GB }, app('old'))
  request({ memoryBytes: 12 * GB })
  await harness.clock.advance(7_000)
  const used = { device: 'cpu0', load: 0, memoryUsedBytes: 6 * GB, memoryTotalBytes: 16 * GB }
  harness.host.reading = { readings: [used], childrenMemoryBytes: 0 }
  system.core.release(all.id as LeaseId)
  await harness.clock.advance(3_000)
  const job = await load({ memoryBytes: 6 * GB })
  await harness.clock.advance(3_000)
  expect(stateOf(job)).toBe('running')
})

it.each([
  ['that a request gets which goes before it', 80, 'running', true],
  ['that no request gets before it', 95, 'queued', false],
])('a job is stopped for another only for a place %s: priority %i', async (_, priority, state, isBobs) => {
  await open({ cores: 4 })
  const victim = await load({ cpuCores: 4 }, 30)
  await harness.clock.advance(1_000)
  const bob = request({ cpuCores: 4 })
  await harness.clock.advance(40_000)
  const urgent = await load({ cpuCores: 4 }, priority)
  await harness.clock.advance(5_000)
  expect(stateOf(victim)).toBe(state)
  expect(stateOf(urgent)).toBe(isBobs ? 'queued' : 'running')
  // Whoever holds the place ends: the first in rank has it.
  await system.compute.cancel((isBobs ? victim : urgent).id as JobId)
  await harness.clock.advance(5_000)
  expect(bob.lease).toBeDefined()
})
