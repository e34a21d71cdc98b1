import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import { atRest } from './at-rest'
import { runForward } from './forward'
import type { Workload } from './online/workload'
import { placeOrNull } from './place-or-null'
import { policyOf } from './policies'
import { rankUnder } from './rank'
import { Reference } from './replay/references'
import { replay } from './replay/replay'
import type { Arrival, RunsNow, Scene } from './scene'
import { DEFAULT_POLICY, type SchedulePolicy } from './types'

interface Given {
  at: number
  runMs: number
  cores: number
  priority?: number
  /** Of its engine. */
  memoryBytes?: number
  after?: readonly number[]
}

/** Jobs on a machine of `cores`, each on an engine of its own that takes no time to load. */
function scene(cores: number, jobs: readonly Given[], policy: SchedulePolicy = DEFAULT_POLICY): Scene {
  const capacity = { cpuCores: cores, memoryBytes: 1000 }
  const arrivals = jobs.map((given, seq): Arrival => {
    const { at, runMs, cores: wanted, priority = 50, memoryBytes = 0, after = [] } = given
    const id = String(seq) as JobId
    const rank = rankUnder(policy, priority, at)
    return {
      at,
      group: {
        key: id,
        engineKey: id,
        principal: 'p' as PrincipalId,
        need: { cpuCores: wanted },
        share: wanted / cores,
        load: { memoryBytes, estimateMs: 0 },
        jobs: [],
        workMs: 0,
      },
      job: { id, rank, seq, readyAt: at, priority, runMs, mostMs: runMs },
      after: after.map((job) => String(job) as JobId),
    }
  })
  const device = { id: 'cpu0' as DeviceId, kind: 'cpu' as const, free: capacity, capacity, healthy: true }
  const state = atRest({ now: arrivals[0]?.at ?? 0, devices: [device], policy })
  return { state, running: [], arrivals, pausings: new Map() }
}

function starts(of: Scene) {
  const lengths = new Map(of.arrivals.map(({ job }) => [job.id, job.runMs ?? 0]))
  const durations = {
    runOf: (_: unknown, { id }: { id: JobId }) => lengths.get(id) ?? 0,
    remainingOf: () => 0,
  }
  return runForward(of, durations, placeOrNull).starts.sort((a, b) => Number(a.job) - Number(b.job))
}

describe('the textbook', () => {
  const job = fc.record({
    gap: fc.integer({ min: 0, max: 300 }),
    runMs: fc.integer({ min: 1, max: 1_000 }),
    cores: fc.integer({ min: 1, max: 4 }),
    priority: fc.integer({ min: 0, max: 100 }),
  })

  it.each(['fcfs', 'easy'] as const)('%s starts all when the reference does', (name) => {
    fc.assert(
      fc.property(fc.array(job, { minLength: 1, maxLength: 25 }), (drawn) => {
        let at = 0
        const jobs = drawn.map(({ gap, ...rest }) => {
          at += gap
          return { ...rest, at }
        })
        const runtime = Float64Array.from(jobs, ({ runMs }) => runMs)
        const workload: Workload = {
          resources: ['cpu'],
          kinds: 1,
          nodeIds: ['n'],
          capacity: Float64Array.of(4),
          submit: Float64Array.from(jobs, (each) => each.at),
          runtime,
          estimate: runtime,
          replicas: new Int32Array(jobs.length).fill(1),
          need: Float64Array.from(jobs, ({ cores }) => cores),
          priority: new Float64Array(jobs.length),
          user: new Int32Array(jobs.length),
          users: ['u'],
        }
        const reference = replay(workload, new Reference(workload, name))
        const own = starts(scene(4, jobs, policyOf(name, DEFAULT_POLICY)))
        expect(own.map(({ at: start }) => start)).toEqual([...reference.start])
      }),
    )
  })
})

it('a quota of memory counts the engines that are in use', () => {
  const of = scene(
    4,
    [0, 50, 60].map((at) => ({ at, runMs: 100, cores: 1, memoryBytes: 300 })),
  )
  const quotas = new Map([['p' as PrincipalId, { limited: ['memoryBytes'], left: { memoryBytes: 400 } }]])
  expect(starts({ ...of, state: { ...of.state, quotas } }).map(({ at }) => at)).toEqual([0, 100, 200])
})

it('more than a quota allows has to end before there is any left, whatever starts meanwhile', () => {
  const of = scene(4, [
    { at: 0, runMs: 50, cores: 1 },
    { at: 10, runMs: 100, cores: 1, memoryBytes: 300 },
  ])
  const limited = ['cpuCores', 'memoryBytes']
  const quotas = new Map([['p' as PrincipalId, { limited, left: { cpuCores: 4, memoryBytes: -300 } }]])
  const running = [200, 400].map((runMs): RunsNow => {
    const id = `until ${runMs}` as JobId
    const load = { memoryBytes: 300, estimateMs: 0 }
    const { group, job } = of.arrivals[0] as Arrival
    const times = { startedAt: 0, loadedAt: 0, runMs }
    return {
      ...{ group: { ...group, key: id, engineKey: id, need: {}, load }, job: { ...job, id } },
      ...{ placement: [], engine: null, isStopping: false, ...times },
    }
  })
  const durations = {
    runOf: (_: unknown, { runMs }: { runMs: number | null }) => runMs ?? 0,
    remainingOf: ({ runMs }: RunsNow) => runMs ?? 0,
  }
  const { starts: seen } = runForward(
    { ...of, running, state: { ...of.state, quotas } },
    durations,
    placeOrNull,
  )
  expect(seen.map(({ job, at }) => [job, at])).toEqual([
    ['0', 0],
    ['1', 400],
  ])
})

describe('jobs that wait for others', () => {
  it('are ready when the last of these has ended, whatever else is free', () => {
    const jobs = [
      { at: 0, runMs: 300, cores: 1 },
      { at: 0, runMs: 500, cores: 1 },
      { at: 0, runMs: 100, cores: 1, after: [0, 1] },
      { at: 0, runMs: 100, cores: 1, after: [2] },
      { at: 900, runMs: 100, cores: 1, after: [0] },
    ]
    const seen = starts(scene(4, jobs)).map(({ readyAt, at }) => [readyAt, at])
    expect(seen).toEqual([
      [0, 0],
      [0, 0],
      [500, 500],
      [600, 600],
      [900, 900],
    ])
  })

  it('never start when what they wait for cannot', () => {
    const jobs = [
      { at: 0, runMs: 300, cores: 8 },
      { at: 0, runMs: 300, cores: 1, after: [0] },
      { at: 0, runMs: 300, cores: 1 },
    ]
    expect(starts(scene(4, jobs)).map(({ job }) => job)).toEqual(['2'])
  })
})

describe('engines', () => {
  const one = (at: number) => ({ at, runMs: 100, cores: 1 })
  const loading = (of: Scene, engineIdleMs?: number): Scene => ({
    ...of,
    ...(engineIdleMs === undefined ? {} : { engineIdleMs }),
    arrivals: of.arrivals.map((arrival) => {
      const load = { memoryBytes: 0, estimateMs: 50 }
      return { ...arrival, group: { ...arrival.group, key: 'same', engineKey: 'same', load } }
    }),
  })
  const lengths = (of: Scene) => starts(of).map(({ at, endsAt }) => endsAt - at)

  it('are loaded once, and again when nobody has used them for as long as they are kept', () => {
    const of = scene(4, [one(0), one(1_000), one(5_000)])
    expect(lengths(loading(of))).toEqual([150, 100, 100])
    expect(lengths(loading(of, 2_000))).toEqual([150, 100, 150])
  })
})

it('goes on until all that waited have started, however often what ran begins again', () => {
  const [displaced, waiting] = scene(1, [
    { at: 0, runMs: 100, cores: 1, priority: 90 },
    { at: 0, runMs: 100, cores: 1, priority: 10 },
  ]).arrivals as [Arrival, Arrival]
  const capacity = { cpuCores: 1, memoryBytes: 1000 }
  const device = { id: 'cpu0' as DeviceId, kind: 'cpu' as const, free: {}, capacity, healthy: true }
  const of: Scene = {
    state: atRest({ devices: [device] }),
    running: [
      {
        ...displaced,
        placement: [{ device: device.id, amounts: { cpuCores: 1 } }],
        engine: null,
        startedAt: 0,
        loadedAt: 0,
        runMs: 100,
        isStopping: true,
      },
    ],
    arrivals: [waiting],
    pausings: new Map([
      [displaced.job.id, { ranMs: 0, preemptions: 0, pauseMs: 0, isWriting: false, pause: 'checkpoint' }],
    ]),
  }
  const durations = { runOf: () => 100, remainingOf: () => 100 }
  const { starts } = runForward(of, durations, placeOrNull, { untilStarted: true })
  expect(starts.map(({ job, at }) => [job, at])).toEqual([
    [displaced.job.id, 0],
    [waiting.job.id, 100],
  ])
})
