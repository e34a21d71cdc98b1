import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobSpecInput } from '../../shared/contract'
import type { LeaseId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import type { FoundDevice } from '../core/host'
import { ALICE, createHarness, type Harness, type Opened, until } from './testing/harness'

const onGpu: JobSpecInput = {
  kind: 'infer',
  model: 'm@1',
  inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
  need: { gpu: 1 },
  maxAttempts: 1,
}
let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness({ gpus: 2 })
  system = await harness.open()
  system.executor.itemMs = 1000
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const jobLeases = () => system.core.listLeases().filter(({ job }) => job !== null)
async function submitAndStart(): Promise<string> {
  const { id } = await system.submit(onGpu)
  await until(() => system.executor.engines().some(({ state }) => state === 'busy'))
  return id
}
/** @returns what puts it back */
function takeGpu(): () => Promise<unknown> {
  const all = harness.host.devices
  harness.host.devices = all.filter(({ kind }) => kind === 'cpu')
  return () => {
    harness.host.devices = all
    return system.core.rescan()
  }
}

describe('a device that goes while a job runs on it', () => {
  it('returns the work to the queue, ends the lease, counts no failure, and gets the work back when it is back', async () => {
    const id = await submitAndStart()
    const putBack = takeGpu()
    await system.core.rescan()
    await until(() => system.compute.get(id).state === 'queued')
    expect(system.compute.get(id)).toMatchObject({ attempt: 1, error: null, placement: null })
    expect(jobLeases()).toEqual([])
    await until(() => system.compute.engines().length === 0)
    const log = await system.compute.log(id as never)
    expect(log.map(({ text }) => text)).toContain('Interrupted: its device is no longer there, or has failed')

    await putBack()
    await until(() => system.compute.get(id).state === 'running')
    await harness.clock.advance(2000)
    await until(() => system.compute.get(id).state === 'succeeded')
    expect(system.compute.get(id).attempt).toBe(2)
    expect(jobLeases()).toEqual([])
  })

  it('is noticed though another comes back at the same moment', async () => {
    const [cpu, first, second] = harness.host.devices as [FoundDevice, FoundDevice, FoundDevice]
    harness.host.devices = [cpu, first]
    await system.core.rescan()
    const id = await submitAndStart()
    harness.host.devices = [cpu, second]
    await system.core.rescan()
    await until(() => system.compute.get(id).attempt === 2)
    expect(system.compute.get(id).placement).toMatchObject([{ device: 'cpu0' }, { device: second.id }])
  })

  it('is looked for when the worker fails first', async () => {
    const id = await submitAndStart()
    takeGpu()
    const engine = system.executor.engines()[0]
    system.executor.crash(engine?.id ?? '')
    await until(() => system.compute.get(id).state === 'queued')
    expect(system.compute.get(id).error).toBeNull()
  })

  it('that has failed, though the bus still shows it, gives its work back until it is well; but not for ever', async () => {
    const id = await submitAndStart()
    const crash = async (attempt: number) => {
      harness.host.failedTools = ['nvidia-smi']
      system.executor.crash(system.executor.engines().find(({ state }) => state === 'busy')?.id ?? '')
      await until(() => system.compute.get(id).state !== 'running')
      if (attempt > 3) return
      expect(system.compute.get(id)).toMatchObject({ state: 'queued', error: null })
      expect(jobLeases()).toEqual([])
      harness.host.failedTools = []
      await system.core.rescan()
      await until(() => system.compute.get(id).state === 'running')
    }
    for (let attempt = 1; attempt <= 4; attempt++) await crash(attempt)
    expect(system.compute.get(id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.worker_crashed' },
    })
  })

  it('is lost with each attempt of a job: the job ends', async () => {
    const id = await submitAndStart()
    for (let attempt = 1; attempt <= 4; attempt++) {
      const putBack = takeGpu()
      await system.core.rescan()
      await until(() => system.compute.get(id).state !== 'running')
      await putBack()
      if (attempt > 3) break
      await until(() => system.compute.get(id).state === 'running')
    }
    const { state, error, attempts } = system.compute.get(id)
    expect(attempts.map(({ end }) => end)).toEqual(['device_lost', 'device_lost', 'device_lost'])
    expect({ state, error }).toMatchObject({
      state: 'failed',
      error: { code: 'compute.worker_crashed', message: expect.stringContaining('4 times') },
    })
    expect(jobLeases()).toEqual([])
  })

  it('that is removed for good ends what waits for it, also what is held', async () => {
    const fpga = { kind: 'fpga' as const, name: 'card', vendor: '', capacity: { fpga: 1 }, properties: {} }
    const { id: device } = system.core.declareDevice(fpga, ALICE)
    const lease = system.core.allocate(
      { fpga: 1 },
      { holder: ALICE, purpose: 'other', priority: 50, ttlMs: null },
    )
    const load = { kind: 'synthetic' as const, durationMs: 1, need: { fpga: 1 } }
    const waits = await system.submit(load)
    const held = await system.submit({ ...load, hold: true })
    const after = await system.submit({ kind: 'synthetic', durationMs: 1, dependsOn: [waits.id] })
    const other = await system.submit({ kind: 'synthetic', durationMs: 1, hold: true })
    const gone = await system.submit({ ...onGpu, hold: true })
    takeGpu()
    await system.core.rescan()
    system.core.release(lease.id as LeaseId)
    system.core.removeDevice(device)
    await until(() => system.compute.get(after.id).state === 'failed')
    for (const { id } of [waits, held])
      expect(system.compute.get(id)).toMatchObject({ state: 'failed', error: { code: 'core.impossible' } })
    // Its own may come back.
    for (const { id } of [other, gone]) expect(system.compute.get(id).state).toBe('held')
  })

  it('is not blamed for a failure while it is there', async () => {
    system.executor.failures.push(new AppError('compute.runtime_failed', 'It cannot be computed.'))
    const { id } = await system.submit(onGpu)
    await until(() => system.compute.get(id).state === 'failed')
    expect(system.compute.get(id).error?.code).toBe('compute.runtime_failed')
  })
})
