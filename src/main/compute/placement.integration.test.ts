import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { ALICE, createHarness, type Harness, type Opened, until } from './testing/harness'

let harness: Harness
let system: Opened
beforeEach(async () => {
  harness = await createHarness({ cores: 8 })
  system = await harness.open()
  for (const [name, numaNode] of [
    ['Pool A', 0],
    ['Pool B', 1],
  ] as const)
    system.core.declareDevice(
      { kind: 'gpu', name, vendor: '', capacity: { gpu: 4, gpuMemoryBytes: 8e9 }, properties: { numaNode } },
      ALICE,
    )
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const run = (gpu: number, place: object) =>
  system.submit({ kind: 'synthetic', durationMs: 1000, need: { cpuCores: 1, gpu }, place })
const gpusOf = (id: string) =>
  system.compute.get(id).placement?.flatMap(({ amounts }) => amounts.gpu ?? []) ?? []

it('jobs lie as they ask to, or wait until they can, or are told that they never will', async () => {
  const spread = await run(4, { devices: 'spread' })
  await until(() => system.compute.get(spread.id).state === 'running')
  expect(gpusOf(spread.id)).toEqual([2, 2])
  const same = await run(3, { devices: 'same', numaNode: 1 })
  await until(() => system.compute.get(same.id).waitReason !== null)
  // Four are free, two on each.
  expect(system.compute.get(same.id)).toMatchObject({
    state: 'queued',
    place: { devices: 'same', numaNode: 1 },
  })
  await harness.clock.advance(1000)
  await until(() => system.compute.get(same.id).state === 'running')
  expect(gpusOf(same.id)).toEqual([3])
  await expect(run(5, { devices: 'same' })).rejects.toMatchObject({
    code: 'core.impossible',
    message: expect.stringContaining('each on one device'),
  })
  await expect(run(1, { numaNode: 7 })).rejects.toMatchObject({ code: 'core.impossible' })
})

it('their cores are to be of the memory node that was named, or of the GPU that was leased', async () => {
  const { executor } = system
  const run = executor.run.bind(executor)
  const nodes: unknown[] = []
  executor.run = (engine, request, hooks, allotment) => {
    nodes.push(allotment?.numaNode)
    return run(engine, request, hooks, allotment)
  }
  for (const [need, place] of [
    [{ cpuCores: 1 }, { numaNode: 1 }],
    [{ cpuCores: 1, gpu: 4 }, { numaNode: 1 }],
    [{ cpuCores: 1, gpu: 4 }, {}],
    [{ cpuCores: 1 }, {}],
  ] as const) {
    const count = nodes.length
    await system.submit({ kind: 'synthetic', durationMs: 60_000, need, place })
    await until(() => nodes.length > count)
  }
  expect(nodes).toEqual([1, 1, 0, null])
})

it('hints survive a restart and are those of a repetition', async () => {
  const holder = { holder: 'p-bob' as PrincipalId, purpose: 'test', priority: 50, ttlMs: null }
  system.core.allocate({ gpu: 6 }, holder)
  const job = await run(4, { devices: 'spread' })
  await system.die()
  system = await harness.open()
  await until(() => system.compute.get(job.id).state === 'running')
  expect(gpusOf(job.id)).toEqual([2, 2])
  await harness.clock.advance(1000)
  await until(() => system.compute.get(job.id).state === 'succeeded')
  const again = await system.compute.retry(job.id as JobId, ALICE)
  expect(again.place).toEqual({ devices: 'spread' })
})
