import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type Pipeline, PipelineSpec } from '../../shared/contract'
import type { JobId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import { createLogger } from '../platform/logger'
import { createJobStore } from './jobs/job-store'
import { createPipelineStore } from './jobs/pipeline-store'
import { Retention } from './retention'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

const DAY_MS = 86_400_000

let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness()
  system = await harness.open()
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

async function run(count: number): Promise<JobId[]> {
  const jobs = await Promise.all(
    Array.from({ length: count }, () => system.submit({ kind: 'synthetic', durationMs: 0 })),
  )
  const ids = jobs.map(({ id }) => id as JobId)
  await until(() => ids.every((id) => system.compute.get(id).state === 'succeeded'))
  return ids
}

/** The program ends, time passes, and it starts again. */
async function reopenAfter(ms: number): Promise<void> {
  await system.die()
  harness.clock.jump(ms)
  system = await harness.open()
}

const isThere = (id: string) => {
  try {
    return system.compute.get(id).id === id
  } catch {
    return false
  }
}

it('what others still wait for stays, however much of it there is, and what is behind it goes', async () => {
  const needed = await run(60)
  const later = await run(5)
  const held = await system.submit({ kind: 'synthetic', durationMs: 0, hold: true, dependsOn: needed })
  await reopenAfter(31 * DAY_MS)
  const young = await run(1)
  await harness.clock.advance(11 * 60_000)
  expect(needed.filter(isThere)).toEqual(needed)
  expect(later.filter(isThere)).toEqual([])
  expect(young.filter(isThere)).toEqual(young)
  await system.compute.cancel(held.id as JobId)
  await harness.clock.advance(11 * 60_000)
  expect(needed.filter(isThere)).toEqual([])
})

const load = { kind: 'synthetic', durationMs: 0 } as const
const submitPipeline = (jobs: Record<string, object>) =>
  system.compute.submitPipeline(
    PipelineSpec.parse({ jobs: Object.entries(jobs).map(([key, job]) => ({ key, ...load, ...job })) }),
    'p-alice' as PrincipalId,
  )
const idsOf = ({ jobs }: Pipeline) =>
  Object.fromEntries(jobs.map(({ key, job }) => [key, job.id as JobId])) as Record<string, JobId>

it('jobs of a pipeline stay until it has ended, and a page full of them keeps nothing behind them', async () => {
  const open = await submitPipeline({
    ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`leaf-${i}`, {}])),
    held: { hold: true },
  })
  const { held, ...leaves } = idsOf(open) as Record<string, JobId> & { held: JobId }
  const kept = Object.values(leaves)
  await until(() => kept.every((id) => system.compute.get(id).state === 'succeeded'))
  const behind = await run(5)
  await reopenAfter(31 * DAY_MS)
  await harness.clock.advance(11 * 60_000)
  expect(kept.filter(isThere)).toEqual(kept)
  expect(behind.filter(isThere)).toEqual([])
  await system.compute.cancel(held)
  await harness.clock.advance(11 * 60_000)
  expect(kept.filter(isThere)).toEqual([])
})

it('a pipeline that loses jobs stays what it came to, and is not run again without them', async () => {
  const pipeline = await submitPipeline({ failed: { fail: 'error', maxAttempts: 1 }, held: { hold: true } })
  const id = pipeline.id as PipelineId
  const { failed, held } = idsOf(pipeline) as { failed: JobId; held: JobId }
  await until(() => system.compute.get(failed).state === 'failed')
  await reopenAfter(20 * DAY_MS)
  await system.compute.resume(held)
  await until(() => system.compute.get(held).state === 'succeeded')
  const summary = async () => (await system.compute.listPipelines({ limit: 10 }, null)).items[0]
  const before = await summary()
  expect(before).toMatchObject({ state: 'failed', jobs: 2, ended: 2 })
  await reopenAfter(11 * DAY_MS)
  await harness.clock.advance(11 * 60_000)
  expect([failed, held].map(isThere)).toEqual([false, true])
  expect(await summary()).toEqual(before)
  expect(await system.compute.getPipeline(id)).toMatchObject({ state: 'failed', jobs: [{ key: 'held' }] })
  await expect(system.compute.retryPipeline(id, 'p-alice' as PrincipalId)).rejects.toMatchObject({
    code: 'compute.conflict',
    details: { pipeline: id, jobs: 2, missing: 1 },
  })
})

it('a pipeline goes with the last of its jobs', async () => {
  const submit = (hold: boolean) => submitPipeline({ a: {}, b: { hold, dependsOn: ['a'] } })
  const ended = await submit(false)
  const open = await submit(true)
  await until(async () => (await system.compute.getPipeline(ended.id as PipelineId)).state === 'succeeded')
  await reopenAfter(31 * DAY_MS)
  await harness.clock.advance(11 * 60_000)
  await expect(system.compute.getPipeline(ended.id as PipelineId)).rejects.toMatchObject({
    code: 'compute.not_found',
  })
  expect((await system.compute.getPipeline(open.id as PipelineId)).jobs).toHaveLength(2)
})

/** Another one over the same data, stepped by hand. */
function byHand() {
  const { database, storage } = system
  const store = createJobStore(database)
  const logger = createLogger('silent')
  const retention = new Retention({
    ...{ store, database, storage, logger, clock: harness.clock },
    pipelines: createPipelineStore(database, store),
    isNeeded: () => false,
    keepOutcome: () => 0,
    onRemove: () => undefined,
  })
  const left = (ids: readonly JobId[]) => ids.filter((id) => store.find(id) !== null)
  return { retention, left, warn: vi.spyOn(logger, 'warn') }
}

it('a clock that is set forward by a month makes no job old, and days that pass do', async () => {
  const ended = await run(3)
  const { retention, left, warn } = byHand()
  for (let times = 0; times < 2; times++) {
    harness.clock.jump(31 * DAY_MS)
    await retention.step()
    await retention.step()
  }
  expect(left(ended)).toEqual(ended)
  expect(warn).toHaveBeenCalledTimes(1)
  for (let passed = 0; passed < 30 * DAY_MS; passed += DAY_MS / 6) {
    expect(left(ended)).toEqual(ended)
    harness.clock.jump(DAY_MS / 6)
    await retention.step()
  }
  harness.clock.jump(1)
  await retention.step()
  expect(left(ended)).toEqual([])
})

it('jobs with hundreds of artifacts go in a step each, by one statement', async () => {
  const ended = await run(5)
  const { artifacts } = system.storage
  const staged = await artifacts.stage(Buffer.from('{}'))
  system.database.transaction(() => {
    for (const id of ended) for (let i = 0; i < 400; i++) artifacts.attach(staged, id, `items-${i}`)
  })
  harness.clock.jump(31 * DAY_MS)
  const { retention, left } = byHand()
  const remove = vi.spyOn(artifacts, 'remove')
  for (let step = 1; step <= 5; step++) {
    expect(await retention.step()).toBe(step === 5)
    expect(remove).toHaveBeenCalledTimes(step)
    expect(left(ended)).toHaveLength(5 - step)
  }
  expect(ended.flatMap((id) => artifacts.list(id))).toEqual([])
})
