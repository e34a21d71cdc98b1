import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type JobSpecInput, PipelineSpec } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import {
  ALICE,
  createHarness,
  type Harness,
  type HarnessOptions,
  type Opened,
  until,
} from './testing/harness'

const x = (value: number) => ({ x: { dtype: 'float32' as const, shape: [2], data: [value, value] } })
const id = (job: { id: string }) => job.id as JobId

let harness: Harness
let system: Opened

async function setUp(options: HarnessOptions = {}): Promise<void> {
  harness = await createHarness({ cores: 1, ...options })
  system = await harness.open()
}
beforeEach(() => setUp())
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const get = (job: { id: string }) => system.compute.get(job.id)
const state = (job: { id: string }) => get(job).state
const isRunning = (job: { id: string }) => until(() => state(job) === 'running')
const urgent = (spec: Partial<JobSpecInput> = {}) =>
  system.submit({
    kind: 'synthetic',
    durationMs: 100,
    priority: 100,
    name: 'urgent',
    ...spec,
  } as JobSpecInput)
const low = (spec: Partial<JobSpecInput> = {}) =>
  system.submit({ kind: 'synthetic', durationMs: 5_000, priority: 10, name: 'low', ...spec } as JobSpecInput)

describe('a job that is preempted', () => {
  it('goes on where it was, says for whom it waits, and counts neither a failure nor an attempt of those it may have', async () => {
    const job = await low({ maxAttempts: 1 })
    await isRunning(job)
    await harness.clock.advance(2_000)
    const other = await urgent()
    await isRunning(other)
    expect(get(job)).toMatchObject({ state: 'queued', preemptions: 1, error: null, progress: 0.4 })
    expect(get(job).waitReason).toMatch(/^Preempted by urgent \(.+\), goes on after 2 s of 5 s/)
    expect(system.compute.queue().waiting[0]?.reason).toMatch(/^Preempted by urgent/)
    await harness.clock.advance(100)
    await isRunning(job)
    expect(get(job)).toMatchObject({ estimateMs: 3_000, timings: { queuedMs: 100 } })
    await harness.clock.advance(3_000)
    await until(() => state(job) === 'succeeded')
    expect(get(job)).toMatchObject({ preemptions: 1, timings: { computeMs: 5_000, queuedMs: 100 } })
    const words = (await system.compute.log(id(job))).map(({ text }) => text)
    expect(words.filter((text) => text.startsWith('Preempted by urgent'))).toHaveLength(1)
  })

  it('tells each earlier attempt: when, where and how it ended, also after the program ended in one', async () => {
    const began = harness.clock.now()
    const isoAfter = (ms: number) => new Date(began + ms).toISOString()
    const job = await low({ need: { cpuCores: 1 } })
    await isRunning(job)
    expect(get(job).attempts).toEqual([])
    await harness.clock.advance(2_000)
    const other = await urgent({ need: { cpuCores: 1 } })
    await isRunning(other)
    const first = {
      attempt: 1,
      startedAt: isoAfter(0),
      finishedAt: isoAfter(2_000),
      queuedMs: 0,
      loadMs: 0,
      placement: [{ device: 'cpu0', amounts: { cpuCores: 1 } }],
      end: 'preempted',
    }
    expect(get(job)).toMatchObject({ state: 'queued', placement: null, attempts: [first] })
    await harness.clock.advance(100)
    await isRunning(job)
    expect(get(job).attempts).toEqual([first])
    await system.die()
    await harness.clock.advance(400)
    system = await harness.open()
    await isRunning(job)
    const second = {
      ...first,
      attempt: 2,
      startedAt: isoAfter(2_100),
      finishedAt: isoAfter(2_500),
      queuedMs: 100,
    }
    expect(get(job).attempts).toEqual([first, { ...second, end: 'interrupted' }])
    await harness.clock.advance(5_000)
    await until(() => state(job) === 'succeeded')
    expect(get(job).attempts).toHaveLength(2)
  })

  it('a batch computes no item twice', async () => {
    system.executor.itemMs = 100
    const items = Array.from({ length: 30 }, (_, i) => x(i))
    const batch = await system.submit({ kind: 'batch', model: 'm@1', items, priority: 10, maxAttempts: 1 })
    await isRunning(batch)
    for (let time = 0; time < 2; time++) {
      await harness.clock.advance(1_050)
      const other = await urgent()
      await isRunning(other)
      expect(get(batch).waitReason).toMatch(/goes on at item \d+ of 30/)
      await harness.clock.advance(100)
      await isRunning(batch)
    }
    await harness.clock.advance(3_000)
    await until(() => state(batch) === 'succeeded')
    expect(get(batch).preemptions).toBe(2)
    expect(system.executor.computed).toEqual(items.map((_, i) => String(i)))
    expect((await system.compute.result(id(batch), 0)).items?.map(({ outputs }) => outputs)).toEqual(items)
  })

  it('an inference begins anew', async () => {
    system.executor.itemMs = 1_000
    const infer = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1), priority: 10 })
    await isRunning(infer)
    await harness.clock.advance(500)
    const other = await urgent()
    await isRunning(other)
    expect(get(infer).waitReason).toMatch(/^Preempted by .*, begins anew/)
    await harness.clock.advance(100)
    await isRunning(infer)
    await harness.clock.advance(1_000)
    await until(() => state(infer) === 'succeeded')
    expect(system.executor.computed).toEqual(['infer'])
  })

  it.each([
    ['a benchmark', { kind: 'benchmark', model: 'm@1', iterations: 50, warmup: 0 }],
    ['one that is not preemptible', { kind: 'synthetic', durationMs: 5_000, preemptible: false }],
  ])('never: %s', async (_, spec) => {
    system.executor.itemMs = 100
    const job = await system.submit({ ...spec, priority: 0 } as JobSpecInput)
    expect(job.preemptible).toBe(false)
    await isRunning(job)
    const other = await urgent()
    await harness.clock.advance(4_900)
    expect([state(job), state(other)]).toEqual(['running', 'queued'])
    await harness.clock.advance(200)
    await until(() => state(other) === 'succeeded')
    expect(get(job)).toMatchObject({ state: 'succeeded', preemptions: 0 })
  })

  it('is cancelled when that was asked for while it stopped', async () => {
    const job = await low()
    await isRunning(job)
    const other = await urgent()
    await system.compute.cancel(id(job))
    await harness.clock.advance(100)
    await until(() => state(other) === 'succeeded')
    expect(get(job)).toMatchObject({ state: 'cancelled' })
  })

  it('fails when its deadline passes while it stops: nothing would end it later', async () => {
    const deadline = new Date(harness.clock.now() + 1_000).toISOString()
    const job = await low({ deadline })
    await isRunning(job)
    await harness.clock.advance(900)
    await urgent({ durationMs: 500 } as Partial<JobSpecInput>)
    await harness.clock.advance(5_000)
    await until(() => isTerminal(state(job)))
    expect(get(job).error?.code).toBe('compute.deadline_missed')
  })

  it('survives the end of the program with all that it had done', async () => {
    const job = await low()
    await isRunning(job)
    await harness.clock.advance(2_000)
    const other = await urgent()
    await isRunning(other)
    await system.die()
    system = await harness.open()
    expect(get(job)).toMatchObject({ state: 'queued', preemptions: 1, progress: 0.4 })
    await isRunning(other)
    await harness.clock.advance(100)
    await isRunning(job)
    await harness.clock.advance(3_000)
    await until(() => state(job) === 'succeeded')
  })
})

describe('under a stream of urgent jobs', () => {
  it('a job that is preempted again and again starts for good when it has waited as long as the bound says', async () => {
    const job = await low({ priority: 50 })
    await isRunning(job)
    const second = () => urgent({ durationMs: 1_000 } as Partial<JobSpecInput>)
    await second()
    let waitedMs = 0
    // There is always another one.
    for (; !isTerminal(state(job)); waitedMs += 1_000) {
      if (waitedMs > 600_000) throw new Error(`It has waited for ${waitedMs} ms.`)
      await second()
      await harness.clock.advance(1_000)
    }
    expect(get(job)).toMatchObject({ state: 'succeeded' })
    // (100 - 50) * 6 s until it goes before all that came later, 4.5 paces of a queue of some 7 s and its own wait, then its own time.
    const paces = 4.5 * 0.45 * Math.sqrt(7_000 * waitedMs)
    expect(waitedMs).toBeLessThan(300_000 + paces + 7_000)
    console.info(`ended after ${waitedMs / 1000} s, preempted ${get(job).preemptions} times`)
  }, 60_000)
})

const arbitrarySpec = fc
  .record({
    kind: fc.constantFrom('synthetic', 'batch', 'infer', 'benchmark'),
    priority: fc.constantFrom(0, 10, 30, 50, 70, 100),
    cores: fc.constantFrom(1, 1, 2),
    size: fc.integer({ min: 1, max: 30 }),
    model: fc.constantFrom('m@1', 'm@2', 'n@1'),
    preemptible: fc.constantFrom(true, true, true, false),
  })
  .map(({ kind, priority, cores, size, model, preemptible }): JobSpecInput => {
    const common = { priority, need: { cpuCores: cores }, preemptible }
    if (kind === 'synthetic') return { kind, durationMs: size * 200, ...common }
    if (kind === 'infer') return { kind, model, inputs: x(size), ...common }
    if (kind === 'benchmark') return { kind, model, iterations: size, warmup: 0, ...common }
    return { kind: 'batch', model, items: Array.from({ length: size }, (_, i) => x(i)), ...common }
  })
/** Three batches that take what the one before gave: the middle one is long. */
function rowOf(first: number, priority: number): PipelineSpec {
  const common = { kind: 'batch' as const, model: 'm@1', need: { cpuCores: 2 }, maxAttempts: 20, priority }
  const items = Array.from({ length: 12 }, (_, i) => x(first + i))
  return PipelineSpec.parse({
    jobs: [
      { ...common, key: 'gives', items, batchSize: 12, preemptible: false },
      { ...common, key: 'middle', items: { fromJob: 'gives' } },
      { ...common, key: 'takes', items: { fromJob: 'middle' }, preemptible: false },
    ],
  })
}

type Step =
  | { do: 'submit'; spec: JobSpecInput }
  | { do: 'row'; priority: number }
  | { do: 'advance'; ms: number }
  | { do: 'cancel' | 'crash'; nth: number }
  | { do: 'priority'; nth: number; to: number }

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('submit' as const), spec: arbitrarySpec }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('row' as const), priority: fc.constantFrom(0, 10, 30) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('priority' as const),
      nth: fc.nat(20),
      to: fc.constantFrom(0, 50, 100),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), nth: fc.nat(5) }) },
)

/** Chance seldom comes just when the middle one runs. */
const IN_THE_MIDDLE: Step[] = [
  { do: 'row', priority: 0 },
  { do: 'advance', ms: 1_800 },
  {
    do: 'submit',
    spec: { kind: 'synthetic', durationMs: 400, priority: 100, need: { cpuCores: 2 } },
  },
  { do: 'advance', ms: 300 },
]

describe('whatever happens', () => {
  it('every job ends, with its own result; no lease and no engine is left to it; no engine runs two', async () => {
    await system.die()
    await harness.remove()
    let preemptions = 0
    let inRows = 0
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryStep, { minLength: 5, maxLength: 40 }), async (steps) => {
        await setUp({ cores: 2 })
        system.executor.itemMs = 100
        system.executor.loadMs = 30
        const jobs: { id: string; spec: JobSpecInput }[] = []
        const rows: { first: number; jobs: { id: string }[] }[] = []
        try {
          for (const step of steps) {
            if (step.do === 'submit')
              jobs.push({ ...(await system.submit({ maxAttempts: 20, ...step.spec })), spec: step.spec })
            if (step.do === 'row') {
              // Others each time: what was computed before would be taken over.
              const first = 1_000 * (rows.length + 1)
              const row = await system.compute.submitPipeline(rowOf(first, step.priority), ALICE)
              rows.push({ first, jobs: row.jobs.map(({ job }) => job) })
            }
            if (step.do === 'advance') await harness.clock.advance(step.ms)
            const job = 'nth' in step ? jobs[step.nth % Math.max(1, jobs.length)] : undefined
            if (step.do === 'crash') {
              const engine = system.executor.engines()[step.nth]
              if (engine) system.executor.crash(engine.id)
            }
            if (!job || isTerminal(state(job))) continue
            if (step.do === 'cancel') await system.compute.cancel(id(job)).catch(() => undefined)
            if (step.do === 'priority')
              await system.compute.setPriority(id(job), step.to).catch(() => undefined)
          }
          const all = [...jobs, ...rows.flatMap((row) => row.jobs)]
          for (let round = 0; all.some((job) => !isTerminal(state(job))); round++) {
            if (round > 2_000) throw new Error(`never ends: ${JSON.stringify(all.map(get))}`)
            await harness.clock.advance(500)
          }
          await harness.clock.advance(1)
          expect(system.core.listLeases().filter((lease) => lease.job !== null)).toEqual([])
          expect(system.executor.engines().filter((engine) => engine.state === 'busy')).toEqual([])
          for (const job of jobs) {
            const { state: ended, preemptions: times, error } = get(job)
            preemptions += times
            if (ended === 'cancelled') continue
            expect({ ended, error }).toEqual({ ended: 'succeeded', error: null })
            if (job.spec.preemptible === false || job.spec.kind === 'benchmark') expect(times).toBe(0)
            const { items, outputs } = await system.compute.result(id(job), 0)
            if (job.spec.kind === 'batch') expect(items?.map((item) => item.outputs)).toEqual(job.spec.items)
            if (job.spec.kind === 'infer') expect(outputs).toEqual(job.spec.inputs)
          }
          for (const { first, jobs: row } of rows) {
            const results = await Promise.all(row.map((job) => system.compute.result(id(job), 0)))
            const items = Array.from({ length: 12 }, (_, i) => x(first + i))
            for (const result of results) expect(result.items?.map(({ outputs }) => outputs)).toEqual(items)
            inRows += row.reduce((sum, job) => sum + get(job).preemptions, 0)
          }
        } finally {
          await system.die()
          await harness.remove()
        }
      }),
      { numRuns: 40, examples: [[IN_THE_MIDDLE]] },
    )
    console.info(`${preemptions} preemptions, ${inRows} in the middle of pipelines`)
    expect(Math.min(preemptions, inRows)).toBeGreaterThan(0)
    await setUp()
  }, 300_000)
})
