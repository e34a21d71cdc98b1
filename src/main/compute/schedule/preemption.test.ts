import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId, JobId, LeaseId, PrincipalId } from '../../../shared/domain/ids'
import { place as corePlace } from '../../core'
import { atRest } from './at-rest'
import { plan } from './plan'
import { AGEING_MS_PER_POINT, rankOf } from './rank'
import type { Place } from './space'
import {
  DEFAULT_POLICY,
  type Displaceable,
  type PlanEngine,
  type PlanState,
  type QueueClass,
  type RunningJob,
} from './types'

const NOW = 1_000_000
const place: Place = (need, devices) => {
  const found = corePlace(need, [...devices])
  return 'missing' in found ? null : found
}

interface Waiting {
  priority?: number
  waitedMs?: number
  cores?: number
  version?: string
  runMs?: number | null
  loadBytes?: number
}

function waiting(id: string, given: Waiting = {}): QueueClass {
  const { priority = 90, waitedMs = 0, cores = 1, version = 'm', runMs = 100, loadBytes = 10 } = given
  const readyAt = NOW - waitedMs
  const job = {
    id: id as JobId,
    rank: rankOf(priority, readyAt),
    seq: 0,
    readyAt,
    priority,
    runMs,
    mostMs: runMs,
  }
  return {
    key: id,
    engineKey: version,
    principal: 'p' as PrincipalId,
    need: { cpuCores: cores },
    share: 0.1,
    load: { memoryBytes: loadBytes, estimateMs: 100 },
    jobs: [job],
    workMs: runMs ?? 50,
  }
}

function running(
  id: string,
  given: Partial<Displaceable> & { cores?: number; share?: number } = {},
): RunningJob {
  const { cores = 1, share = 0.1, ...yields } = given
  return {
    job: id as JobId,
    placement: [{ device: 'cpu0', amounts: { cpuCores: cores } }],
    share,
    endsAt: null,
    expectedAt: null,
    yields: {
      job: id as JobId,
      pause: 'checkpoint',
      priority: 10,
      waitedMs: 0,
      ranMs: 500,
      startedAt: NOW - 500,
      remainingMs: 5_000,
      preemptions: 0,
      pauseMs: 0,
      isWriting: false,
      isStopping: false,
      ...yields,
    },
  }
}

const engineOf = (job: RunningJob, engineKey = 'm'): PlanEngine => ({
  ref: `engine of ${job.job}`,
  engineKey,
  state: 'busy',
  memory: [{ device: 'cpu0', amounts: { memoryBytes: 10 } }],
  idleSinceMs: 0,
  remainingMs: job.yields?.remainingMs ?? null,
  job: job.job,
})

/** A machine whose cores are all taken by what runs, each job on an engine of its own. */
function full(jobs: RunningJob[], classes: QueueClass[], patch: Partial<PlanState> = {}): PlanState {
  const cores = jobs.reduce((sum, { placement }) => sum + (placement[0]?.amounts.cpuCores ?? 0), 0)
  return atRest({
    now: NOW,
    classes,
    devices: [
      {
        id: 'cpu0' as DeviceId,
        kind: 'cpu',
        free: { memoryBytes: 100 },
        capacity: { cpuCores: cores, memoryBytes: 1000 },
        healthy: true,
      },
    ],
    engines: jobs.map((job) => engineOf(job)),
    running: jobs,
    pace: 1000,
    ...patch,
  })
}

const decide = (state: PlanState) => plan(state, place)
const victims = (state: PlanState) => decide(state).preempt.map(({ job }) => job as string)

describe('by priority', () => {
  it('takes the place of one that is 20 points less urgent, not of one that is 19', () => {
    expect(victims(full([running('low', { priority: 70 })], [waiting('urgent')]))).toEqual(['low'])
    expect(victims(full([running('low', { priority: 71 })], [waiting('urgent')]))).toEqual([])
  })

  it('stops so many that what programs outside took meanwhile is paid, and none where that takes it all', () => {
    const owing = (cpuCores: number) => {
      const { devices, ...rest } = full(
        Array.from({ length: 4 }, (_, i) => running(`low${i}`)),
        [waiting('urgent')],
      )
      return victims({ ...rest, devices: devices.map((cpu) => ({ ...cpu, owed: { cpuCores } })) })
    }
    expect(owing(0)).toHaveLength(1)
    expect(owing(2)).toHaveLength(3)
    expect(owing(4)).toEqual([])
  })

  it('stops as few as a request for a lease, which goes before, leaves it places of', () => {
    const room = [{ device: 'cpu0', amounts: { cpuCores: 6 } }]
    const ask = (loads: RunningJob[], held: number, sinceRequest: string[], cores = 1) => {
      const request = {
        ...{ rank: Number.POSITIVE_INFINITY, room },
        before: [{ device: 'cpu0', amounts: { cpuCores: held } }],
        since: new Set(sinceRequest as JobId[]),
      }
      return victims(full(loads, [waiting('urgent', { cores })], { request }))
    }
    const loads = Array.from({ length: 16 }, (_, i) => running(`low${i}`))
    expect(ask(loads, 16, [])).toHaveLength(1)
    // Four of eight cores are leased by a program; two by a load that began beside the request.
    const leased = { ...running('program', { cores: 4 }), job: null, yields: null }
    const free = { ...running('free', { cores: 2 }), job: null, yields: null }
    expect(ask([leased, free, running('beside', { cores: 2 })], 6, ['beside'], 2)).toEqual(['beside'])
    // It would get nothing of what was there before.
    expect(ask([leased, running('before', { cores: 2 })], 6, [], 2)).toEqual([])
  })

  it('leaves such a request also what programs outside take as soon as it is held', () => {
    const room = [{ device: 'cpu0', amounts: { cpuCores: 4 } }]
    const before = [{ device: 'cpu0', amounts: { cpuCores: 2 } }]
    const request = { rank: Number.POSITIVE_INFINITY, room, before, since: new Set<JobId>() }
    const ask = (yields: number) => {
      const { devices, ...rest } = full([running('low', { cores: 2 })], [waiting('urgent', { cores: 4 })], {
        request,
      })
      const cpu = {
        ...{ free: { cpuCores: 6 - yields, memoryBytes: 100 }, capacity: { cpuCores: 8, memoryBytes: 1000 } },
        ...{ yields: { cpuCores: yields }, held: { cpuCores: 2 } },
      }
      return victims({ ...rest, devices: devices.map((device) => ({ ...device, ...cpu })) })
    }
    expect(ask(6)).toEqual([])
    expect(ask(3)).toEqual([])
  })

  it('counts on the memory of an engine that was loaded beside such a request, and not on that of one from before', () => {
    const memory = (memoryBytes: number) => [{ device: 'cpu0', amounts: { memoryBytes } }]
    const idle = {
      ...engineOf(running('idle'), 'old'),
      state: 'idle' as const,
      job: null,
      memory: memory(600),
    }
    const evicts = (lease: string) => {
      const request = {
        ...{ rank: Number.POSITIVE_INFINITY, room: memory(300), before: memory(200) },
        since: new Set(['loaded-since' as LeaseId]),
      }
      const cpu0 = {
        ...{ id: 'cpu0' as DeviceId, kind: 'cpu' as const, healthy: true },
        ...{ free: { cpuCores: 1, memoryBytes: 200 }, capacity: { cpuCores: 1, memoryBytes: 1000 } },
      }
      const engines = [{ ...idle, lease: lease as LeaseId }]
      const classes = [waiting('urgent', { loadBytes: 600 })]
      return decide(atRest({ now: NOW, classes, devices: [cpu0], engines, running: [], pace: 1000, request }))
        .evict
    }
    expect(evicts('loaded-since')).toEqual(['engine of idle'])
    expect(evicts('before')).toEqual([])
  })

  it('says of the one that waits whose place it takes', () => {
    const { preempt, blocked } = decide(full([running('low')], [waiting('urgent')]))
    expect(preempt).toEqual([{ job: 'low', for: 'urgent' }])
    expect(blocked.get('urgent')).toEqual({ kind: 'preempts', jobs: ['low'] })
  })

  it('never of one that must not be disturbed', () => {
    expect(victims(full([{ ...running('fixed'), yields: null }], [waiting('urgent')]))).toEqual([])
  })

  it('of the fewest, the least urgent, those that lose nothing before those that begin anew', () => {
    const two = waiting('urgent', { cores: 2 })
    expect(victims(full([running('a'), running('b'), running('wide', { cores: 2 })], [two]))).toEqual([
      'wide',
    ])
    expect(victims(full([running('a', { priority: 20 }), running('b'), running('c')], [two]))).toEqual([
      'b',
      'c',
    ])
    const restart = running('restart', { pause: 'restart', priority: 0 })
    expect(victims(full([restart, running('checkpoint', { priority: 40 })], [waiting('urgent')]))).toEqual([
      'checkpoint',
    ])
    expect(victims(full([restart], [waiting('urgent')]))).toEqual(['restart'])
  })

  it('spares what would not make it fit', () => {
    expect(victims(full([running('a')], [waiting('urgent', { cores: 2 })]))).toEqual([])
    const noMemory = full([running('a')], [waiting('urgent', { version: 'n', loadBytes: 500 })])
    expect(victims(noMemory)).toEqual([])
    const withItsEngine = waiting('urgent', { version: 'n', loadBytes: 110 })
    expect(victims(full([running('a')], [withItsEngine]))).toEqual(['a'])
  })

  it('stops nobody for one that has room, and awaits an engine in use', () => {
    const uses = { ...running('uses'), yields: null }
    const other = running('other')
    const engines = [{ ...engineOf(uses), remainingMs: 150 }, engineOf(other, 'n')]
    const { devices, ...rest } = full([uses, other], [waiting('urgent')], { engines })
    const withRoom = devices.map((cpu) => ({
      ...cpu,
      free: { cpuCores: 1, memoryBytes: 100 },
      capacity: { cpuCores: 3, memoryBytes: 1000 },
    }))
    const decided = decide({ ...rest, devices: withRoom })
    expect(decided.preempt).toEqual([])
    expect(decided.blocked.get('urgent')).toMatchObject({ kind: 'engine' })
  })

  it('stops nobody for one that would only await an engine in use then, and notes that it does', () => {
    const uses = { ...running('uses'), yields: null }
    const low = running('low', { cores: 2 })
    const decided = (waitingSince: PlanState['waitingSince'], more: Partial<Displaceable> = {}) => {
      const other = { ...low, yields: low.yields && { ...low.yields, ...more } }
      const engines = [engineOf(uses), engineOf(other, more.isWriting ? 'm' : 'n')]
      return decide(full([uses, other], [waiting('urgent', { cores: 2 })], { engines, waitingSince }))
    }
    const awaits = decided(new Map())
    expect(awaits.preempt).toEqual([])
    expect(awaits.blocked.get('urgent')).toMatchObject({ kind: 'engine' })
    // Of five loads of 100 ms for the engine in use.
    expect(awaits.lookAgainAt).toBe(NOW + 501)
    expect(decided(new Map([['urgent', NOW - 501]])).preempt).toEqual([{ job: 'low', for: 'urgent' }])
    // One that gives its engine up with its place.
    expect(decided(new Map(), { isWriting: true }).preempt).toEqual([{ job: 'low', for: 'urgent' }])
  })

  it('stops one for a job that has an engine, though another would be larger than all there is', () => {
    expect(victims(full([running('low')], [waiting('urgent', { loadBytes: 5_000 })]))).toEqual(['low'])
    const other = waiting('urgent', { loadBytes: 5_000, version: 'n' })
    expect(victims(full([running('low')], [other]))).toEqual([])
  })

  it('stops none for the second of two that would await what the first loads', () => {
    const engines = [running('a'), running('b')].map((job) => engineOf(job, 'n'))
    const two = [waiting('one', { loadBytes: 20 }), waiting('two', { loadBytes: 20 })]
    const jobs = [running('a'), running('b')]
    expect(victims(full(jobs, two, { engines }))).toHaveLength(1)
    // Where that is worth while, each loads its own.
    const long = two.map((group) => ({
      ...group,
      jobs: group.jobs.map((job) => ({ ...job, runMs: 10_000 })),
    }))
    expect(victims(full(jobs, long, { engines }))).toHaveLength(2)
  })

  it('stops one for each for whose engine there is room, too', () => {
    const low = [running('a'), running('b')]
    const loads = (loadBytes: number) => [
      waiting('one', { version: 'x', loadBytes }),
      waiting('two', { version: 'y', loadBytes }),
    ]
    // 100 are free, and 10 come with each engine.
    expect(victims(full(low, loads(60)))).toHaveLength(2)
    expect(victims(full(low, loads(61)))).toHaveLength(1)
  })

  it('counts on no engine that goes in this turn', () => {
    const low = running('low')
    const none = [{ device: 'cpu0', amounts: { memoryBytes: 0 } }]
    const idle = { ...engineOf(low), ref: 'idle', state: 'idle' as const, job: null }
    const large = [{ device: 'cpu0', amounts: { memoryBytes: 600 } }]
    const decided = (evicting: boolean) => {
      const engines = [
        { ...engineOf(low, 'n'), memory: none },
        { ...idle, memory: large },
      ]
      const first = waiting('first', { priority: 95, version: 'x', loadBytes: 600 })
      const second = waiting('second', { cores: 2, loadBytes: 600 })
      const { devices, ...rest } = full([low], evicting ? [first, second] : [second], { engines })
      const cpu = { free: { cpuCores: 1, memoryBytes: 5 }, capacity: { cpuCores: 2, memoryBytes: 1000 } }
      return decide({ ...rest, devices: devices.map((device) => ({ ...device, ...cpu })) })
    }
    expect(decided(false)).toMatchObject({ evict: [], preempt: [{ job: 'low', for: 'second' }] })
    expect(decided(true)).toMatchObject({ evict: ['idle'], preempt: [] })
  })

  it('awaits what ends by itself soon, and looks again', () => {
    const soon = decide(full([running('soon', { remainingMs: 150 })], [waiting('urgent')]))
    expect(soon).toMatchObject({ preempt: [], lookAgainAt: NOW + DEFAULT_POLICY.preemptMs })
  })

  it('does not make one begin anew that has run long, or has had to before', () => {
    const anew = (patch: Partial<Displaceable>) =>
      victims(full([running('infer', { pause: 'restart', priority: 50, ...patch })], [waiting('urgent')]))
    const longAgo = { startedAt: NOW - DEFAULT_POLICY.mostLostMs - 1 }
    expect(anew({})).toEqual(['infer'])
    expect(anew(longAgo)).toEqual([])
    expect(anew({ preemptions: DEFAULT_POLICY.mostRestarts })).toEqual([])
    // Unless the other is far more urgent, and then once.
    const far = { ...longAgo, priority: 90 - DEFAULT_POLICY.anyLossMargin }
    expect(anew(far)).toEqual(['infer'])
    expect(anew({ ...far, preemptions: 1 })).toEqual([])
    expect(anew({ ...far, priority: far.priority + 1 })).toEqual([])
  })

  it('loses no more than may be lost, all of a turn together', () => {
    const anew = (id: string) => running(id, { pause: 'restart', share: 0.5 })
    const lossBudgetMs = 499
    expect(victims(full([anew('a')], [waiting('urgent')], { lossBudgetMs: 249 }))).toEqual([])
    expect(decide(full([anew('a')], [waiting('urgent')], { lossBudgetMs }))).toMatchObject({
      preempt: [{ job: 'a', for: 'urgent' }],
      lostMs: 250,
    })
    const jobs = [anew('a'), anew('b')]
    expect(victims(full(jobs, [waiting('one'), waiting('two')], { lossBudgetMs }))).toHaveLength(1)
    expect(victims(full(jobs, [waiting('wide', { cores: 2 })], { lossBudgetMs }))).toEqual([])
    expect(victims(full([running('a')], [waiting('urgent')], { lossBudgetMs: 0 }))).toEqual(['a'])
  })

  it('loses what it has run, once, for one 50 points more urgent that would wait long for it', () => {
    const long = (more = {}) =>
      full(
        [running('infer', { pause: 'restart', priority: 30, remainingMs: 60_000, ...more })],
        [waiting('urgent')],
        {
          lossBudgetMs: 0,
        },
      )
    expect(decide(long())).toMatchObject({ preempt: [{ job: 'infer', for: 'urgent' }], lostMs: 0 })
    expect(victims(long({ preemptions: 1 }))).toEqual([])
    expect(victims(long({ priority: 60 }))).toEqual([])
    expect(victims(long({ remainingMs: DEFAULT_POLICY.mostLossMs }))).toEqual([])
  })

  it('loses no more than it waits less by it', () => {
    const anew = (remainingMs: number) => running('infer', { pause: 'restart', remainingMs })
    expect(victims(full([anew(501)], [waiting('urgent')]))).toEqual(['infer'])
    expect(victims(full([anew(500)], [waiting('urgent')]))).toEqual([])
    const fixed = { ...running('fixed'), endsAt: NOW + 400, yields: null }
    expect(victims(full([anew(5_000), fixed], [waiting('urgent')]))).toEqual([])
  })

  it('protects one that has waited longer than it has run, point by point as in the queue', () => {
    const at = (waitedMs: number) =>
      victims(
        full([running('low', { priority: 10, waitedMs, ranMs: 500 })], [waiting('urgent', { priority: 50 })]),
      )
    const bound = (50 - DEFAULT_POLICY.preemptMargin - 10) * AGEING_MS_PER_POINT + 500
    expect(at(bound)).toEqual(['low'])
    expect(at(bound + 1)).toEqual([])
    const low = running('low', { priority: 10, waitedMs: bound + 300, ranMs: 500 })
    expect(decide(full([low], [waiting('urgent', { priority: 50 })])).lookAgainAt).toBe(NOW + 300)
  })

  it('does not stop more while others stop for it; what they free is nobody else’s', () => {
    const stopping = running('first', { isStopping: true })
    const others = [stopping, running('second')]
    const promised = new Map([['urgent' as JobId, ['first' as JobId]]])
    expect(victims(full(others, [waiting('urgent')], { promised }))).toEqual([])
    const another = [waiting('urgent'), waiting('later', { runMs: 1 })]
    expect(decide(full(others, another, { promised })).preempt).toEqual([{ job: 'second', for: 'later' }])
  })

  it.each([5_000, null])(
    'what they free one after the other stays for it, whenever they would have ended (%s ms)',
    (remainingMs) => {
      const ends = (job: RunningJob): RunningJob => ({
        ...job,
        endsAt: remainingMs === null ? null : NOW + remainingMs,
        expectedAt: remainingMs === null ? null : NOW + remainingMs,
      })
      const last = ends(running('last', { isStopping: true, cores: 2, remainingMs }))
      const promised = new Map([['urgent' as JobId, ['last' as JobId]]])
      // The first has stopped, waits again, and would fit where it was.
      const queue = [
        waiting('urgent', { cores: 4 }),
        waiting('first', { priority: 10, cores: 2, version: 'n' }),
      ]
      const state = full([last], queue, { promised })
      const devices = state.devices.map((device) => ({
        ...device,
        free: { cpuCores: 2, memoryBytes: 100 },
        capacity: { cpuCores: 4, memoryBytes: 1000 },
      }))
      expect(decide({ ...state, devices }).start).toEqual([])
      const alone = queue.slice(1)
      expect(decide({ ...state, devices, classes: alone }).start.map(({ job }) => job.id)).toEqual(['first'])
    },
  )

  it('a job that others made room for goes first', () => {
    const free = full([], [waiting('urgent', { runMs: 60_000 }), waiting('quick', { runMs: 1 })], {
      promised: new Map([['urgent' as JobId, []]]),
    })
    const devices = free.devices.map((device) => ({ ...device, free: { cpuCores: 1, memoryBytes: 100 } }))
    expect(decide({ ...free, devices }).start.map(({ job }) => job.id)).toEqual(['urgent'])
  })
})

describe('by turns', () => {
  it('says when the one that waits will have waited longer', () => {
    const before = { startedAt: NOW - DEFAULT_POLICY.sliceMs, priority: 50, waitedMs: 4_000 }
    const next = waiting('next', { priority: 50, waitedMs: 3_000 })
    expect(decide(full([running('long', before)], [next]))).toMatchObject({
      preempt: [],
      lookAgainAt: NOW + 1_001,
    })
  })

  const due = { startedAt: NOW - DEFAULT_POLICY.sliceMs, ranMs: DEFAULT_POLICY.sliceMs, priority: 50 }
  const equal = (given: Waiting = {}) =>
    waiting('next', { priority: 50, waitedMs: 3_000, runMs: null, ...given })

  it('texts of one model take turns, when their time is over', () => {
    expect(victims(full([running('text', { ...due, isWriting: true })], [equal()]))).toEqual(['text'])
    const early = { ...due, startedAt: NOW - 1_500, isWriting: true }
    expect(decide(full([running('text', early)], [equal()]))).toMatchObject({
      preempt: [],
      lookAgainAt: NOW - 1_500 + DEFAULT_POLICY.sliceMs,
    })
  })

  it('take longer turns where it takes long to pause', () => {
    const slow = { ...due, isWriting: true, pauseMs: DEFAULT_POLICY.sliceMs / DEFAULT_POLICY.slicePauses + 1 }
    expect(victims(full([running('text', slow)], [equal()]))).toEqual([])
    expect(victims(full([running('text', { ...slow, startedAt: NOW - 2_020 })], [equal()]))).toEqual(['text'])
  })

  it('any gives way to one that is done sooner, not to one that takes as long or nobody knows how long', () => {
    expect(victims(full([running('batch', due)], [equal({ runMs: 100 })]))).toEqual(['batch'])
    expect(victims(full([running('batch', due)], [equal({ runMs: 5_000 })]))).toEqual([])
    expect(victims(full([running('batch', due)], [equal()]))).toEqual([])
  })

  it('not to one that has waited less, or is less urgent; never what begins anew', () => {
    const text = { ...due, isWriting: true }
    expect(victims(full([running('text', { ...text, waitedMs: 3_000 })], [equal()]))).toEqual([])
    expect(victims(full([running('text', text)], [equal({ priority: 49 })]))).toEqual([])
    const infer = running('infer', { ...due, pause: 'restart' })
    expect(victims(full([infer], [equal({ runMs: 1 })]))).toEqual([])
  })
})

/** Nobody has what they need; each of a class of its own. */
const inVain = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    ...waiting(`vain ${i}`, { priority: 100, waitedMs: NOW }),
    need: { cpuCores: 1, fpga: 1 + i },
  }))

describe('behind jobs that could not start if all others ended', () => {
  it('an urgent job takes the place of another, however many they are', () => {
    const state = full([running('low')], [...inVain(20), waiting('urgent')])
    expect(victims(state)).toEqual(['low'])
    expect(decide(state).stranded.size).toBe(20)
  })

  it('others take turns', () => {
    const due = { startedAt: NOW - DEFAULT_POLICY.sliceMs, ranMs: DEFAULT_POLICY.sliceMs, priority: 50 }
    const next = waiting('next', { priority: 50, waitedMs: 3_000 })
    expect(victims(full([running('batch', due)], [...inVain(1), next]))).toEqual(['batch'])
  })

  it('where the engine is too large for what is not leased, as where the devices are', () => {
    const large = waiting('large', { priority: 100, waitedMs: 900_000, version: 'n', loadBytes: 900 })
    const state = full([running('low')], [large, waiting('urgent')])
    expect(victims(state)).toEqual(['low'])
    expect(decide(state).stranded).toEqual(new Set(['large']))
    // With the memory of all engines it fits.
    const fits = { ...large, load: { ...large.load, memoryBytes: 110 } }
    expect(decide(full([running('low')], [fits])).stranded).toEqual(new Set())
  })
})

const arbitraryRunning = fc.record({
  cores: fc.constantFrom(1, 1, 2, 4),
  pause: fc.constantFrom<Displaceable['pause']>('checkpoint', 'restart'),
  priority: fc.integer({ min: 0, max: 100 }),
  waitedMs: fc.integer({ min: 0, max: 900_000 }),
  ranMs: fc.integer({ min: 0, max: 100_000 }),
  startedAt: fc.integer({ min: NOW - 5_000, max: NOW }),
  remainingMs: fc.option(fc.integer({ min: 0, max: 10_000 })),
  preemptions: fc.integer({ min: 0, max: 5 }),
  pauseMs: fc.integer({ min: 0, max: 300 }),
  isWriting: fc.boolean(),
  isStopping: fc.boolean(),
  isFixed: fc.boolean(),
})
const arbitraryWaiting = fc.record({
  priority: fc.integer({ min: 0, max: 100 }),
  waitedMs: fc.integer({ min: 0, max: 900_000 }),
  cores: fc.constantFrom(1, 1, 2, 4),
  version: fc.constantFrom('m', 'n'),
  runMs: fc.option(fc.integer({ min: 0, max: 10_000 })),
})
const arbitraryState = fc
  .record({
    running: fc.array(arbitraryRunning, { maxLength: 8 }),
    waiting: fc.array(arbitraryWaiting, { maxLength: 8 }),
  })
  .map(({ running: jobs, waiting: queue }) =>
    full(
      jobs.map(({ isFixed, ...given }, i) => {
        const job = running(`r${i}`, given)
        return isFixed ? { ...job, yields: null } : job
      }),
      queue.map((given, i) => waiting(`w${i}`, given)),
    ),
  )

describe('always', () => {
  it('who could not start if all others ended changes nothing for them', () => {
    fc.assert(
      fc.property(arbitraryState, fc.integer({ min: 1, max: 10 }), (state, count) => {
        const vain = inVain(count)
        const { blocked, stranded, ...decided } = decide({ ...state, classes: [...vain, ...state.classes] })
        const { blocked: alone, stranded: strandedAlone, ...expected } = decide(state)
        expect(decided).toEqual(expected)
        for (const { key } of vain) {
          expect(stranded).toContain(key)
          expect(blocked.get(key)).toEqual({ kind: 'resources' })
        }
        for (const { key } of state.classes) expect(blocked.get(key)).toEqual(alone.get(key))
      }),
    )
  })

  it('stops nobody twice, nobody that is stopping or fixed, and nobody for one it could displace in turn', () => {
    fc.assert(
      fc.property(arbitraryState, (state) => {
        const { preempt, start } = decide(state)
        expect(new Set(preempt.map(({ job }) => job)).size).toBe(preempt.length)
        for (const { job, for: by } of preempt) {
          const victim = state.running.find((candidate) => candidate.job === job)?.yields
          const urgent = state.classes.find(({ key }) => key === by)?.jobs[0]
          expect(start.some((started) => started.job.id === by)).toBe(false)
          if (!victim || !urgent) throw new Error('a victim that does not run, or for nobody')
          expect(victim.isStopping).toBe(false)
          // Were they to change places now, nothing would change them back.
          const back = full(
            [
              running('w', {
                priority: urgent.priority,
                waitedMs: NOW - urgent.readyAt,
                ranMs: 0,
                startedAt: NOW - 60_000,
                remainingMs: urgent.runMs,
                isWriting: victim.isWriting,
              }),
            ],
            [
              waiting('v', {
                priority: victim.priority,
                waitedMs: victim.waitedMs,
                runMs: victim.remainingMs,
              }),
            ],
          )
          expect(decide(back).preempt).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
  })
})
