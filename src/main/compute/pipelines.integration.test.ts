import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Pipeline, PipelineSpec, type PipelineSpecInput } from '../../shared/contract'
import type { JobId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { type Ending, judge } from './dispatch/conditions'
import { ALICE, createHarness, fakeVersion, type Harness, type Opened, until } from './testing/harness'

const x = (a: number, b: number) => ({ x: { dtype: 'float32' as const, shape: [2], data: [a, b] } })
const from = (key: string) => ({ x: { fromJob: key, output: 'x' } })
const infer = (key: string, inputs: object, more: object = {}) => ({
  kind: 'infer' as const,
  model: 'm@1',
  key,
  inputs: inputs as never,
  ...more,
})
const load = (key: string, more: object = {}) => ({
  kind: 'synthetic' as const,
  key,
  durationMs: 0,
  ...more,
})

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

const submit = (jobs: PipelineSpecInput['jobs'], by = ALICE, more: object = {}) =>
  system.compute.submitPipeline(PipelineSpec.parse({ jobs, ...more }), by)

async function ended(pipeline: { id: string }): Promise<Pipeline> {
  const id = pipeline.id as PipelineId
  await until(async () => (await system.compute.getPipeline(id)).state !== 'running')
  return system.compute.getPipeline(id)
}

const states = (pipeline: Pipeline) =>
  Object.fromEntries(pipeline.jobs.map(({ key, job }) => [key, job.error?.code ?? job.state]))
const jobOf = (pipeline: Pipeline, key: string) => {
  const found = pipeline.jobs.find((member) => member.key === key)
  if (!found) throw new Error(`no job ${key}`)
  return found.job
}
const outputsOf = async (pipeline: Pipeline, key: string) =>
  (await system.compute.result(jobOf(pipeline, key).id as JobId, 0)).outputs

describe('a pipeline', () => {
  it('passes outputs on, fans out and in, and begins nothing before what it needs has ended', async () => {
    system.executor.itemMs = 10
    const pipeline = await submit([
      infer('join', from('left'), { dependsOn: ['right'] }),
      infer('left', from('first')),
      infer('right', from('first')),
      infer('first', x(3, 4)),
    ])
    expect(pipeline.jobs.map(({ key }) => key)).toEqual(['first', 'left', 'right', 'join'])
    expect(pipeline).toMatchObject({ state: 'running', principal: ALICE })
    // A list of jobs would else say `infer m` again and again.
    expect(pipeline.jobs.map(({ job }) => job.name)).toEqual(pipeline.jobs.map(({ key }) => key))
    expect(jobOf(pipeline, 'join').waitReason).toContain('Waits for')
    for (let i = 0; i < 20; i++) await harness.clock.advance(5)
    const end = await ended(pipeline)
    expect(end).toMatchObject({ state: 'succeeded', progress: 1 })
    expect(await outputsOf(end, 'join')).toEqual(x(3, 4))
    const began = (key: string) => Date.parse(jobOf(end, key).startedAt ?? '')
    const finished = (key: string) => Date.parse(jobOf(end, key).finishedAt ?? '')
    for (const { key, dependsOn } of end.jobs)
      for (const other of dependsOn) expect(began(key)).toBeGreaterThanOrEqual(finished(other))
    expect(end.criticalPath.keys).toHaveLength(3)
    expect((await system.compute.listPipelines({ limit: 10 }, null)).items).toMatchObject([
      { id: pipeline.id, state: 'succeeded', jobs: 4, ended: 4 },
    ])
  })

  it('counts no wait for what ends before its turn to wait comes', async () => {
    const pipeline = await submit([
      load('slow', { durationMs: 50, fail: 'error' }),
      load('after', { dependsOn: ['slow'] }),
      load('unneeded', { dependsOn: ['slow'] }),
    ])
    await harness.clock.advance(10)
    await system.compute.cancel(jobOf(pipeline, 'unneeded').id as JobId)
    for (let i = 0; i < 20; i++) await harness.clock.advance(5)
    const end = await ended(pipeline)
    expect(states(end)).toMatchObject({ after: 'compute.dependency_failed', unneeded: 'cancelled' })
    for (const key of ['after', 'unneeded']) expect(jobOf(end, key).timings.queuedMs, key).toBe(0)
  })

  it('hands the outputs of a batch to another, item after item', async () => {
    const items = Array.from({ length: 7 }, (_, i) => x(i, i))
    const pipeline = await submit([
      { kind: 'batch', key: 'a', model: 'm@1', items, batchSize: 3 },
      { kind: 'batch', key: 'b', model: 'n@1', items: { fromJob: 'a' }, batchSize: 2 },
    ])
    const end = await ended(pipeline)
    expect(end.state).toBe('succeeded')
    const result = await system.compute.result(jobOf(end, 'b').id as JobId, 0)
    expect(result.items?.map(({ outputs }) => outputs)).toEqual(items)
  })

  it('runs what a condition asks for, and skips the rest', async () => {
    const end = await ended(
      await submit([
        load('bad', { fail: 'error' }),
        load('good'),
        load('after', { dependsOn: ['bad'] }),
        load('rescue', { dependsOn: ['bad', 'good'], runWhen: 'failed' }),
        load('tidy', { dependsOn: ['bad', 'after'], runWhen: 'ended' }),
        load('unneeded', { dependsOn: ['good'], runWhen: 'failed' }),
        load('behind', { dependsOn: ['unneeded'] }),
      ]),
    )
    expect(states(end)).toEqual({
      bad: 'compute.runtime_failed',
      good: 'succeeded',
      after: 'compute.dependency_failed',
      rescue: 'succeeded',
      tidy: 'succeeded',
      unneeded: 'compute.skipped',
      behind: 'compute.skipped',
    })
    // Every failure was seen to by a job that ran because of it.
    expect(end.state).toBe('succeeded')
    expect((await ended(await submit([load('bad', { fail: 'error' })]))).state).toBe('failed')
  })

  it.each([
    ['a cycle', [load('a', { dependsOn: ['b'] }), load('b', { dependsOn: ['a'] })], { cycle: ['a', 'b'] }],
    ['a doubled key', [load('a'), load('a')], { input: 'key' }],
    ['an unknown key', [load('a', { dependsOn: ['z'] })], { input: 'dependsOn' }],
    [
      'an unknown output',
      [infer('a', x(1, 1)), infer('b', { x: { fromJob: 'a', output: 'y' } })],
      { key: 'b', got: 'y' },
    ],
    ['what gives no outputs', [load('a'), infer('b', from('a'))], { key: 'b', got: 'synthetic' }],
    ['a condition on nothing', [load('a', { runWhen: 'failed' })], { key: 'a', input: 'runWhen' }],
    ['an input too few', [infer('a', {})], { key: 'a', input: 'x' }],
    [
      'an input too many',
      [infer('a', x(1, 1)), infer('b', { ...x(1, 1), y: from('a').x })],
      { key: 'b', input: 'y' },
    ],
  ])('is refused whole for %s', async (_, jobs, details) => {
    await expect(submit(jobs as never)).rejects.toMatchObject({ code: 'compute.invalid_input', details })
    expect(system.compute.list({ limit: 10 }).items).toEqual([])
    expect((await system.compute.listPipelines({ limit: 10 }, null)).items).toEqual([])
  })

  it('runs with the versions that its references meant when it was asked for, also as it is tried again', async () => {
    const point = (at: number) => harness.versions.set('m@prod', fakeVersion('m', at))
    const versions = ({ jobs }: Pipeline) => jobs.map(({ job }) => job.modelVersion)
    const last = { model: 'm@prod' }
    const submitted = submit([infer('a', x(1, 2)), infer('b', from('a'), last)])
    point(2)
    const first = await ended(await submitted)
    expect(versions(first)).toEqual([1, 1])
    point(1)
    const retried = system.compute.retryPipeline(first.id as PipelineId, ALICE)
    point(2)
    expect(versions(await retried)).toEqual([1, 1])
  })

  it('names the job whose model is not there', async () => {
    const missing = infer('b', from('a'), { model: 'gone@1' })
    await expect(submit([infer('a', x(1, 2)), missing])).rejects.toMatchObject({
      code: 'storage.not_found',
      details: { key: 'b' },
    })
  })

  it('is refused where an output cannot fit the input it is for', async () => {
    const wide = fakeVersion('wide', 1)
    harness.versions.set('wide@1', {
      ...wide,
      signature: { ...wide.signature, inputs: [{ name: 'x', dtype: 'float32', shape: [3] }] },
    })
    const jobs = [infer('a', x(1, 1)), infer('b', from('a'), { model: 'wide@1' })]
    await expect(submit(jobs)).rejects.toThrow(/Job "b": Input "x" wants .*3.* got "x", which is .*2/)
  })

  it('goes on where it was after the program has died', async () => {
    system.executor.itemMs = 50
    const pipeline = await submit([infer('a', x(1, 2)), infer('b', from('a')), infer('c', from('b'))])
    const now = async (key: string) =>
      jobOf(await system.compute.getPipeline(pipeline.id as PipelineId), key).state
    for (let i = 0; i < 40 && (await now('b')) !== 'running'; i++) await harness.clock.advance(10)
    expect([await now('a'), await now('b')]).toEqual(['succeeded', 'running'])
    await system.die()
    system = await harness.open()
    const end = await ended(pipeline)
    expect(end.jobs.map(({ job }) => [job.state, job.attempt])).toEqual([
      ['succeeded', 1],
      ['succeeded', 2],
      ['succeeded', 1],
    ])
    expect(await outputsOf(end, 'c')).toEqual(x(1, 2))
  })
})

describe('reuse', () => {
  const jobs = (first: number) => [
    infer('a', x(first, 0)),
    infer('b', from('a')),
    infer('other', x(7, 7)),
    infer('c', from('b'), { dependsOn: ['other'] }),
  ]
  const reused = (pipeline: Pipeline) =>
    pipeline.jobs.filter(({ job }) => job.reusedFrom !== null).map(({ key }) => key)

  it('takes over what nothing above has changed, and runs the rest', async () => {
    const first = await ended(await submit(jobs(1)))
    expect(reused(first)).toEqual([])
    const count = system.executor.computed.length
    const again = await submit(jobs(1))
    expect(again.state).toBe('succeeded')
    expect(reused(again).sort()).toEqual(['a', 'b', 'c', 'other'])
    expect(jobOf(again, 'c').reusedFrom).toBe(jobOf(first, 'c').id)
    expect(await outputsOf(again, 'c')).toEqual(x(1, 0))
    expect(system.executor.computed).toHaveLength(count)

    const changed = await ended(await submit(jobs(2)))
    expect(reused(changed)).toEqual(['other'])
    expect(await outputsOf(changed, 'c')).toEqual(x(2, 0))
    expect(system.executor.computed).toHaveLength(count + 3)
  })

  it('takes over nothing that other code has come to', async () => {
    await ended(await submit(jobs(1)))
    system.executor.code = 'a plugin with other files'
    expect(reused(await ended(await submit(jobs(1))))).toEqual([])
  })

  it('keeps to what a job waits for: nothing is taken over for one that would not run', async () => {
    const jobs = (fail: 'error' | undefined, first: number) => [
      load('a', fail ? { fail } : {}),
      infer('after', x(first, 8), { dependsOn: ['a'] }),
      infer('mended', x(first, 9), { dependsOn: ['a'], runWhen: 'failed' as const }),
    ]
    const well = await ended(await submit(jobs(undefined, 1)))
    const ill = await ended(await submit(jobs('error', 1)))
    expect(states(well)).toEqual({ a: 'succeeded', after: 'succeeded', mended: 'compute.skipped' })
    expect(states(ill)).toEqual({
      a: 'compute.runtime_failed',
      after: 'compute.dependency_failed',
      mended: 'succeeded',
    })
    // Each has a result of its own by now.
    expect(states(await ended(await submit(jobs(undefined, 1))))).toEqual(states(well))
    expect(states(await ended(await submit(jobs('error', 1))))).toEqual(states(ill))
  })

  it('computes nothing of what a batch gives that was stopped on its way, and says what is missing', async () => {
    system.executor.itemMs = 1000
    const items = Array.from({ length: 8 }, (_, i) => x(i, i)) as never
    const pipeline = await submit([
      { kind: 'batch', key: 'a', model: 'm@1', items, batchSize: 1 },
      { kind: 'batch', key: 'b', model: 'n@1', items: { fromJob: 'a' }, batchSize: 1, runWhen: 'ended' },
    ])
    const first = jobOf(pipeline, 'a').id
    await until(async () => {
      await harness.clock.advance(250)
      return system.compute.get(first).progress > 0.3
    })
    await system.compute.cancel(first as JobId)
    const end = await ended(pipeline)
    expect(states(end)).toEqual({ a: 'cancelled', b: 'compute.dependency_failed' })
    expect(jobOf(end, 'b')).toMatchObject({ attempt: 1, progress: 0 })
  })

  it('takes over all of a batch or nothing of it', async () => {
    const batch = { kind: 'batch' as const, model: 'm@1', key: 'a', items: [x(1, 1), x(2, 2)] as never }
    const { artifacts } = system.storage
    const first = await ended(await submit([batch]))
    const id = jobOf(first, 'a').id as JobId
    const staged = await artifacts.stage(new Uint8Array(70_000))
    system.database.transaction(() => artifacts.attach(staged, id, 'items-0009999'))
    const { copy } = artifacts
    artifacts.copy = (from, to, name) => {
      if (name === 'items-0009999') throw new AppError('storage.corrupt', 'It is not there.')
      copy(from, to, name)
    }
    const again = await submit([batch])
    expect(artifacts.list(jobOf(again, 'a').id as JobId).filter((name) => name.startsWith('items'))).toEqual(
      [],
    )
    expect((await ended(again)).state).toBe('succeeded')
  })

  it('never crosses principals, models or a wish for none', async () => {
    await ended(await submit([infer('a', x(1, 1))]))
    const others = [
      await submit([infer('a', x(1, 1))], 'p-bob' as PrincipalId),
      await submit([infer('a', x(1, 1), { model: 'n@1' })]),
      await submit([infer('a', x(1, 1))], ALICE, { reuse: false }),
      await submit([infer('a', x(1, 1), { reuse: false })]),
    ]
    // The versions of the harness have one digest: the same bytes under another name are the same model.
    expect(others.map(reused)).toEqual([[], ['a'], [], []])
  })

  it('computes anew what has been damaged', async () => {
    const first = await ended(await submit([infer('a', x(1, 1))]))
    const id = jobOf(first, 'a').id as JobId
    system.database.transaction(() => system.storage.artifacts.remove(id, 'result'))
    const end = await ended(await submit([infer('a', x(1, 1)), infer('b', from('a'))]))
    expect(end.state).toBe('succeeded')
    expect(await outputsOf(end, 'b')).toEqual(x(1, 1))
  })

  it('makes a retry do only what was not done', async () => {
    const first = await submit([
      infer('a', x(5, 6)),
      load('flaky', { dependsOn: ['a'], fail: 'error' }),
      infer('b', from('a')),
    ])
    expect((await ended(first)).state).toBe('failed')
    const count = system.executor.computed.length
    const again = await system.compute.retryPipeline(first.id as PipelineId, ALICE)
    expect(reused(again)).toEqual(['a', 'b'])
    expect(await ended(again)).toMatchObject({ state: 'failed', name: first.name })
    expect(system.executor.computed).toHaveLength(count)
    const { jobs: members } = await system.compute.getPipeline(again.id as PipelineId)
    expect(members.find(({ key }) => key === 'b')?.dependsOn).toEqual(['a'])
  })
})

it('a layer of jobs that all wait for all of the layer before asks once how each has ended', async () => {
  const layer = (name: string, dependsOn: string[]) =>
    Array.from({ length: 20 }, (_, i) => infer(`${name}${i}`, x(i, i), { dependsOn }))
  const first = layer('a', [])
  const jobs = [
    ...first,
    ...layer(
      'b',
      first.map(({ key }) => key),
    ),
  ]
  const read = vi.spyOn(system.database, 'first')
  const asked = () =>
    read.mock.calls.filter(([query]) => query.compile().sql.startsWith('select "state", "error" from "job"'))
  const submitted = await submit(jobs, ALICE, { reuse: true })
  const end = await ended(submitted)
  expect(end.state).toBe('succeeded')
  expect(asked()).toHaveLength(20)
  read.mockClear()
  const again = await system.compute.retryPipeline(end.id as PipelineId, ALICE)
  expect(again.jobs.filter(({ job }) => job.reusedFrom !== null)).toHaveLength(40)
  expect(asked()).toHaveLength(20)
})

it('cancelling ends every job that has not ended, and nothing else', async () => {
  const pipeline = await submit([
    load('done'),
    load('long', { durationMs: 1e6, dependsOn: ['done'] }),
    load('behind', { dependsOn: ['long'] }),
    load('tidy', { dependsOn: ['behind'], runWhen: 'ended' }),
  ])
  const id = pipeline.id as PipelineId
  await until(async () => jobOf(await system.compute.getPipeline(id), 'long').state === 'running')
  const end = await system.compute.cancelPipeline(id)
  expect(states(end)).toEqual({
    done: 'succeeded',
    long: 'cancelled',
    behind: 'cancelled',
    tidy: 'cancelled',
  })
  expect(end.state).toBe('cancelled')
  expect(system.core.listLeases()).toEqual([])
})

it('is cancelled where its work was, though nobody was to see to that', async () => {
  const pipeline = await submit([
    load('train', { durationMs: 1e6 }),
    load('alert', { dependsOn: ['train'], runWhen: 'failed' }),
  ])
  await until(async () => system.compute.get(jobOf(pipeline, 'train').id).state === 'running')
  await system.compute.cancel(jobOf(pipeline, 'train').id as JobId)
  const end = await ended(pipeline)
  expect(states(end)).toEqual({ train: 'cancelled', alert: 'compute.skipped' })
  expect(end.state).toBe('cancelled')
  expect((await system.compute.listPipelines({ limit: 1 }, null)).items).toMatchObject([
    { state: 'cancelled' },
  ])
})

it('any graph with any failures and conditions ends as the conditions say', async () => {
  const job = fc.record({
    fails: fc.boolean(),
    runWhen: fc.constantFrom('succeeded' as const, 'failed' as const, 'ended' as const),
    picks: fc.array(fc.nat(), { maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 10 }), async (rows) => {
      const members = rows.map(({ fails, runWhen, picks }, i) =>
        load(`n${i}`, {
          ...(fails ? { fail: 'error' } : {}),
          ...(i > 0 && picks.length > 0 ? { runWhen } : {}),
          dependsOn: i === 0 ? [] : [...new Set(picks.map((pick) => `n${pick % i}`))],
        }),
      ) as (ReturnType<typeof load> & { dependsOn: string[] })[]
      const endings = new Map<string, Ending>()
      rows.forEach(({ fails, runWhen }, i) => {
        const before = members[i]?.dependsOn.map((key) => endings.get(key) ?? null) ?? []
        const verdict = before.length === 0 ? 'run' : judge(runWhen, before)
        const ran = fails ? 'failed' : 'succeeded'
        endings.set(`n${i}`, verdict === 'run' ? ran : verdict === 'skip' ? 'skipped' : 'failed')
      })
      const end = await ended(await submit(members))
      for (const {
        key,
        job: { state, error, attempt },
      } of end.jobs) {
        const ending = error?.code === 'compute.skipped' ? 'skipped' : state
        expect([key, ending]).toEqual([key, endings.get(key)])
        expect(attempt).toBe(
          error?.code === 'compute.skipped' || error?.code === 'compute.dependency_failed' ? 0 : 1,
        )
      }
      expect(system.core.listLeases()).toEqual([])
    }),
    { numRuns: 15 },
  )
}, 120_000)
