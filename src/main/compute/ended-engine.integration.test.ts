import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JobSpecInput } from '../../shared/contract'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

const infer: JobSpecInput = {
  kind: 'infer',
  model: 'm@1',
  inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
  maxAttempts: 1,
}
let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness()
  system = await harness.open()
  system.executor.itemMs = 1000
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

async function run(): Promise<string> {
  const { id } = await system.submit(infer)
  await finished(id)
  return id
}
async function finished(id: string): Promise<void> {
  await until(async () => {
    await harness.clock.advance(500)
    return system.compute.get(id).finishedAt !== null
  })
}

it('a job whose warm engine ends before it begins goes back to the queue and counts no failure', async () => {
  await run()
  const { executor } = system
  const { run: really } = executor
  executor.run = (id, ...rest) => {
    executor.run = really
    executor.crash(id)
    return really(id, ...rest)
  }
  const id = await run()
  expect(system.compute.get(id)).toMatchObject({ state: 'succeeded', attempt: 2 })
  expect(system.compute.get(id).attempts).toMatchObject([{ end: 'interrupted' }])
  const log = await system.compute.log(id as never)
  expect(log.map(({ text }) => text)).toContain('Interrupted: the worker that it was to run on has ended')
})

it('a job whose own engine ends before it begins has failed', async () => {
  const { executor } = system
  const { run: really } = executor
  executor.run = (id, ...rest) => {
    executor.crash(id)
    return really(id, ...rest)
  }
  const id = await run()
  expect(system.compute.get(id)).toMatchObject({
    state: 'failed',
    error: { code: 'compute.worker_crashed' },
  })
})

it('an engine that is about to end gets no more jobs', async () => {
  await run()
  const [engine] = system.executor.engines()
  system.executor.unloadMs = 60_000
  void system.executor.unload(engine?.id as never)
  const { id } = await system.submit(infer)
  await finished(id)
  expect(system.compute.get(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(system.executor.loads).toHaveLength(2)
})
