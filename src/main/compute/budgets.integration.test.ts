import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { ALICE, createHarness, type Harness, type Opened, passUntil, until } from './testing/harness'

const HOUR_MS = 3_600_000
const x = { x: { dtype: 'float32' as const, shape: [2], data: [1, 2] } }

let harness: Harness
let system: Opened
beforeEach(async () => {
  harness = await createHarness({ cores: 2 })
  system = await harness.open()
  // A worker that fails or is stopped is loaded anew.
  system.executor.itemMs = 1000
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

async function onAnother(machine: Parameters<typeof createHarness>[0]): Promise<void> {
  await system.die()
  await harness.remove()
  harness = await createHarness(machine)
  system = await harness.open()
}

const budget = (amounts: { cpuSeconds?: number; gpuSeconds?: number; jobs?: number }, principal = ALICE) =>
  system.core.setQuota({ principal, limit: {}, budget: { ...amounts, windowMs: HOUR_MS } })
const sleep = (durationMs: number, by = ALICE) => system.submit({ kind: 'synthetic', durationMs }, by)
const job = (id: string) => system.compute.get(id)

it('jobs wait for a budget that is used up, and say when there is more', async () => {
  budget({ cpuSeconds: 19 })
  const first = await system.submit({ kind: 'synthetic', durationMs: 10_000, need: { cpuCores: 2 } })
  await until(() => job(first.id).state === 'running')
  await harness.clock.advance(9_000)
  const next = await sleep(1_000)
  const other = await sleep(1_000, 'p-bob' as PrincipalId)
  await harness.clock.advance(2_000)
  expect(job(first.id)).toMatchObject({ state: 'failed', error: { code: 'core.budget_exceeded' } })
  expect(job(next.id).state).toBe('queued')
  expect(job(next.id).waitReason).toMatch(
    /^Waiting for its budget: 19 of 19 CPU seconds of the last hour used; more from \d\d:\d\d$/,
  )
  await until(() => job(other.id).state === 'succeeded')
  await harness.clock.advance(HOUR_MS)
  await harness.clock.advance(2_000)
  expect(job(next.id).state).toBe('succeeded')
})

it('the next of a row of short jobs does not begin on a budget that is used up', async () => {
  const pass = <Value>(work: Promise<Value>) => passUntil(harness.clock, work, 1)
  const load = (durationMs: number, by = ALICE) =>
    pass(system.submit({ kind: 'synthetic', durationMs, need: { cpuCores: 2 } }, by))
  budget({ cpuSeconds: 0.2 })
  await load(300, 'p-bob' as PrincipalId)
  const jobs = [await load(5), await load(5), await load(5)]
  const states = () => jobs.map(({ id }) => job(id).state)
  await pass(until(() => states().includes('running')))
  // It ends before the alarm says that the budget is used up.
  harness.clock.jump(150)
  await pass(until(() => !states().includes('running')))
  expect(states()).toEqual(['succeeded', 'queued', 'queued'])
})

it('a batch keeps what it has done, waits, and goes on where it was, also after a restart', async () => {
  budget({ cpuSeconds: 5.5 })
  const batch = await system.submit({
    kind: 'batch',
    model: 'm@1',
    items: Array.from({ length: 10 }, () => x),
  })
  await harness.clock.advance(5_400)
  expect(job(batch.id).state).toBe('running')
  await harness.clock.advance(200)
  await until(() => job(batch.id).state === 'queued')
  expect(job(batch.id).progress).toBe(0.5)
  const before = [...system.executor.computed]
  await system.die()
  system = await harness.open()
  system.executor.itemMs = 1000
  expect(job(batch.id)).toMatchObject({ state: 'queued', progress: 0.5 })
  budget({ cpuSeconds: 3600 })
  await harness.clock.advance(1_000)
  await harness.clock.advance(6_000)
  await until(() => job(batch.id).state === 'succeeded')
  expect([...before, ...system.executor.computed]).toEqual(Array.from({ length: 10 }, (_, i) => String(i)))
  expect(await system.compute.result(batch.id as JobId, 0)).toMatchObject({ kind: 'batch' })
})

it('more submissions than the budget are refused, also by pipelines and repeats, and none of them is there', async () => {
  budget({ jobs: 2 })
  await system.submit({ kind: 'synthetic', durationMs: 0, idempotencyKey: 'once' })
  await system.submit({ kind: 'synthetic', durationMs: 0, idempotencyKey: 'once' })
  const pipeline = system.compute.submitPipeline(
    {
      name: 'p',
      jobs: ['a', 'b'].map((key) => ({
        ...{ kind: 'synthetic' as const, key, durationMs: 0, busy: false, priority: 50, maxAttempts: 1 },
        ...{ dependsOn: [], runWhen: 'succeeded' as const, labels: {}, hold: false },
      })),
    } as never,
    ALICE,
  )
  await expect(pipeline).rejects.toMatchObject({ code: 'core.budget_exceeded' })
  expect(system.core.getQuota(ALICE).used).toMatchObject({ jobs: 1 })
  await sleep(0)
  await expect(sleep(0)).rejects.toMatchObject({
    code: 'core.budget_exceeded',
    details: { resource: 'jobs', used: 2, limit: 2 },
  })
  expect(system.compute.list({ limit: 100 }).items).toHaveLength(2)
  await harness.clock.advance(HOUR_MS + 60_000)
  await sleep(0)
})

it('a short job that began before it was on the disk, and is one too many, is refused and holds nothing', async () => {
  system.executor.itemMs = 1
  const infer = () => system.submit({ kind: 'infer', model: 'm@1', inputs: x })
  const settled = async (submitted: ReturnType<typeof infer>[]) => {
    const all = Promise.allSettled(submitted)
    for (let turn = 0; turn < 20; turn++) await harness.clock.advance(5)
    return all
  }
  for (let i = 0; i < 3; i++) await settled([infer()])
  budget({ jobs: 1 })
  const outcomes = await settled([infer(), infer(), infer()])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'core.budget_exceeded' },
  })
  expect(system.compute.list({ limit: 100 }).items.map(({ state }) => state)).toEqual(
    Array.from({ length: 4 }, () => 'succeeded'),
  )
  expect(system.core.listLeases().filter(({ job: holder }) => holder !== null)).toEqual([])
})

it('of two who fill the machine, one of weight 3 gets three times as much', async () => {
  const light = 'p-light' as PrincipalId
  await onAnother({ cores: 8 })
  system.core.setQuota({ principal: ALICE, limit: {}, weight: 3 })
  await Promise.all(Array.from({ length: 20 }, () => [sleep(1_000, light), sleep(1_000)]).flat())
  const running = () => system.compute.list({ limit: 200, state: 'running' }).items
  await until(() => running().length === 8)
  const ofAlice = running().filter(({ principal }) => principal === ALICE)
  expect(ofAlice).toHaveLength(6)
})

it('where one job fits, who has long ones gets as much as who has short ones', async () => {
  const long = 'p-long' as PrincipalId
  await onAnother({ cores: 1 })
  const whole = (durationMs: number, by: PrincipalId) =>
    system.submit({ kind: 'synthetic', durationMs, preemptible: false }, by)
  await Promise.all(Array.from({ length: 40 }, () => whole(1_000, ALICE)))
  await Promise.all(Array.from({ length: 4 }, () => whole(10_000, long)))
  for (let second = 0; second < 40; second++) await harness.clock.advance(1_000)
  const had = (principal: PrincipalId) =>
    system.compute
      .list({ limit: 200, principal })
      .items.reduce((sum, { timings }) => sum + timings.computeMs, 0)
  expect(had(long)).toBeGreaterThanOrEqual(10_000)
  expect(had(ALICE)).toBeGreaterThanOrEqual(10_000)
})

describe('a quota of memory', () => {
  const BOB = 'p-bob' as PrincipalId
  const run = (by: PrincipalId, model = 'm@1') => system.submit({ kind: 'infer', model, inputs: x }, by)
  const states = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => job(id).state)
  const engineHolders = () =>
    system.core.listLeases().flatMap(({ job: of, holder }) => (of === null ? [holder] : []))
  const pass = <Value>(work: Promise<Value>) => passUntil(harness.clock, work, 10)
  /** Lets time pass until they have ended. */
  async function finish(jobs: readonly { id: string }[]): Promise<void> {
    for (let step = 0; step < 200 && !states(jobs).every((state) => state === 'succeeded'); step++) {
      await harness.clock.advance(10)
      await until(() => true)
    }
  }
  beforeEach(() => {
    system.executor.memoryBytes = 2e6
    system.executor.itemMs = 30
  })

  it('counts the model that runs, not the one that lies idle', async () => {
    const held = () => system.core.getQuota(ALICE).held.memoryBytes ?? 0
    const first = await run(ALICE)
    await until(() => job(first.id).state === 'running')
    expect(held()).toBe(2e6)
    await finish([first])
    expect(held()).toBe(0)
    expect(engineHolders()).toEqual(['system'])
  })

  // Short ones begin before they are on the disk, if the engine is idle.
  it.each([30, 1])(
    'bypass: a model that does not fit into it is not run, loaded by others or not (%i ms)',
    async (itemMs) => {
      system.core.setQuota({ principal: ALICE, limit: { memoryBytes: 1e6 } })
      const before = await run(ALICE)
      await harness.clock.advance(100)
      expect(states([before])).toEqual(['queued'])
      await system.compute.cancel(before.id as JobId)
      system.executor.itemMs = itemMs
      for (let time = 0; time < 15; time++) {
        await finish([await pass(run(BOB))])
      }
      const mine = await pass(run(ALICE))
      await harness.clock.advance(1_000)
      expect(job(mine.id)).toMatchObject({
        state: 'queued',
        waitCauses: [{ kind: 'quota', exceeded: { memoryBytes: 1e6 } }],
      })
      system.core.setQuota({ principal: ALICE, limit: { memoryBytes: 2e6 } })
      await finish([mine])
      expect(states([mine])).toEqual(['succeeded'])
    },
  )

  it('lets one model after the other run where two at once would be too much', async () => {
    system.core.setQuota({ principal: ALICE, limit: { memoryBytes: 3e6 } })
    let most = 0
    const off = system.core.onDidChangeLeases(() => {
      most = Math.max(most, system.core.getQuota(ALICE).held.memoryBytes ?? 0)
    })
    const jobs = [await run(ALICE), await run(ALICE, 'm@2'), await run(BOB, 'n@1')]
    await finish(jobs)
    off()
    expect(states(jobs)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    expect(most).toBe(2e6)
    expect(engineHolders()).toHaveLength(3)
  })
})
