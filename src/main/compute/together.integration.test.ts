import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Job, JobSpecInput } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { toIso } from '../platform/clock'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

let harness: Harness
let system: Opened

const infer = (value: number, more: Partial<JobSpecInput> = {}) =>
  ({
    kind: 'infer',
    model: 'm@1',
    inputs: { x: { dtype: 'float32', shape: [2], data: [value, value] } },
    ...more,
  }) as JobSpecInput

const job = (id: string): Job => system.compute.get(id as JobId)
const statesOf = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => job(id).state)
const areEnded = (jobs: readonly { id: string }[]) =>
  statesOf(jobs).every((state) => state !== 'queued' && state !== 'running')

const inMs = (ms: number) => toIso(harness.clock.now() + ms)

/** Whoever did not succeed: what is submitted at once may come in another order. */
const theFailed = (jobs: readonly { id: string }[]) =>
  jobs.map(({ id }) => job(id)).filter(({ state }) => state !== 'succeeded')

/** Lets time pass until all of them have ended. */
async function finish(jobs: readonly { id: string }[], stepMs = 10): Promise<void> {
  // On a busy machine the disk lags behind the clock: what runs is given longer.
  const goesOn = (step: number) => (step < 200 ? !areEnded(jobs) : statesOf(jobs).includes('running'))
  for (let step = 0; step < 5_000 && goesOn(step); step++) {
    await harness.clock.advance(stepMs)
    await until(() => true)
  }
  expect(statesOf(jobs)).not.toContain('running')
}

/** Until all of them are in one run, and their rows say so. */
async function allRun(jobs: readonly { id: string }[]): Promise<void> {
  await harness.clock.advance(10)
  await until(() => system.executor.together.length > 0)
  await harness.clock.advance(50)
  await until(() => statesOf(jobs).every((state) => state === 'running'))
}

/** Several that come while the engine is busy with another one. */
async function crowd(specs: readonly JobSpecInput[], first = infer(0)) {
  const busy = await system.submit(first)
  await until(
    () => job(busy.id).state === 'running' && system.executor.engines().some(({ state }) => state === 'busy'),
  )
  return Promise.all(specs.map((spec) => system.submit(spec)))
}

beforeEach(async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
  system.executor.itemMs = 10
  // What one takes, and (the two of the first crowd) that stacks give the same.
  const first = await system.submit(infer(1))
  await until(() => job(first.id).state === 'running')
  await finish([first])
  await finish(await crowd([infer(1), infer(2)]))
  expect(system.executor.together).toEqual([2])
  system.executor.together.length = 0
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

describe('like jobs that wait', () => {
  it('go back together when their engine ended before they began, for it was none of them', async () => {
    const { executor } = system
    const { run: really } = executor
    executor.run = (id, request, ...rest) => {
      if (request.kind === 'several') {
        executor.run = really
        executor.crash(id)
      }
      return really(id, request, ...rest)
    }
    const jobs = await crowd([infer(1), infer(2), infer(3)])
    await finish(jobs)
    expect(jobs.map(({ id }) => job(id))).toMatchObject(
      jobs.map(() => ({ state: 'succeeded', attempt: 2, attempts: [{ end: 'interrupted' }] })),
    )
    // The first of them loads the next engine.
    expect(executor.together).toEqual([2])
  })

  it('run in one go, each with its own answer', async () => {
    const jobs = await crowd(Array.from({ length: 12 }, (_, i) => infer(i)))
    await finish(jobs)
    expect(Math.max(...system.executor.together)).toBeGreaterThanOrEqual(4)
    expect(statesOf(jobs)).toEqual(jobs.map(() => 'succeeded'))
    for (const [i, { id }] of jobs.entries()) {
      const result = await system.compute.result(id as JobId, 0)
      expect(result.outputs).toEqual({ x: { dtype: 'float32', shape: [2], data: [i, i] } })
    }
    expect(system.core.listLeases().filter((lease) => lease.job !== null)).toEqual([])
  })

  it('run in one go also behind one that waits for what a program outside holds', async () => {
    const reading = { device: 'cpu0', load: 0, memoryUsedBytes: 12e9, memoryTotalBytes: 16e9 }
    harness.host.reading = { readings: [reading], childrenMemoryBytes: 0 }
    await harness.clock.advance(1_000)
    const need = { cpuCores: 1, memoryBytes: 10e9 }
    const vain = await system.submit({ kind: 'synthetic', durationMs: 1, need, priority: 100 })
    // From now on it goes before all that come.
    await harness.clock.advance(60_000)
    const jobs = await crowd(Array.from({ length: 12 }, (_, i) => infer(i)))
    await finish(jobs)
    expect(Math.max(...system.executor.together)).toBeGreaterThanOrEqual(4)
    expect(statesOf([vain, ...jobs])).toEqual(['queued', ...jobs.map(() => 'succeeded')])
  })

  it('one that fails keeps its failure to itself', async () => {
    const error = new AppError('compute.runtime_failed', 'That one is odd.')
    const jobs = await crowd(Array.from({ length: 4 }, (_, i) => infer(i)))
    system.executor.failures.push(null, error)
    await finish(jobs)
    expect(theFailed(jobs)).toMatchObject([{ error: { message: 'That one is odd.' } }])
  })

  it('whoever ends the worker does not end the others: each runs again by itself, and its fault is its own', async () => {
    const jobs = await crowd(Array.from({ length: 4 }, (_, i) => infer(i)))
    // The run of all, and then the second of them once more.
    system.executor.failures.push('crash', null, 'crash')
    await finish(jobs)
    expect(system.executor.together.filter((count) => count > 1)).toHaveLength(1)
    expect(theFailed(jobs)).toMatchObject([{ error: { code: 'compute.worker_crashed' } }])
  })

  it('one that is cancelled ends though the run hangs, and the others run after it', async () => {
    const jobs = await crowd(Array.from({ length: 3 }, (_, i) => infer(i)))
    system.executor.failures.push('hang')
    await allRun(jobs)
    void system.compute.cancel(jobs[1]?.id as JobId)
    await until(() => true)
    await harness.clock.advance(1_000)
    await finish(jobs)
    expect(statesOf(jobs)).toEqual(['succeeded', 'cancelled', 'succeeded'])
  })

  it('a timeout is of the job that has it: all run again, and whoever takes so long by itself fails', async () => {
    const jobs = await crowd([infer(1), infer(2, { timeoutMs: 200 }), infer(3)])
    // The run of all, and then the second of them once more.
    system.executor.failures.push('hang', null, 'hang')
    await allRun(jobs)
    await finish(jobs)
    expect(statesOf(jobs)).toEqual(['succeeded', 'failed', 'succeeded'])
    expect(job(jobs[1]?.id ?? '')).toMatchObject({ error: { code: 'compute.timeout' }, attempt: 2 })
  })

  it('one whose deadline comes while the run hangs runs by itself before', async () => {
    const jobs = await crowd([infer(1), infer(2, { deadline: inMs(2_000) }), infer(3)])
    system.executor.failures.push('hang')
    await allRun(jobs)
    await finish(jobs, 100)
    expect(statesOf(jobs)).toEqual(jobs.map(() => 'succeeded'))
  })

  it('what was acknowledged outlives a crash in the middle of the run', async () => {
    const jobs = await crowd(Array.from({ length: 6 }, (_, i) => infer(i)))
    await harness.clock.advance(10)
    await until(() => system.executor.together.length > 0)
    await system.die()
    system = await harness.open()
    await finish(jobs)
    expect(statesOf(jobs)).toEqual(jobs.map(() => 'succeeded'))
  })

  it('of other needs or kinds stay apart', async () => {
    const busy = await system.submit(infer(0))
    await until(() => job(busy.id).state === 'running')
    const jobs = [
      await system.submit(infer(1)),
      await system.submit(infer(2, { need: { cpuCores: 0.5 } })),
      await system.submit({ kind: 'benchmark', model: 'm@1', iterations: 2 }),
    ]
    await finish(jobs)
    expect(system.executor.together).toEqual([])
    expect(statesOf(jobs)).toEqual(jobs.map(() => 'succeeded'))
  })
})

describe('like jobs that have time enough, each by itself, run so where all together would take longer than', () => {
  /** Of an engine that has run one job: two of its jobs would run singly and in a stack. */
  const other = (value: number, more: Partial<JobSpecInput> = {}) => infer(value, { model: 'm@2', ...more })

  async function learn(itemMs: number): Promise<void> {
    system.executor.itemMs = itemMs
    await finish([await system.submit(other(1))])
  }

  it('their timeouts', async () => {
    await learn(400)
    const jobs = await crowd([other(1, { timeoutMs: 600 }), other(2, { timeoutMs: 600 })], other(0))
    await finish(jobs)
    expect(jobs.map(({ id }) => job(id))).toMatchObject(jobs.map(() => ({ state: 'succeeded', attempt: 1 })))
    expect(system.executor.together).toEqual([])
  })

  it('their timeouts, though it was not thought to', async () => {
    system.executor.itemMs = 100
    const specs = Array.from({ length: 4 }, (_, i) => infer(i, { timeoutMs: 150 }))
    const jobs = await crowd(specs)
    await finish(jobs)
    expect(statesOf(jobs)).toEqual(jobs.map(() => 'succeeded'))
  })

  it('there is until a deadline', async () => {
    await learn(400)
    const jobs = await crowd([other(1, { deadline: inMs(1_000) }), other(2)], other(0))
    await finish(jobs)
    expect(statesOf(jobs)).toEqual(['succeeded', 'succeeded'])
  })
})

it('a person can switch it off', async () => {
  await system.die()
  await harness.remove()
  harness = await createHarness({ cores: 1, runsTogether: false })
  system = await harness.open()
  system.executor.itemMs = 10
  const first = await system.submit(infer(1))
  await finish([first])
  await finish(await crowd([infer(1), infer(2), infer(3)]))
  expect(system.executor.together).toEqual([])
})
