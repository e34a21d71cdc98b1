import { afterEach, expect, it, vi } from 'vitest'
import type { PipelineSpecInput } from '../../shared/contract'
import { PipelineSpec } from '../../shared/contract'
import type { PipelineId } from '../../shared/domain/ids'
import { Estimates } from './jobs/estimates'
import { ALICE, createHarness, fakeVersion, type Harness, type Opened, replaysHere } from './testing/harness'

let harness: Harness
let system: Opened

afterEach(async () => {
  await system.die()
  await harness.remove()
})

const sleeps = (key: string, seconds: number, dependsOn: string[] = [], more = {}) => ({
  key,
  kind: 'synthetic' as const,
  durationMs: seconds * 1000,
  need: { cpuCores: 1 },
  dependsOn,
  ...more,
})

/** Seconds from its submission at which each job of the pipeline started, and the last ended. @param last its start is the end of what is looked at */
async function run(jobs: PipelineSpecInput['jobs'], last?: string) {
  const began = harness.clock.now()
  const { id } = await system.compute.submitPipeline(PipelineSpec.parse({ jobs }), ALICE)
  for (let step = 0; step < 400; step++) {
    const pipeline = await system.compute.getPipeline(id as PipelineId)
    const isOver = pipeline.jobs.some(({ key, job }) => key === last && job.startedAt !== null)
    if (isOver || pipeline.state !== 'running') {
      const since = (time: string | null) => Math.floor((Date.parse(time ?? '') - began) / 1000)
      return {
        starts: Object.fromEntries(pipeline.jobs.map(({ key, job }) => [key, since(job.startedAt)])),
        ended: since(pipeline.finishedAt),
        devices: pipeline.jobs.map(({ job }) => job.placement?.find(({ amounts }) => amounts.gpu)?.device),
      }
    }
    await harness.clock.advance(250)
  }
  throw new Error('The pipeline did not end.')
}

it('a pipeline begins with what its end hangs on, though other jobs of it are shorter', async () => {
  harness = await createHarness({ cores: 2 })
  system = await harness.open()
  const { starts, ended } = await run([
    sleeps('a', 4),
    sleeps('b', 4),
    sleeps('long', 5),
    sleeps('last', 10, ['long']),
  ])
  expect(starts['long']).toBe(0)
  // Shortest first would need 4 + 5 + 10.
  expect(ended).toBeLessThan(17)
})

it.each([
  ['a large pipeline follows its course too, planned in a thread', 250, true],
  ['a small one is planned within the turn', 50, false],
])('%s', async (_, count, isInThread) => {
  const course = vi.spyOn(replaysHere, 'course')
  harness = await createHarness({ cores: 2 })
  system = await harness.open()
  const short = Array.from({ length: count }, (_, i) => sleeps(`n${i}`, 0.2))
  const { starts } = await run([...short, sleeps('long', 5), sleeps('last', 10, ['long'])], 'long')
  expect(course.mock.calls.length > 0).toBe(isInThread)
  // In the order of arrival it would come after all the short ones.
  expect(starts['long']).toBeLessThan(3)
})

it('what jobs take is asked once for all that are alike, on each device', async () => {
  harness = await createHarness({ cores: 2, gpus: 3 })
  system = await harness.open()
  const asked = vi.spyOn(Estimates.prototype, 'runMsOn')
  const jobs = Array.from({ length: 60 }, (_, i) => ({
    key: `n${i}`,
    kind: 'infer' as const,
    model: i < 50 ? 'm@1' : 'n@1',
    need: { gpu: 1 },
    hold: true,
    inputs: { x: { dtype: 'float32' as const, shape: [2], data: [1, i] } },
  }))
  await system.compute.submitPipeline(PipelineSpec.parse({ jobs }), ALICE)
  expect(asked).toHaveBeenCalledTimes(2 * 3)
})

it('priority goes before the course', async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
  const { starts } = await run([
    sleeps('urgent', 4, [], { priority: 60 }),
    sleeps('long', 5),
    sleeps('last', 10, ['long']),
  ])
  expect(starts['urgent']).toBe(0)
})

it('other jobs are served between those of a long pipeline', async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
  const jobs = Array.from({ length: 30 }, (_, i) => sleeps(`n${i}`, 3))
  const running = run(jobs)
  await harness.clock.advance(500)
  const other = await system.submit({ kind: 'synthetic', durationMs: 1_000, need: { cpuCores: 1 } })
  await running
  const { createdAt, startedAt } = system.compute.get(other.id as never)
  expect(Date.parse(startedAt ?? '') - Date.parse(createdAt)).toBeLessThan(10_000)
})

it('a job of a pipeline waits for the faster device where that ends the pipeline sooner', async () => {
  harness = await createHarness({ cores: 2, gpus: 2 })
  system = await harness.open()
  const devices = system.core.listDevices().filter(({ kind }) => kind === 'gpu')
  const [fast, slow] = devices.map(({ id }) => id)
  // What a run of the model takes where: tried out before.
  let asked = 0
  const infer = (key: string) => ({
    key,
    kind: 'infer' as const,
    model: 'm@1',
    need: { gpu: 1 },
    // Each time others: results are taken over where nothing has changed.
    inputs: { x: { dtype: 'float32' as const, shape: [2], data: [1, ++asked] } },
  })
  for (const [device, ms] of [
    [fast, 1_000],
    [slow, 10_000],
  ] as const) {
    system.executor.itemMs = ms
    const other = system.core.allocate(
      { gpu: 1 },
      { holder: ALICE, purpose: 'test', priority: 50, job: null, ttlMs: null },
      [{ device: (device === fast ? slow : fast) as never, amounts: { gpu: 1 } }],
    )
    await run([infer('try')])
    system.core.release(other.id as never)
  }
  system.executor.itemMs = 1_000
  const { devices: used } = await run(['a', 'b', 'c'].map((key) => infer(key)))
  expect(used).toEqual([fast, fast, fast])
})

it('what follows a job with a big output runs where that ran, of two devices alike', async () => {
  harness = await createHarness({ cores: 4, gpus: 2 })
  const version = fakeVersion('big', 1)
  const outputs = [{ name: 'x', dtype: 'float32' as const, shape: [1_000_000_000] }]
  harness.versions.set('big@1', {
    ...version,
    signature: { inputs: version.signature?.inputs ?? [], outputs },
  })
  system = await harness.open()
  system.executor.itemMs = 1_000
  const infer = (key: string, model: string, dependsOn: string[] = []) => ({
    key,
    kind: 'infer' as const,
    model,
    need: { gpu: 1 },
    inputs: { x: { dtype: 'float32' as const, shape: [2], data: [1, key.length] } },
    dependsOn,
  })
  const [first, second] = system.core.listDevices().flatMap(({ id, kind }) => (kind === 'gpu' ? [id] : []))
  const lease = system.core.allocate(
    { gpu: 1 },
    { holder: ALICE, purpose: 'test', priority: 50, job: null, ttlMs: null },
    [{ device: first as never, amounts: { gpu: 1 } }],
  )
  system.executor.onInfer = () => {
    system.core.release(lease.id as never)
    system.executor.onInfer = () => undefined
  }
  const { devices } = await run([
    infer('big', 'big@1'),
    infer('after', 'm@1', ['big']),
    infer('last', 'm@1', ['after']),
  ])
  expect(devices.slice(0, 2)).toEqual([second, second])
})
