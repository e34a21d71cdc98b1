import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Job, JobSpecInput } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { toIso } from '../platform/clock'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

/** What one takes alone, and two together. */
const RUN_MS = 40

let harness: Harness
let system: Opened
/** When inferences began, and how many: ms since `beganAt`. */
let runs: [number, number][]
let beganAt = 0

const infer = (more: Partial<JobSpecInput> = {}) =>
  ({
    kind: 'infer',
    model: 'm@1',
    inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
    ...more,
  }) as JobSpecInput

const job = (id: string): Job => system.compute.get(id as JobId)

/** Lets files and commits happen before time goes on. */
async function pass(ms: number): Promise<void> {
  for (let step = 0; step < ms; step++) {
    for (let turn = 0; turn < 10; turn++) await until(() => true)
    await harness.clock.advance(1)
  }
  for (let turn = 0; turn < 10; turn++) await until(() => true)
}

async function finish(jobs: readonly { id: string }[]): Promise<void> {
  for (let step = 0; step < 1_000 && jobs.some(({ id }) => job(id).state !== 'succeeded'); step++)
    await pass(1)
}

/** Several, `gapMs` apart. */
async function crowd(count: number, gapMs: number): Promise<Job[]> {
  const jobs: Job[] = []
  for (let i = 0; i < count; i++) {
    jobs.push(await system.submit(infer()))
    await pass(gapMs)
  }
  return jobs
}

function watch(): void {
  runs = []
  beganAt = harness.clock.now()
  system.executor.onInfer = (items) => runs.push([harness.clock.now() - beganAt, items.length])
}

beforeEach(async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
  system.executor.itemMs = RUN_MS
  system.executor.memoryBytes = 1e6
  await finish([await system.submit(infer())])
  // Two who meet show that a stack gives the same; with those that follow it is known what it takes.
  await finish(await crowd(10, 1))
  expect(system.executor.together.length).toBeGreaterThan(1)
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

it('a run waits for company that is expected, and both end together', async () => {
  watch()
  const first = await system.submit(infer())
  await pass(5)
  expect(runs).toEqual([])
  expect(job(first.id).state).toBe('running')
  const second = await system.submit(infer())
  await finish([first, second])
  expect(runs).toEqual([[5, 2]])
})

it('when nobody comes it begins, within half of what a run takes', async () => {
  watch()
  await finish([await system.submit(infer())])
  expect(runs).toEqual([[RUN_MS / 2, 1]])
})

it('it never waits beyond the target of its job', async () => {
  watch()
  await finish([await system.submit(infer({ latencyTargetMs: RUN_MS + 5 }))])
  expect(runs).toEqual([[5, 1]])
})

it('nor so long that its job would miss a deadline', async () => {
  const urgent = await system.submit(infer({ deadline: toIso(harness.clock.now() + RUN_MS + 10) }))
  await finish([urgent])
  expect(job(urgent.id).state).toBe('succeeded')
})

it('a lone caller, who comes again when he has his answer, waits for nobody', async () => {
  for (let call = 0; call < 8; call++) await finish([await system.submit(infer())])
  for (let call = 0; call < 3; call++) {
    watch()
    await finish([await system.submit(infer())])
    expect(runs).toEqual([[0, 1]])
  }
})

it('what others wait for is not held', async () => {
  watch()
  const first = await system.submit(infer())
  await pass(1)
  const other = await system.submit(infer({ model: 'm@2' }))
  await pass(1)
  expect(runs[0]).toEqual([1, 1])
  await finish([first, other])
})

it('one that is cancelled while it waits ends at once, and what comes then runs', async () => {
  watch()
  const first = await system.submit(infer())
  await pass(1)
  const cancelled = system.compute.cancel(first.id as JobId)
  await pass(2)
  expect((await cancelled).state).toBe('cancelled')
  await finish([await system.submit(infer())])
})

it('who comes and may not run does not prolong the wait', async () => {
  watch()
  const first = await system.submit(infer())
  for (let i = 0; i < 3; i++) {
    await pass(5)
    await system.submit(infer({ hold: true }))
  }
  await finish([first])
  expect(runs).toEqual([[RUN_MS / 2, 1]])
})

it('when its worker dies while it waits, it and who comes then run on another', async () => {
  const first = await system.submit(infer({ maxAttempts: 2 }))
  await pass(1)
  const [engine] = system.executor.engines()
  if (engine) system.executor.crash(engine.id)
  const second = await system.submit(infer({ maxAttempts: 2 }), 'p-bob' as PrincipalId)
  await pass(100)
  await harness.clock.advance(10_000)
  await finish([first, second])
  expect([first, second].map(({ id }) => job(id).state)).toEqual(['succeeded', 'succeeded'])
  expect(system.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
})
