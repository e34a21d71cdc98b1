import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

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

const app = (priority: number, ttlMs: number) => ({
  holder: 'p-app' as PrincipalId,
  purpose: 'api',
  priority,
  ttlMs,
})
const job = ({ id }: { id: string }) => system.compute.get(id as JobId)
const load = (need: { cpuCores: number; gpu?: number }) =>
  system.submit({ kind: 'synthetic', durationMs: 60_000, need, name: 'training' })

/** A program asks for a core and has it for 8 s, if one is free. */
async function programAsks(priority: number): Promise<void> {
  await system.core
    .request({ cpuCores: 1 }, { ...app(priority, 8_000), waitMs: 0 })
    .catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'core.unavailable') throw error
    })
}

/** One asks every 4 s, so that two leases overlap at any time, and there are two cores. */
async function programsHaveAll(priority = 50): Promise<void> {
  await programAsks(priority)
  await harness.clock.advance(4_000)
  await programAsks(priority)
}

/** @returns after how many seconds it runs though programs go on like this; null: it never does */
async function secondsUntilItRuns(one: { id: string }, priority = 50): Promise<number | null> {
  for (let seconds = 4; seconds < 400; seconds += 4) {
    await harness.clock.advance(4_000)
    if (job(one).state === 'running') return seconds
    await programAsks(priority)
  }
  return null
}

it('leases that overlap without end do not starve a job that needs the whole machine', async () => {
  await programsHaveAll()
  const wide = await load({ cpuCores: 2 })
  // Five until its room is kept, and what the leases of before still have.
  expect(await secondsUntilItRuns(wide)).toBeLessThanOrEqual(20)
})

it('more urgent ones go before it for as long as that is worth', async () => {
  await programsHaveAll(100)
  const wide = await load({ cpuCores: 2 })
  const seconds = await secondsUntilItRuns(wide, 100)
  expect(seconds).toBeGreaterThanOrEqual(50)
  expect(seconds).toBeLessThanOrEqual(70)
})

it('nor where one waits before it for a GPU that a program does not give back', async () => {
  system.core.allocate({ gpu: 1 }, app(50, 86_400_000))
  await programsHaveAll()
  const first = await load({ cpuCores: 1, gpu: 1 })
  const wide = await load({ cpuCores: 2 })
  expect(await secondsUntilItRuns(wide)).toBeLessThanOrEqual(20)
  expect(job(first).state).toBe('queued')
})

it('a request that is kept out is told for whom, and gets it when the job has ended or is cancelled', async () => {
  const lease = system.core.allocate({ cpuCores: 1 }, app(50, 86_400_000))
  const wide = await load({ cpuCores: 2 })
  await harness.clock.advance(5_000)
  // Something changes: the next turn.
  system.core.release(system.core.allocate({ gpu: 1 }, app(50, 86_400_000)).id as never)
  await harness.clock.advance(100)
  const asks = () => system.core.allocate({ cpuCores: 1 }, app(50, 1_000))
  expect(asks).toThrow('It is kept for training, which goes first.')
  const waiting = system.core.request({ cpuCores: 1 }, { ...app(50, 1_000), waitMs: 600_000 })
  await harness.clock.advance(10_000)
  expect(system.core.listLeases().map(({ id }) => id)).toEqual([lease.id])
  await system.compute.cancel(wide.id as JobId)
  expect((await waiting).need).toEqual({ cpuCores: 1 })
})

it('no room is kept any more when the job runs, and the next keeps its own', async () => {
  const lease = system.core.allocate({ cpuCores: 1 }, app(50, 86_400_000))
  const wide = await load({ cpuCores: 2 })
  await harness.clock.advance(10_000)
  system.core.release(lease.id as never)
  await until(() => job(wide).state === 'running')
  const waiting = system.core.request({ cpuCores: 1 }, { ...app(50, 1_000), waitMs: 600_000 })
  await harness.clock.advance(60_000)
  await until(() => job(wide).state === 'succeeded')
  expect((await waiting).need).toEqual({ cpuCores: 1 })
})

it('a request that waits does not get it in the moment in which the job can start', async () => {
  const all = await system.submit({ kind: 'synthetic', durationMs: 30_000, need: { cpuCores: 2 } })
  await until(() => job(all).state === 'running')
  const wide = await load({ cpuCores: 2 })
  await harness.clock.advance(20_000)
  const waiting = system.core.request({ cpuCores: 1 }, { ...app(50, 1_000), waitMs: 600_000 })
  await harness.clock.advance(15_000)
  await until(() => job(wide).state === 'running')
  expect(job(wide).placement).toHaveLength(1)
  await harness.clock.advance(60_000)
  await until(() => job(wide).state === 'succeeded')
  expect((await waiting).need).toEqual({ cpuCores: 1 })
})

it('room kept for a job follows its priority', async () => {
  system.core.allocate({ cpuCores: 1 }, app(50, 86_400_000))
  const wide = await load({ cpuCores: 2 })
  await harness.clock.advance(10_000)
  const asks = () => system.core.allocate({ cpuCores: 1 }, app(60, 1_000))
  // Ten seconds older is worth ten points.
  await harness.clock.advance(10_000)
  expect(asks).toThrow('It is kept for training, which goes first.')
  await system.compute.setPriority(wide.id as JobId, 20)
  await harness.clock.advance(1_000)
  expect(asks().need).toEqual({ cpuCores: 1 })
})
