import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JobId } from '../../shared/domain/ids'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness({ cores: 4 })
  system = await harness.open()
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const job = ({ id }: { id: string }) => system.compute.get(id as JobId)
const load = (cpuCores: number) =>
  system.submit({ kind: 'synthetic', durationMs: 10_000, need: { cpuCores }, name: `load of ${cpuCores}` })

it('where cores are left to others a job waits for them by name, but never when nothing else runs', async () => {
  const { clock, host } = harness
  const reading = { device: 'cpu0', load: 0.75, memoryUsedBytes: 0, memoryTotalBytes: 16e9 }
  host.reading = { readings: [reading], childrenMemoryBytes: 0 }
  host.foreign = [{ device: 'cpu0', name: 'cc1plus', pid: 7, memoryBytes: 1e9, cpuCores: 3 }]
  await clock.advance(120_000)
  // Planned in one turn, in which the first changes what is there for the second.
  const jobs = await Promise.all([load(2), load(2)])
  await until(() => jobs.some((one) => job(one).state === 'running'))
  await clock.advance(500)
  const [waiting, ...others] = jobs.map(job).filter(({ state }) => state === 'queued')
  expect(others).toEqual([])
  expect(waiting?.waitReason).toContain('3 held by cc1plus (outside LLMAgentOS)')
  await clock.advance(10_000)
  await until(() => job(waiting as never).state === 'running')
  await clock.advance(10_000)
  await until(() => jobs.every((one) => job(one).state === 'succeeded'))
  // All of it, though three cores are busy.
  const large = await load(4)
  await until(() => job(large).state === 'running')
})

it('where the owner shares them they keep nobody waiting', async () => {
  const { clock, host } = harness
  system.core.updateDevice('cpu0', { yieldsToOthers: false })
  const reading = { device: 'cpu0', load: 1, memoryUsedBytes: 0, memoryTotalBytes: 16e9 }
  host.reading = { readings: [reading], childrenMemoryBytes: 0 }
  await clock.advance(120_000)
  const jobs = await Promise.all([load(2), load(2)])
  await until(() => jobs.every((one) => job(one).state === 'running'))
})
