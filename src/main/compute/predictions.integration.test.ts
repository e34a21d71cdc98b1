import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Job, PipelineSpec, type WhatIfQuestion } from '../../shared/contract'
import type { JobId, LeaseId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import { ALICE, createHarness, until } from './testing/harness'

type Harness = Awaited<ReturnType<typeof createHarness>>

const BOB = 'p-bob' as PrincipalId

let harness: Harness
let system: Awaited<ReturnType<Harness['open']>>

beforeEach(async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
})

afterEach(async () => {
  await system.die()
  await harness.remove()
})

const sleeper = (durationMs: number, name = 'sleeper') =>
  system.submit({ kind: 'synthetic', durationMs, need: { cpuCores: 1 }, name, preemptible: false })
const msFrom = (job: Job, of: string | undefined) => Date.parse(of ?? '') - Date.parse(job.createdAt)

async function advance(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) await harness.clock.advance(Math.min(250, ms - passed))
}

describe('a job that waits', () => {
  it('is told when it will start, and the view of the queue too', async () => {
    await sleeper(10_000)
    const next = await sleeper(5_000)
    const last = await sleeper(1_000)
    await advance(500)
    const first = system.compute.get(next.id)
    // The load of an engine of this kind takes some 150 ms, then 10 s.
    expect(msFrom(next, first.estimate?.startsAt) / 1000).toBeCloseTo(10, 0)
    expect(first.estimate?.devices).toHaveLength(1)
    expect(first.estimateMs).toBeGreaterThan(9_000)
    const { waiting } = system.compute.queue()
    expect(waiting.map(({ job }) => job)).toEqual([next.id, last.id])
    const [a, b] = waiting
    expect(Date.parse(b?.estimate?.startsAt ?? '')).toBe(Date.parse(a?.estimate?.endsAt ?? ''))
    expect(Date.parse(a?.estimate?.latest ?? '')).toBeGreaterThan(Date.parse(a?.estimate?.startsAt ?? ''))
  })

  it('is told of the turn that it will have, and has it', async () => {
    const load = { kind: 'synthetic' as const, need: { cpuCores: 1 } }
    await system.submit({ ...load, durationMs: 60_000 })
    await advance(250)
    const next = await system.submit({ ...load, durationMs: 5_000 })
    await advance(250)
    const told = msFrom(next, system.compute.get(next.id).estimate?.startsAt)
    // Two seconds after the first began.
    expect(told / 1000).toBeCloseTo(1.75, 0)
    await advance(2_500)
    await until(() => system.compute.get(next.id).state === 'running')
    expect(Math.abs(msFrom(next, system.compute.get(next.id).startedAt ?? '') - told)).toBeLessThan(500)
  })

  it('is told when one ends before it that had to load first, and that one tells its load from its run', async () => {
    system.executor.loadMs = 60_000
    const loads = await sleeper(10_000)
    await advance(30_000)
    expect(system.compute.get(loads.id)).toMatchObject({ state: 'running', loadedAt: null })
    await advance(32_000)
    const ran = system.compute.get(loads.id)
    expect(Date.parse(ran.loadedAt ?? '') - Date.parse(ran.startedAt ?? '')).toBe(60_000)
    // Of ten seconds some two are over.
    expect(ran.estimateMs).toBeGreaterThan(7_000)
    expect(ran.estimateMs).toBeLessThanOrEqual(8_500)
    const next = await sleeper(1_000)
    await advance(500)
    const { startsAt } = system.compute.get(next.id).estimate ?? {}
    expect(msFrom(next, startsAt)).toBeGreaterThan(6_000)
  })

  it('says how many stand before it, however far back it stands, and what holds up all like it', async () => {
    await sleeper(60_000)
    const jobs: Job[] = []
    for (let i = 0; i < 250; i++) jobs.push(await sleeper(1_000))
    await advance(500)
    const causesOf = (job?: Job) => system.compute.get(job?.id ?? '').waitCauses
    const first = {
      kind: 'resources',
      wanted: { cpuCores: 1 },
      holders: [
        {
          ...{ kind: 'job', id: expect.stringMatching(/^j-/), name: 'sleeper', principal: ALICE },
          ...{ resource: 'cpuCores', amount: 1, endsInMs: 60_000 },
        },
      ],
      moreHolders: 0,
      jobsAhead: 0,
    }
    expect(causesOf(jobs[0])).toEqual([first])
    expect(causesOf(jobs[150])).toEqual([{ kind: 'behind', jobs: 150 }, first])
    expect(causesOf(jobs[249])).toEqual([{ kind: 'behind', jobs: 249 }, first])
    expect(system.compute.get(jobs[249]?.id ?? '').waitReason).toMatch(
      /^Behind 249 jobs that are more urgent or came before\. Waiting for 1 CPU core: 1 held by sleeper \(.+\) for about 1 min$/,
    )
    const urgent = await system.submit({
      kind: 'synthetic',
      durationMs: 1_000,
      need: { cpuCores: 0.5 },
      priority: 90,
    })
    await advance(500)
    expect(causesOf(urgent)).toMatchObject([{ kind: 'resources', jobsAhead: 0 }])
    expect(causesOf(jobs[249])).toMatchObject([{ kind: 'behind', jobs: 250 }, { kind: 'resources' }])
    system.core.setQuota({ principal: ALICE, limit: { cpuCores: 1 } })
    await advance(1_500)
    expect(causesOf(jobs[249])).toMatchObject([{ kind: 'quota' }])
  })

  it('names who keeps its engine busy, and for how long', async () => {
    await system.die()
    await harness.remove()
    harness = await createHarness({ cores: 2, runsTogether: false })
    system = await harness.open()
    Object.assign(system.executor, { loadMs: 60_000, itemMs: 20_000 })
    const infer = (name: string) =>
      system.submit({
        kind: 'infer',
        model: 'm@1',
        name,
        inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
      })
    await infer('first')
    await advance(81_000)
    await infer('second')
    await advance(1_000)
    const third = await infer('third')
    await advance(1_000)
    expect(system.compute.get(third.id).waitReason).toMatch(
      /^Waiting for the engine of m@1, busy with second \(.+\) for about 20 s$/,
    )
  })

  it('names the request that its room is kept for, and who holds it where that is not why', async () => {
    await system.die()
    await harness.remove()
    harness = await createHarness({ cores: 2 })
    system = await harness.open()
    const half = { kind: 'synthetic', need: { cpuCores: 1 }, preemptible: false } as const
    await system.submit({ ...half, durationMs: 60_000 })
    await advance(250)
    const app = { holder: 'p-app' as PrincipalId, purpose: 'render', priority: 90, ttlMs: null }
    const granted = system.core.request({ cpuCores: 2 }, { ...app, waitMs: 120_000 })
    await advance(6_000)
    const job = await system.submit({ ...half, durationMs: 1_000 })
    const wide = await system.submit({ ...half, need: { cpuCores: 2 }, durationMs: 1_000 })
    await advance(2_000)
    expect(system.compute.get(job.id).waitReason).toBe(
      'Waiting for 1 CPU core, kept for the request render, which goes first',
    )
    expect(system.compute.get(wide.id).waitCauses).toMatchObject([{ kind: 'resources' }])
    await advance(60_000)
    const lease = await granted
    await advance(1_000)
    expect(system.compute.get(job.id).waitCauses).toMatchObject([
      { kind: 'resources', holders: [{ kind: 'lease', name: 'render', endsInMs: null }] },
    ])
    system.core.release(lease.id as LeaseId)
    await advance(4_000)
    await until(() => system.compute.get(wide.id).state === 'succeeded')
  })

  it('is told when its budget has more for it, and starts in that moment', async () => {
    system.core.setQuota({ principal: ALICE, limit: {}, budget: { cpuSeconds: 20, windowMs: 60_000 } })
    await sleeper(60_000)
    await advance(20_250)
    const next = await sleeper(1_000)
    await advance(1_000)
    // A sixtieth of the window after it began, the first of what was used no longer counts.
    const told = msFrom(next, system.compute.get(next.id).estimate?.startsAt)
    expect(told).toBe(61_000 - 20_250)
    await advance(50_000)
    expect(msFrom(next, system.compute.get(next.id).startedAt ?? '')).toBe(told)
  })

  it('is told nothing where its deadline comes before its turn', async () => {
    await sleeper(60_000)
    const { id } = await system.submit({
      ...{ kind: 'synthetic', durationMs: 1_000, need: { cpuCores: 1 } },
      deadline: new Date(harness.clock.now() + 30_000).toISOString(),
    })
    await advance(500)
    expect(system.compute.get(id)).toMatchObject({ state: 'queued', estimate: null })
  })

  it('is told a guess behind one whose length nobody knows, the later the longer that has run', async () => {
    system.executor.itemMs = 60_000
    await system.submit({
      kind: 'infer',
      model: 'm@1',
      inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
    })
    const next = await sleeper(1_000)
    const told = () => {
      const { state, estimate } = system.compute.get(next.id)
      expect(state).toBe('queued')
      const [startsAt, latest] = [estimate?.startsAt, estimate?.latest].map((at) => Date.parse(at ?? ''))
      return { inMs: (startsAt ?? 0) - harness.clock.now(), latestMs: (latest ?? 0) - harness.clock.now() }
    }
    await advance(1_000)
    const early = told()
    expect(early.inMs).toBeGreaterThan(0)
    expect(early.latestMs).toBeGreaterThan(3 * early.inMs)
    await advance(20_000)
    expect(told().inMs).toBeGreaterThan(5 * early.inMs)
  })
})

describe('what is learned while jobs wait', () => {
  const infer = (more: { timeoutMs?: number; maxAttempts?: number } = {}) =>
    system.submit({
      kind: 'infer',
      model: 'm@1',
      need: { cpuCores: 1 },
      inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
      ...more,
    })

  it('does not take the sleep of the machine for work on a batch', async () => {
    const item = { x: { dtype: 'float32' as const, shape: [2], data: [1, 2] } }
    const batch = () =>
      system.submit({
        kind: 'batch',
        model: 'm@1',
        need: { cpuCores: 1 },
        batchSize: 1,
        items: [item, item, item, item],
      })
    system.executor.itemMs = 1_000
    await batch()
    const next = await batch()
    await advance(500)
    harness.clock.jump(3_600_000)
    await advance(1_500)
    expect(system.compute.get(next.id).estimateMs).toBeLessThan(10_000)
  })

  it('knows after a restart how long it took, without the time of an attempt that hung', async () => {
    system.executor.itemMs = 2_000
    system.executor.failures.push('hang')
    const hung = await infer({ timeoutMs: 60_000, maxAttempts: 2 })
    for (let i = 0; i < 20 && system.compute.get(hung.id).state !== 'succeeded'; i++) await advance(5_000)
    expect(system.compute.get(hung.id)).toMatchObject({ state: 'succeeded', attempt: 2 })
    const whole = await infer()
    await advance(5_000)
    expect(system.compute.get(whole.id)).toMatchObject({ state: 'succeeded' })
    await system.die()
    system = await harness.open()
    system.executor.itemMs = 2_000
    await infer()
    await advance(250)
    const next = await infer()
    await advance(500)
    await until(() => system.compute.get(next.id).estimateMs !== null)
    const { state, estimateMs } = system.compute.get(next.id)
    expect(state).toBe('queued')
    expect(estimateMs).toBeLessThan(5_000)
  })

  it('settles what has ended in one turn, also where another for a forecast follows', async () => {
    await system.die()
    await harness.remove()
    const errors: string[] = []
    const logger = pino({ level: 'error' }, { write: (line) => void errors.push(line) })
    harness = await createHarness({ cores: 1, runsTogether: false, logger })
    system = await harness.open()
    system.executor.itemMs = 60_000
    const jobs: Job[] = []
    for (let i = 0; i < 4; i++) jobs.push(await infer({ maxAttempts: 20 }))
    const attempts = () => jobs.reduce((sum, { id }) => sum + system.compute.get(id).attempts.length, 0)
    for (let crashes = 1; crashes <= 6; crashes++) {
      await until(() => system.executor.engines().some(({ state }) => state === 'busy'))
      // Longer ago than the next forecast may be: it is asked for in the turn in which the attempt ends.
      await advance(700 + 100 * crashes)
      for (const { id } of system.executor.engines()) system.executor.crash(id)
      await until(() => attempts() >= crashes)
      await advance(2_000)
    }
    expect(errors).toEqual([])
    expect(attempts()).toBe(6)
  })

  it('tells the others of the same model when they start, and follows when it runs otherwise', async () => {
    await system.die()
    await harness.remove()
    harness = await createHarness({ cores: 1, runsTogether: false })
    system = await harness.open()
    system.executor.itemMs = 2_000
    const jobs: Job[] = []
    for (let i = 0; i < 120; i++) jobs.push(await infer())
    const last = jobs[119] as Job
    const seconds = () => (system.compute.get(last.id).estimateMs ?? 0) / 1000
    const left = () => jobs.filter(({ id }) => system.compute.get(id).state === 'queued').length
    await advance(1_000)
    expect(system.compute.get(last.id).state).toBe('queued')
    await advance(3_500)
    expect(seconds()).toBeGreaterThan(1.8 * left())
    expect(seconds()).toBeLessThan(2.2 * left())
    system.executor.itemMs = 200
    // Forecasts are made the seldomer the longer they take.
    for (let i = 0; i < 60 && seconds() > 0.5 * left(); i++) await advance(250)
    expect(left()).toBeGreaterThan(10)
    expect(seconds()).toBeLessThan(0.5 * left())
  })
})

it('one behind those whose starts are foretold is told when it starts too, from the work before it', async () => {
  for (let i = 0; i < 260; i++) await sleeper(1_000)
  const last = await sleeper(1_000)
  const other = await sleeper(30_000, 'longer, so after them')
  await advance(3_000)
  const of = (id: string) => {
    const { startsAt = '', earliest = '', latest = '' } = system.compute.get(id).estimate ?? {}
    return [startsAt, earliest, latest].map((at) => (Date.parse(at) - harness.clock.now()) / 1000) as [
      number,
      number,
      number,
    ]
  }
  const left = () => [...system.compute.recent(null)].filter(({ state }) => state === 'queued').length
  const [at, earliest, latest] = of(last.id)
  expect(system.compute.queue().waiting.map(({ job }) => job)).not.toContain(last.id)
  expect(at / left()).toBeGreaterThan(0.9)
  expect(at / left()).toBeLessThan(1.15)
  expect(earliest).toBeLessThan(at)
  expect(latest).toBeGreaterThan(at)
  expect(of(other.id)[0]).toBeGreaterThanOrEqual(at)
  // It waits for what is not its own affair.
  await system.compute.hold(last.id as JobId)
  expect(system.compute.get(last.id).estimate).toBeNull()
})

describe('a job behind many that cannot start', () => {
  const minute = { kind: 'synthetic', durationMs: 60_000, priority: 60, preemptible: false } as const
  /** By the replay of the queue. */
  const startInMs = (job: string) =>
    [...system.compute.recent(null)].find(({ id }) => id === job)?.estimateMs ?? Number.NaN

  it('is told when it starts, where these wait for a device that is gone', async () => {
    await system.die()
    await harness.remove()
    harness = await createHarness({ cores: 1, gpus: 1 })
    system = await harness.open()
    const gpu = { holder: BOB, purpose: 'test', priority: 50, job: null, ttlMs: null }
    const lease = system.core.allocate({ gpuMemoryBytes: 8e9 }, gpu)
    for (let i = 0; i < 200; i++) await system.submit({ ...minute, need: { gpuMemoryBytes: 8e9 } }, BOB)
    harness.host.devices = harness.host.devices.slice(0, 1)
    await system.core.rescan()
    system.core.release(lease.id as LeaseId)
    await sleeper(60_000)
    const next = await sleeper(1_000)
    await advance(2_000)
    expect(system.compute.queue().depth).toBe(201)
    expect(startInMs(next.id)).toBeGreaterThan(50_000)
    expect(startInMs(next.id)).toBeLessThan(65_000)
  })

  it('is told when it starts, where these wait for a budget that is back tomorrow', async () => {
    const budget = { cpuSeconds: 1, windowMs: 86_400_000 }
    system.core.setQuota({ principal: BOB, limit: {}, budget })
    await system.submit({ ...minute, durationMs: 2_000, need: { cpuCores: 1 }, maxAttempts: 1 }, BOB)
    await advance(3_000)
    await sleeper(60_000)
    for (let i = 0; i < 200; i++) await system.submit({ ...minute, need: { cpuCores: 1 } }, BOB)
    const next = await sleeper(1_000)
    await advance(2_000)
    expect(system.compute.queue().depth).toBe(201)
    expect(startInMs(next.id)).toBeGreaterThan(50_000)
    expect(startInMs(next.id)).toBeLessThan(65_000)
  })
})

it('a job is told when it starts where its budget is back tomorrow, and few wait', async () => {
  system.core.setQuota({ principal: ALICE, limit: {}, budget: { cpuSeconds: 1, windowMs: 86_400_000 } })
  await sleeper(2_000)
  await advance(3_000)
  const next = await sleeper(1_000)
  await advance(1_000)
  expect(msFrom(next, system.compute.get(next.id).estimate?.startsAt) / 3_600_000).toBeCloseTo(24, 0)
})

it('a job is told when it starts where its quota was lowered below what is held, and starts then', async () => {
  await system.die()
  await harness.remove()
  harness = await createHarness({ cores: 4 })
  system = await harness.open()
  for (const seconds of [10, 20, 30]) await sleeper(1_000 * seconds)
  await advance(1_000)
  system.core.setQuota({ principal: ALICE, limit: { cpuCores: 1 } })
  const next = await sleeper(1_000)
  await advance(1_000)
  const told = msFrom(next, system.compute.get(next.id).estimate?.startsAt)
  expect(told / 1000).toBeCloseTo(29, 0)
  // Of four cores, with its own, one may be held.
  expect(system.compute.get(next.id).waitCauses).toMatchObject([{ kind: 'quota', exceeded: { cpuCores: 3 } }])
  await advance(30_000)
  expect(Math.abs(msFrom(next, system.compute.get(next.id).startedAt ?? '') - told)).toBeLessThan(1_000)
})

describe('the wait of a job that comes now', () => {
  const predicted = () => (system.compute.queue().predictedWaitMs ?? Number.NaN) / 1000
  const minute = { kind: 'synthetic', durationMs: 60_000, need: { cpuCores: 1 }, preemptible: false } as const

  it('counts what goes before it', async () => {
    await sleeper(10_000)
    for (let i = 0; i < 5; i++) await system.submit({ ...minute, priority: 60 })
    await advance(1_000)
    expect(predicted()).toBeCloseTo(309, -1)
  })

  it('does not count less urgent jobs that came long before and are not overdue', async () => {
    await sleeper(600_000)
    for (let i = 0; i < 5; i++) await system.submit({ ...minute, priority: 10 })
    for (let i = 0; i < 60; i++) await harness.clock.advance(5_000)
    expect(predicted()).toBeCloseTo(300, -1)
  })

  it('does not count the less urgent jobs of a pipeline, whose rank is their place in its course', async () => {
    await sleeper(10_000)
    const jobs = Array.from({ length: 5 }, (_, i) => ({ key: `j${i}`, ...minute, priority: 10 }))
    await system.compute.submitPipeline(PipelineSpec.parse({ name: 'wide', jobs }), ALICE)
    await advance(1_000)
    expect(predicted()).toBeCloseTo(9, 0)
  })

  it('does not count what waits for a budget', async () => {
    const budget = { cpuSeconds: 1, windowMs: 86_400_000 }
    system.core.setQuota({ principal: BOB, limit: {}, budget })
    await system.submit({ ...minute, durationMs: 2_000, maxAttempts: 1 }, BOB)
    await advance(3_000)
    await sleeper(10_000)
    for (let i = 0; i < 5; i++) await system.submit({ ...minute, priority: 60 }, BOB)
    await advance(1_000)
    expect(predicted()).toBeCloseTo(9, 0)
  })
})

describe('what jobs were told', () => {
  it('is held against what happened, and the score survives a restart', async () => {
    for (const ms of [2_000, 3_000, 4_000, 5_000]) await sleeper(ms, `runs ${ms}`)
    const held = await sleeper(1_000)
    await advance(500)
    await system.compute.hold(held.id as JobId)
    await advance(20_000)
    const { predictions } = system.compute.queue()
    // The first started at once and was told nothing; what happens to one that is held is a person's doing.
    expect(predictions.count).toBe(3)
    expect(predictions.recent.map(({ name }) => name)).toEqual(['runs 3000', 'runs 4000', 'runs 5000'])
    expect(predictions.meanErrorMs).toBeLessThan(2_000)
    expect(predictions.coverage).not.toBeNull()

    await system.die()
    system = await harness.open()
    expect(system.compute.queue().predictions).toEqual(predictions)
  }, 60_000)

  it('is kept for a job that waits over a restart', async () => {
    await sleeper(5_000)
    const next = await sleeper(1_000, 'waits')
    await advance(2_000)
    // Working it out takes turns of the event loop, not only of the clock.
    await until(() => system.compute.get(next.id).estimate !== null)
    const told = system.compute.get(next.id).estimate
    await system.die()
    system = await harness.open()
    await advance(15_000)
    const [entry, ...others] = system.compute.queue().predictions.recent
    expect(entry).toMatchObject({ job: next.id, startsAt: told?.startsAt })
    expect(others).toEqual([])
  })
})

describe('the classes', () => {
  it('tell rates, utilisation and the wait that theory expects', async () => {
    for (let i = 0; i < 20; i++) {
      await sleeper(500)
      await advance(1_000)
    }
    const [synthetic] = system.compute.queue().classes
    expect(synthetic).toMatchObject({ model: null, kind: 'synthetic', arrivals: 20, servers: 1 })
    expect(synthetic?.arrivalsPerSecond).toBeCloseTo(1, 0)
    expect(synthetic?.utilization).toBeGreaterThan(0.4)
    expect(synthetic?.utilization).toBeLessThan(0.8)
    // Regular arrivals and lengths: nobody waits to speak of.
    expect(synthetic?.predictedWaitMs).toBeLessThan(100)
  })
})

describe('what if', () => {
  const ask = (question: Partial<WhatIfQuestion> = {}) =>
    system.compute.whatIf({
      addDevices: [],
      removeDevices: [],
      source: 'queue',
      policy: 'online',
      ...question,
    })
  const core = { kind: 'cpu' as const, name: 'more', capacity: { cpuCores: 1, memoryBytes: 1e9 } }

  it('keeps the order of a pipeline, on the day that was and in the queue as it is', async () => {
    const node = { kind: 'synthetic', durationMs: 2_000, need: { cpuCores: 1 } } as const
    const spec = PipelineSpec.parse({
      name: 'chain',
      jobs: [
        { key: 'a', ...node },
        { key: 'b', ...node, dependsOn: ['a'] },
        { key: 'c', ...node, dependsOn: ['b'] },
        { key: 'mourns', ...node, dependsOn: ['c'], runWhen: 'failed' },
      ],
    })
    const { id } = await system.compute.submitPipeline(spec, ALICE)
    const queue = await ask({ addDevices: [core, core] })
    // What is to run when another fails is not thought to run.
    expect(queue.after).toMatchObject({ jobs: 3, meanWaitMs: 0, makespanMs: 6_000 })
    await advance(10_000)
    expect((await system.compute.getPipeline(id as PipelineId)).jobs.map(({ job }) => job.state)).toEqual([
      'succeeded',
      'succeeded',
      'succeeded',
      'cancelled',
    ])
    const day = await ask({ addDevices: [core, core], source: 'lastDay' })
    expect(day.after).toMatchObject({ jobs: 3, meanWaitMs: 0, makespanMs: 6_000 })
  })

  it('tries another order on the same machine', async () => {
    await sleeper(10_000)
    await sleeper(8_000)
    const short = {
      kind: 'synthetic',
      durationMs: 1_000,
      need: { cpuCores: 0.9 },
      preemptible: false,
    } as const
    for (let i = 0; i < 5; i++) await system.submit(short)
    const { before, after } = await ask({ policy: 'fcfs' })
    expect(before.jobs).toBe(7)
    // In order of arrival the short ones wait for the long ones.
    expect(after.meanWaitMs).toBeGreaterThan(2 * before.meanWaitMs)
    expect(after.makespanMs).toBe(before.makespanMs)
    expect((await ask({ policy: 'easy' })).after).toEqual(after)
  })

  it('tells what another core would do for the jobs of the last day', async () => {
    for (let i = 0; i < 6; i++) await sleeper(1_000)
    await advance(10_000)
    const { before, after, leftOut } = await ask({ addDevices: [core], source: 'lastDay' })
    expect(leftOut).toBe(0)
    expect(before.jobs).toBe(6)
    expect(before.utilization['cpuCores']).toBeGreaterThan(0.9)
    // 0 to 5 s, and 0, 0, 1, 1, 2, 2 s.
    expect(before.meanWaitMs / 1000).toBeCloseTo(2.5, 0)
    expect(after.meanWaitMs / 1000).toBeCloseTo(1, 0)
    expect(before.longestWaitMs / 1000).toBeCloseTo(5, 0)
    expect(after.longestWaitMs / 1000).toBeCloseTo(2, 0)
    expect(after.makespanMs).toBeLessThan(0.7 * before.makespanMs)
  })

  it('takes what runs and the first of a longer queue, with all that they wait for', async () => {
    const pipeline = (durationMs: number) =>
      PipelineSpec.parse({
        name: 'many',
        jobs: Array.from({ length: 1_000 }, (_, i) => ({
          key: `j${i}`,
          ...{ kind: 'synthetic', durationMs, need: { cpuCores: 1 } },
          ...(i > 0 && i % 10 === 0 && { dependsOn: [`j${i - 1}`] }),
        })),
      })
    for (const durationMs of [2_000, 1_000, 1_000, 1_000, 1_000, 1_000])
      await system.compute.submitPipeline(pipeline(durationMs), ALICE)
    await system.submit({ kind: 'synthetic', durationMs: 900_000, priority: 100, need: { cpuCores: 1 } })
    await advance(1_000)
    const { before, leftOut } = await ask()
    expect({ jobs: before.jobs, leftOut }).toEqual({ jobs: 5_000, leftOut: 1_001 })
    // The urgent one runs, though it came last, and 1,000 of the others are twice as long.
    expect(before.makespanMs / 1000).toBeCloseTo(900 + 1_000 * 2 + 3_999, -2)
  }, 180_000)

  it('knows what is left of budgets, and tells how many jobs that or a deadline would end', async () => {
    const budget = { cpuSeconds: 10, windowMs: 3_600_000 }
    system.core.setQuota({ principal: ALICE, limit: {}, budget })
    await sleeper(8_000)
    await advance(10_000)
    for (let i = 0; i < 2; i++) await sleeper(60_000)
    await system.submit({
      ...{ kind: 'synthetic', durationMs: 60_000, need: { cpuCores: 1 } },
      deadline: new Date(harness.clock.now() + 30_000).toISOString(),
    })
    const queue = await ask({ addDevices: [core] })
    // Two seconds are left of it. On one core the second job waits nearly an hour for more, on two both have one of them.
    expect(queue.before).toMatchObject({ jobs: 2, stopped: 3, impossible: 0 })
    expect(queue.before.makespanMs).toBeGreaterThan(3_500_000)
    expect(queue.after).toMatchObject({ jobs: 2, stopped: 3, impossible: 0 })
    // Its lease began some milliseconds before its run.
    expect(queue.after.makespanMs).toBeGreaterThan(950)
    expect(queue.after.makespanMs).toBeLessThanOrEqual(1_000)
    await advance(60_000)
    const day = await ask({ addDevices: [core], source: 'lastDay' })
    expect(day.before.stopped).toBe(2)
    expect(day.after.stopped).toBe(2)
  })

  it('shares the machine by the weights that principals have', async () => {
    const [cores, need] = [4, { cpuCores: 1 }]
    const more = { ...core, capacity: { cpuCores: cores - 1, memoryBytes: 1e9 } }
    for (let i = 0; i < 20; i++)
      for (const by of [ALICE, BOB]) await system.submit({ kind: 'synthetic', durationMs: 20_000, need }, by)
    const fairness = async () => (await ask({ addDevices: [more] })).after.fairness
    const alike = await fairness()
    system.core.setQuota({ principal: BOB, limit: {}, weight: 8 })
    expect(await fairness()).toBeLessThan(alike - 0.01)
  })

  it('counts what could never run without a device, and knows only devices that are there', async () => {
    await sleeper(60_000)
    await sleeper(60_000)
    const [device] = system.core.listDevices()
    const { before, after } = await ask({ removeDevices: [device?.id ?? ''] })
    expect(before).toMatchObject({ jobs: 2, impossible: 0 })
    expect(after).toMatchObject({ jobs: 0, impossible: 2, meanWaitMs: 0 })
    expect((await ask()).resources).toEqual(['cpuCores'])
    await expect(ask({ removeDevices: ['d-none'] })).rejects.toMatchObject({ code: 'core.not_found' })
  })
})
