import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Placement } from '../../../shared/contract'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import { addVectors, entriesOf, type ResourceVector, shortage } from '../../../shared/domain/resources'
import { place as corePlace, type FreeDevice } from '../../core'
import { atRest } from './at-rest'
import { engineWaits } from './engines'
import { placeOrNull } from './place-or-null'
import { plan } from './plan'
import { policyOf } from './policies'
import { compareRank, rankOf } from './rank'
import type { Place } from './space'
import {
  type Block,
  DEFAULT_POLICY,
  type PlanEngine,
  type PlanState,
  type QueueClass,
  type QueuedJob,
} from './types'

const place: Place = (need, devices) => {
  const found = corePlace(need, [...devices])
  return 'missing' in found ? null : found
}

interface SimpleJob {
  id: string
  version: string
  need: ResourceVector
  priority: number
  readyAt: number
  runMs: number
  principal?: string
}

function cpu(free: ResourceVector, capacity: ResourceVector = free): FreeDevice {
  return { id: 'cpu0' as DeviceId, kind: 'cpu', free, capacity, healthy: true }
}

function classesOf(jobs: SimpleJob[], memoryBytes = 100, loadMs = 200): QueueClass[] {
  const groups = new Map<string, QueueClass & { jobs: QueuedJob[] }>()
  jobs.forEach((job, seq) => {
    const principal = (job.principal ?? 'p') as PrincipalId
    const key = `${job.version}|${principal}|${JSON.stringify(job.need)}`
    let group = groups.get(key)
    if (!group) {
      group = {
        key,
        engineKey: job.version,
        principal,
        need: job.need,
        share: 0.1,
        load: { memoryBytes, estimateMs: loadMs },
        jobs: [],
        workMs: 0,
      }
      groups.set(key, group)
    }
    group.jobs.push({
      id: job.id as JobId,
      rank: rankOf(job.priority, job.readyAt),
      seq,
      readyAt: job.readyAt,
      priority: job.priority,
      runMs: job.runMs,
      mostMs: job.runMs,
    })
    group.workMs += job.runMs
  })
  for (const group of groups.values()) group.jobs.sort(compareRank)
  return [...groups.values()]
}

function state(patch: Partial<PlanState>): PlanState {
  return atRest({ devices: [cpu({ cpuCores: 2, memoryBytes: 1000 })], pace: 1000, ...patch })
}

function job(id: string, patch: Partial<SimpleJob> = {}): SimpleJob {
  return { id, version: 'm@1', need: { cpuCores: 1 }, priority: 50, readyAt: 0, runMs: 10, ...patch }
}

function engine(ref: string, patch: Partial<PlanEngine> = {}): PlanEngine {
  const memory: Placement = [{ device: 'cpu0', amounts: { memoryBytes: 100 } }]
  return { ref, engineKey: 'm@1', state: 'idle', memory, idleSinceMs: 0, remainingMs: 0, job: null, ...patch }
}

const startsOf = (s: PlanState) => plan(s, place).start.map(({ job: started }) => started.id as string)

describe('plan', () => {
  it('in order of arrival counts neither priority nor length, and passes nobody where nobody may be', () => {
    const jobs = [
      job('one', { readyAt: 1, priority: 0, runMs: 900 }),
      job('wide', { readyAt: 2, version: 'w@1', need: { cpuCores: 2 } }),
      job('late', { readyAt: 3, version: 'l@1', priority: 100 }),
    ]
    const classes = classesOf(jobs)
    const under = (name: 'easy' | 'fcfs') =>
      startsOf(state({ now: 10, classes, policy: policyOf(name, DEFAULT_POLICY) }))
    expect(startsOf(state({ now: 10, classes }))).toEqual(['late', 'one'])
    expect(under('easy')).toEqual(['one', 'late'])
    expect(under('fcfs')).toEqual(['one'])
  })

  it('counts what it starts against the principal at once, in all its classes, for its weight', () => {
    // Each of its own class; those of `a` came first.
    const jobs = ['a1', 'a2', 'b1', 'b2'].map((id) => job(id, { version: id, principal: id.charAt(0) }))
    const devices = [cpu({ cpuCores: 2, memoryBytes: 1000 })]
    expect(startsOf(state({ classes: classesOf(jobs), devices }))).toEqual(['a1', 'b1'])
    const shares = new Map([['b' as PrincipalId, 0.05]])
    const weights = new Map([['a' as PrincipalId, 4]])
    expect(startsOf(state({ classes: classesOf(jobs), devices, shares, weights }))).toEqual(['a1', 'a2'])
    expect(startsOf(state({ classes: classesOf(jobs), devices, shares }))).toEqual(['a1', 'b1'])
  })

  it('takes the warm engine, and the one used last', () => {
    const engines = [engine('a', { idleSinceMs: 5 }), engine('b', { idleSinceMs: 9 })]
    expect(plan(state({ classes: classesOf([job('1')]), engines }), place).start[0]?.engine).toEqual({
      ref: 'b',
    })
  })

  it('starts nothing in a runtime that is being tried, and what needs another goes first meanwhile', () => {
    const jobs = [job('1'), job('2', { version: 'n@1', readyAt: 5 })]
    const devices = [cpu({ cpuCores: 1, memoryBytes: 1000 })]
    const untried = new Map([['m@1', 'PyTorch']])
    const { start, blocked } = plan(state({ classes: classesOf(jobs), devices, untried }), place)
    expect(start.map(({ job: started }) => started.id)).toEqual(['2'])
    expect([...blocked.values()]).toEqual([{ kind: 'runtime', name: 'PyTorch' }])
  })

  it('awaits a busy engine rather than loading another, unless that takes longer', () => {
    const busy = [engine('a', { state: 'busy', remainingMs: 50 })]
    const waiting = plan(state({ classes: classesOf([job('1'), job('2')]), engines: busy }), place)
    expect(waiting.start).toEqual([])
    expect([...waiting.blocked.values()]).toEqual([{ kind: 'engine', engineKey: 'm@1' }])
    // Of five loads of 200 ms, were it never idle.
    expect(waiting.lookAgainAt).toBe(1_001)
    const long = [engine('a', { state: 'busy', remainingMs: 5_000 })]
    expect(
      plan(state({ classes: classesOf([job('1')]), engines: long }), place).start[0]?.engine,
    ).toHaveProperty('load')
    const manyJobs = Array.from({ length: 100 }, (_, i) => job(String(i)))
    expect(startsOf(state({ classes: classesOf(manyJobs), engines: busy }))).toEqual(['0', '1'])
  })

  describe('engines that are idle', () => {
    const idle = (ref: string, memoryBytes: number, more: Partial<PlanEngine> = {}) =>
      engine(ref, { engineKey: ref, memory: [{ device: 'cpu0', amounts: { memoryBytes } }], ...more })
    const needs = (memoryBytes: number) => ({ cpuCores: 1, memoryBytes })
    const device = (free: number, more: Partial<FreeDevice> = {}) => ({
      ...cpu({ cpuCores: 4, memoryBytes: free }, { cpuCores: 4, memoryBytes: 100 }),
      ...more,
    })
    const holds40 = (until: number) => ({
      job: 'r' as JobId,
      placement: [{ device: 'cpu0', amounts: { memoryBytes: 40 } }],
      ...{ share: 0.4, endsAt: until, expectedAt: until, yields: null },
    })
    const HOUR = 3_600_000

    it('go for what a job needs itself, and its own where that is in the way', () => {
      const decided = (memoryBytes: number, engines: PlanEngine[], free: number) =>
        plan(
          state({
            ...{ classes: classesOf([job('1', { need: needs(50) })], memoryBytes), engines },
            devices: [device(free)],
          }),
          place,
        )
      expect(decided(0, [idle('a', 40)], 30).evict).toEqual(['a'])
      expect(decided(0, [idle('a', 10)], 30).evict).toEqual([])
      expect(decided(50, [idle('e', 60, { engineKey: 'm@1' })], 40).evict).toEqual(['e'])
      expect(decided(20, [idle('a', 60), idle('e', 20, { engineKey: 'm@1' })], 20).evict).toEqual(['a'])
      // It would only wait for its own.
      const busy = idle('b', 20, { engineKey: 'm@1', state: 'busy', remainingMs: 10 })
      expect(decided(20, [idle('a', 50), busy], 30).evict).toEqual([])
    })

    it('go for nobody who would not start then: what is kept for others would hold it back', () => {
      const jobs = [
        job('first', { version: 'f', need: needs(90) }),
        job('long', { version: 'l', need: needs(40), readyAt: 1, runMs: 2 * HOUR }),
      ]
      const now = 60_000
      const decided = plan(
        state({
          ...{ now, classes: classesOf(jobs, 0), engines: [idle('a', 30)], running: [holds40(HOUR)] },
          devices: [device(30)],
        }),
        place,
      )
      expect(decided).toMatchObject({ start: [], evict: [] })
    })

    it('stay while all of them would not be enough: another ends first', () => {
      const classes = classesOf([job('1', { version: 'l' })], 90)
      const running = [holds40(HOUR)]
      const decided = plan(
        state({ now: 60_000, classes, engines: [idle('a', 30)], running, devices: [device(30)] }),
        place,
      )
      expect(decided).toMatchObject({ start: [], evict: [], kept: [{ need: { memoryBytes: 90 } }] })
    })

    it('are used by others while one only waits for its own that is busy, or for one before it', () => {
      const busy = idle('b', 20, { engineKey: 'm@1', state: 'busy', remainingMs: null })
      const jobs = [job('waits', { need: needs(50) }), job('user', { version: 'a', readyAt: 1 })]
      const engines = [idle('a', 30), busy]
      const now = 60_000
      const decided = plan(
        state({ now, classes: classesOf(jobs, 20), engines, devices: [device(40)] }),
        place,
      )
      expect(decided).toMatchObject({ evict: [], kept: [] })
      expect(decided.start.map(({ job: { id } }) => id)).toEqual(['user'])
      expect([...decided.blocked.values()]).toEqual([{ kind: 'engine', engineKey: 'm@1' }])
    })

    it('let a job that waits for its own displace others, and keep its place while that is soon idle', () => {
      const own = (remainingMs: number | null) =>
        idle('b', 20, { engineKey: 'm@1', state: 'busy', remainingMs, job: 'r' as JobId })
      const urgent = job('urgent', { need: needs(50), priority: 90, readyAt: 40_000 })
      const running = {
        ...{ job: 'r' as JobId, placement: [{ device: 'cpu0', amounts: { cpuCores: 1, memoryBytes: 30 } }] },
        ...{ share: 0.3, endsAt: null, expectedAt: null },
        yields: {
          ...{ job: 'r' as JobId, pause: 'restart' as const, priority: 0, preemptions: 0, pauseMs: 0 },
          ...{ ranMs: 100, waitedMs: 0, startedAt: 59_900, remainingMs: null, isStopping: false },
          isWriting: false,
        },
      }
      const decided = (remainingMs: number | null) =>
        plan(
          state({
            ...{ now: 60_000, classes: classesOf([urgent], 20) },
            running: [{ ...running, expectedAt: remainingMs && 60_000 + remainingMs }],
            ...{ engines: [idle('a', 20), own(remainingMs)], devices: [device(30)] },
          }),
          place,
        )
      expect(decided(null).preempt).toEqual([{ job: 'r', for: 'urgent' }])
      expect(decided(null).kept).toEqual([])
      expect(decided(100)).toMatchObject({ kept: [{ job: 'urgent' }] })
    })

    it('go on being waited for by a class while it waits for room, and not while its limits are what keeps it', () => {
      const wait = (block: Block | null, before = new Map([['k', 5]]), stranded = new Set<string>()) => {
        const blocked = new Map(block ? [['k', block]] : [])
        return engineWaits(before, { blocked, stranded }, 9).get('k')
      }
      const engine = { kind: 'engine', engineKey: 'm@1' } as const
      expect(wait(engine, new Map())).toBe(9)
      expect(wait(engine)).toBe(5)
      expect(wait({ kind: 'resources' })).toBe(5)
      expect(wait({ kind: 'resources' }, new Map([['of another', 5]]))).toBeUndefined()
      expect(wait({ kind: 'resources' }, undefined, new Set(['k']))).toBeUndefined()
      expect(wait({ kind: 'quota', missing: {} })).toBeUndefined()
      expect(wait(null)).toBeUndefined()
    })

    it('keep a place for the first that fits and only awaits one in use, from when that is expected to be idle', () => {
      const own = idle('b', 10, { engineKey: 'm@1', state: 'busy', remainingMs: 100, job: 'r' as JobId })
      const uses = { ...holds40(60_100), placement: [{ device: 'cpu0', amounts: { cpuCores: 1 } }] }
      const starts = (...others: SimpleJob[]) =>
        plan(
          state({
            ...{ now: 60_000, engines: [own], running: [uses] },
            devices: [cpu({ cpuCores: 7, memoryBytes: 100 }, { cpuCores: 8, memoryBytes: 110 })],
            classes: classesOf([job('first', { need: { cpuCores: 6 } }), ...others], 10, 90),
          }),
          place,
        ).start.map(({ job: { id } }) => id)
      const wide = { version: 'n', need: { cpuCores: 7 }, readyAt: 1 }
      expect(starts(job('long', { ...wide, runMs: HOUR }))).toEqual([])
      expect(starts(job('beside', { ...wide, need: { cpuCores: 1 }, runMs: HOUR }))).toEqual(['beside'])
      expect(starts(job('short', { ...wide, runMs: 10 }))).toEqual(['short'])
    })

    it('keep a place beside the engine that is awaited, which gives nothing back', () => {
      const own = idle('b', 40, { engineKey: 'm@1', state: 'busy', remainingMs: 300, job: 'r' as JobId })
      const uses = { ...holds40(60_300), placement: [] }
      const startsWith = (memoryBytes: number) => {
        const other = job('other', { version: 'n', need: { memoryBytes }, readyAt: 1, runMs: HOUR })
        const classes = classesOf([job('first', { need: { memoryBytes: 50 } }), other], 40, 400).map(
          (group) =>
            group.engineKey === 'n' ? { ...group, load: { memoryBytes: 0, estimateMs: 0 } } : group,
        )
        const now = 60_000
        return startsOf(state({ now, classes, engines: [own], running: [uses], devices: [device(60)] }))
      }
      expect(startsWith(11)).toEqual([])
      expect(startsWith(10)).toEqual(['other'])
    })

    it('keep a place for the next of those that one is taken for in this turn', () => {
      const jobs = [
        job('takes', { need: { cpuCores: 1 }, runMs: 100 }),
        job('next', { need: { cpuCores: 6 }, readyAt: 1, runMs: 100 }),
        job('long', { version: 'n', need: { cpuCores: 7 }, readyAt: 2, runMs: HOUR }),
      ]
      const devices = [cpu({ cpuCores: 8, memoryBytes: 100 })]
      const engines = [idle('a', 10, { engineKey: 'm@1' })]
      expect(startsOf(state({ now: 60_000, classes: classesOf(jobs, 10), engines, devices }))).toEqual([
        'takes',
      ])
    })

    it('go for one behind any number whom all of them would not help', () => {
      const hopeless = Array.from({ length: 65 }, (_, i) =>
        job(`${i}`, { version: `v${i}`, need: needs(60 - i / 100) }),
      )
      const last = job('last', { version: 'l', need: needs(45), readyAt: 1 })
      const running = [holds40(HOUR)]
      const classes = classesOf([...hopeless, last], 0)
      const decided = plan(
        state({ now: 4_000, classes, running, engines: [idle('a', 10)], devices: [device(40)] }),
        place,
      )
      expect(decided.evict).toEqual(['a'])
    })

    it('go for one behind any number that may not have what goes for them', () => {
      const first = job('first', { version: 'f', need: { cpuCores: 4 } })
      const held = Array.from({ length: 70 }, (_, i) =>
        job(`held ${i}`, { version: `v${i}`, need: { cpuCores: 1 }, readyAt: 1, runMs: 2 * HOUR }),
      )
      const last = job('last', { version: 'l', need: { cpuCores: 1 }, readyAt: 2, runMs: 10 })
      const classes = classesOf([first, ...held, last], 50, 1)
      const decided = plan(
        state({
          ...{ now: 60_000, classes, engines: [idle('a', 20)] },
          devices: [
            device(40, {
              free: { cpuCores: 3, memoryBytes: 40 },
              capacity: { cpuCores: 4, memoryBytes: 60 },
            }),
          ],
          running: [{ ...holds40(HOUR), placement: [{ device: 'cpu0', amounts: { cpuCores: 1 } }] }],
        }),
        place,
      )
      expect(decided.evict).toEqual(['a'])
    })

    it('leave the first that waits for room its own, though one before it has its room made', () => {
      const jobs = [
        job('made', { version: 'x', readyAt: 0 }),
        job('whole', { version: 'w', need: { cpuCores: 4 }, readyAt: 1 }),
        job('passes', { version: 'p', need: { cpuCores: 1 }, readyAt: 2, runMs: 2 * HOUR }),
      ]
      const loads = { made: 90, whole: 0, passes: 0 }
      const classes = classesOf(jobs, 0).map((group) => {
        const id = group.jobs[0]?.id as keyof typeof loads
        return { ...group, load: { ...group.load, memoryBytes: loads[id] } }
      })
      const decided = plan(
        state({
          ...{ now: 60_000, classes, engines: [idle('a', 60)] },
          devices: [device(40, { free: { cpuCores: 3, memoryBytes: 40 } })],
          running: [{ ...holds40(HOUR), placement: [{ device: 'cpu0', amounts: { cpuCores: 1 } }] }],
        }),
        place,
      )
      expect(decided).toMatchObject({ start: [], evict: ['a'] })
      expect(decided.kept.map((kept) => kept.job)).toEqual(['made', 'whole'])
    })

    it('that are larger than a new one would be are kept with all they hold where they stay', () => {
      const engines = [idle('m', 60, { engineKey: 'm@1' }), idle('a', 30)]
      const others = [job('other', { version: 'o', need: needs(12), readyAt: 1, runMs: HOUR })]
      const classes = classesOf([job('1', { need: needs(60) }), ...others], 50).map((group) =>
        group.engineKey === 'o' ? { ...group, load: { memoryBytes: 0, estimateMs: 0 } } : group,
      )
      const decided = plan(
        state({
          now: 60_000,
          classes,
          engines,
          devices: [device(35, { capacity: { cpuCores: 4, memoryBytes: 125 } })],
        }),
        place,
      )
      expect(decided).toMatchObject({ start: [], evict: ['a'], kept: [{ need: { memoryBytes: 120 } }] })
    })

    it('are sought for so many jobs of a turn', () => {
      let searches = 0
      const counting: Place = (need, devices) => {
        searches++
        return place(need, devices)
      }
      const jobs = Array.from({ length: 2_000 }, (_, i) =>
        job(`${i}`, { need: needs(41 + i / 100), readyAt: i }),
      )
      const classes = classesOf(jobs, 0)
      const engines = Array.from({ length: 30 }, (_, i) => idle(`e${i}`, 1))
      plan(state({ now: 60_000, classes, engines, devices: [device(40)] }), counting)
      expect(searches).toBeLessThan(10_000)
    })

    it('that are smaller than a new one would be are kept with what they hold', () => {
      const engines = [idle('m', 20, { engineKey: 'm@1' }), idle('a', 30)]
      const classes = classesOf([job('1', { need: needs(75) })], 30)
      const decided = plan(state({ now: 60_000, classes, engines, devices: [device(50)] }), place)
      expect(decided).toMatchObject({ evict: ['a'], kept: [{ need: { memoryBytes: 95 } }] })
    })

    it('are not loaded anew by others in the room that they leave', () => {
      const jobs = [job('1', { need: needs(50) }), job('user', { version: 'a', readyAt: 1 })]
      const engines = [idle('a', 30)]
      const decided = plan(
        state({ now: 10, classes: classesOf(jobs, 20), engines, devices: [device(40)] }),
        place,
      )
      expect(decided).toMatchObject({ start: [], evict: ['a'] })
    })

    it('go for nobody who would be held back with its own', () => {
      const jobs = [
        job('first', { version: 'f', need: needs(65) }),
        job('behind', { version: 'e', need: needs(25), readyAt: 1, runMs: 2 * HOUR }),
      ]
      const engines = [idle('e', 20), idle('a', 20)]
      const decided = plan(
        state({
          ...{ now: 60_000, classes: classesOf(jobs, 0), engines, running: [holds40(HOUR)] },
          devices: [device(20)],
        }),
        place,
      )
      expect(decided).toMatchObject({ start: [], evict: [] })
    })

    it('are used by those whose they are, though a job waits that needs more than all could give', () => {
      const jobs = [job('stuck', { need: needs(50) }), job('user', { readyAt: 1 })]
      const engines = [idle('e', 60, { engineKey: 'm@1' })]
      const devices = [device(30, { outside: { memoryBytes: 10 } })]
      const decided = plan(state({ now: 60_000, classes: classesOf(jobs, 60), engines, devices }), place)
      expect(decided.start.map(({ job: { id } }) => id)).toEqual(['user'])
    })
  })

  it('says so when as many engines as there may be are in use, whatever is free, and keeps no room for it', () => {
    const policy = { ...DEFAULT_POLICY, maxEngines: 2 }
    const engines = ['a', 'b'].map((key) => engine(key, { engineKey: key, state: 'busy' }))
    const decided = plan(state({ classes: classesOf([job('1')]), engines, policy, now: 60_000 }), place)
    expect(decided).toMatchObject({ start: [], evict: [], kept: [] })
    expect([...decided.blocked.values()]).toEqual([{ kind: 'engines', most: 2 }])
    const idle = [...engines.slice(1), engine('c', { engineKey: 'c' })]
    expect(plan(state({ classes: classesOf([job('1')]), engines: idle, policy }), place).evict).toEqual(['c'])
    // Then it is memory that is short.
    const tooLarge = plan(state({ classes: classesOf([job('1')], 9_000), engines: idle, policy }), place)
    expect([...tooLarge.blocked.values()]).toEqual([{ kind: 'room', memoryBytes: 9_000 }])
  })

  it('evicts what was idle longest when a load needs its memory, and nothing when that would not do', () => {
    const engines = [
      engine('old', { engineKey: 'a', idleSinceMs: 1 }),
      engine('new', { engineKey: 'b', idleSinceMs: 2 }),
    ]
    const devices = [cpu({ cpuCores: 2, memoryBytes: 50 }, { cpuCores: 2, memoryBytes: 250 })]
    expect(plan(state({ classes: classesOf([job('1')]), engines, devices }), place)).toMatchObject({
      evict: ['old'],
      start: [],
    })
    const tooLarge = plan(state({ classes: classesOf([job('1')], 900), engines, devices }), place)
    expect(tooLarge).toMatchObject({ evict: [], start: [] })
    const leaving = [engine('gone', { engineKey: 'a', state: 'leaving' }), engine('new', { engineKey: 'b' })]
    expect(plan(state({ classes: classesOf([job('1')]), engines: leaving, devices }), place).evict).toEqual(
      [],
    )
  })

  it('passes over what does not fit, until that has waited long', () => {
    const jobs = [job('large', { version: 'n@1', need: { cpuCores: 2 } }), job('small')]
    const devices = [cpu({ cpuCores: 1, memoryBytes: 1000 }, { cpuCores: 2, memoryBytes: 1000 })]
    expect(startsOf(state({ classes: classesOf(jobs), devices, now: 1000 }))).toEqual(['small'])
    const later = plan(state({ classes: classesOf(jobs), devices, now: 5000 }), place)
    expect(later.start).toEqual([])
    expect(later.blocked.get(classesOf([job('small')])[0]?.key ?? '')).toEqual({
      kind: 'held-back',
      by: 'large',
    })
  })

  it('counts the ends of what it starts itself: a short one passes in the same turn', () => {
    const readyAt = -60_000
    const jobs = [
      job('first', { runMs: 500, readyAt, priority: 100 }),
      job('wide', { runMs: 500, readyAt, priority: 90, need: { cpuCores: 2 }, version: 'w@1' }),
      job('short', { runMs: 100, readyAt, version: 's@1' }),
      job('long', { runMs: 900, readyAt, version: 'l@1' }),
    ]
    expect(startsOf(state({ classes: classesOf(jobs) }))).toEqual(['first', 'short'])
  })

  it('what the long waiting job does not need is free for others', () => {
    const jobs = [job('gpu', { version: 'n@1', need: { gpu: 1 } }), job('cpu')]
    const gpu: FreeDevice = {
      id: 'gpu0' as DeviceId,
      kind: 'gpu',
      free: {},
      capacity: { gpu: 1 },
      healthy: true,
    }
    const devices = [cpu({ cpuCores: 1, memoryBytes: 1000 }), gpu]
    expect(startsOf(state({ classes: classesOf(jobs), devices, now: 60_000 }))).toEqual(['cpu'])
  })

  it('one that spreads over several GPUs is not refused because all its memory is on none of them', () => {
    const gpus = [8, 8, 24].map((gpuMemoryBytes, i): FreeDevice => {
      const capacity = { gpu: 1, gpuMemoryBytes }
      return {
        id: `gpu${i}` as DeviceId,
        kind: 'gpu',
        free: gpuMemoryBytes === 24 ? {} : capacity,
        capacity,
        healthy: true,
      }
    })
    const jobs = [
      job('one', { version: 'n@1', need: { gpu: 1, gpuMemoryBytes: 16 }, priority: 100 }),
      job('two', { need: { gpu: 2, gpuMemoryBytes: 16 } }),
    ]
    const devices = [cpu({ memoryBytes: 1000 }), ...gpus]
    expect(startsOf(state({ classes: classesOf(jobs), devices }))).toEqual(['two'])
  })

  it('looks past any number of classes that limits or what is not there keep from starting', () => {
    const many = Array.from({ length: 20 }, (_, i) => job(`x${i}`, { version: `x${i}`, principal: 'x' }))
    const wide = { cpuCores: 3 }
    const lost = Array.from({ length: 20 }, (_, i) => job(`w${i}`, { version: `w${i}`, need: wide }))
    const classes = classesOf([...many, ...lost, job('last', { principal: 'y', runMs: 5_000 })], 10, 1)
    const quotas = new Map([['x' as PrincipalId, { limited: ['cpuCores'], left: { cpuCores: 0 } }]])
    const policy = { ...DEFAULT_POLICY, maxBlocked: 10 }
    expect(startsOf(state({ classes, quotas, policy }))).toEqual(['last'])
    const stranded = new Set(
      lost.flatMap(({ version }) => classes.find((c) => c.engineKey === version)?.key ?? []),
    )
    expect(startsOf(state({ classes, quotas, policy, stranded }))).toEqual(['last'])
  })

  it('looks past any number of classes for which there is no room either, whatever each of them asks for', () => {
    const wants = (i: number) => 0.2 + (i * 7919) / 1e7 / 1000
    const many = Array.from({ length: 3_000 }, (_, i) => ({
      ...{ id: `g${i}`, version: 'v', need: { cpuCores: 1, gpu: wants(i % 1009) + i / 1e6 } },
      ...{ priority: 60, readyAt: 0, runMs: 10 },
    }))
    const one = { id: 'one', version: 'w', need: { cpuCores: 1 }, priority: 50, readyAt: 1, runMs: 10 }
    const full: FreeDevice = {
      ...{ id: 'gpu-0' as DeviceId, kind: 'gpu', healthy: true },
      ...{ free: {}, capacity: { gpu: 1 } },
    }
    const classes = classesOf([...many, one])
    expect(classes.length).toBeGreaterThan(2_500)
    const { start } = plan(
      state({ classes, devices: [full, cpu({ cpuCores: 2, memoryBytes: 1000 })] }),
      place,
    )
    expect(start.map(({ job }) => job.id)).toEqual(['one'])
  })

  it('finds room for more that is to be spread where less of it does not lie', () => {
    const seats = (count: number): FreeDevice[] =>
      [3, 3, 1].map((free, i) => ({
        ...{ id: `fpga${i}` as DeviceId, kind: 'fpga', healthy: true },
        ...{ free: { custom: { seat: free } }, capacity: { custom: { seat: count } } },
      }))
    const jobs = [6, 7].map((seat) =>
      job(`${seat}`, { version: `v${seat}`, need: { custom: { seat } }, readyAt: seat }),
    )
    const classes = classesOf(jobs, 0).map((group) => ({ ...group, place: { devices: 'spread' as const } }))
    const spread: Place = (need, devices, hints) => {
      const found = corePlace(need, [...devices], hints)
      return 'missing' in found ? null : found
    }
    const decided = plan(state({ classes, devices: seats(3) }), spread)
    expect(decided.start.map(({ job: { id } }) => id)).toEqual(['7'])
  })

  it('looks at one behind any number that do not fit as they are to lie', () => {
    const far = Array.from({ length: 1_500 }, (_, i) =>
      job(`far ${i}`, { version: `v${i}`, need: { cpuCores: 3 } }),
    )
    const classes = classesOf(far, 0).map((group) => ({ ...group, place: { devices: 'same' as const } }))
    const last = classesOf([job('last', { readyAt: 1 })], 0)
    expect(startsOf(state({ classes: [...classes, ...last] }))).toEqual(['last'])
  })

  it('a quota holds its principal only', () => {
    const jobs = [job('1', { principal: 'x' }), job('2', { principal: 'x' }), job('3', { principal: 'y' })]
    const quotas = new Map([['x' as PrincipalId, { limited: ['cpuCores'], left: { cpuCores: 1 } }]])
    const devices = [cpu({ cpuCores: 8, memoryBytes: 1000 })]
    const result = plan(state({ classes: classesOf(jobs, 10, 1), quotas, devices }), place)
    expect(result.start.map(({ job: { id } }) => id)).toEqual(['1', '3'])
    expect([...result.blocked.values()]).toEqual([{ kind: 'quota', missing: { cpuCores: 1 } }])
    // Since it was lowered more is held: that much has to end before there is any left.
    const over = { limited: ['cpuCores', 'memoryBytes'], left: { cpuCores: 1, memoryBytes: -10 } }
    const [, second] = classesOf(
      [job('1', { principal: 'x' }), job('2', { principal: 'x', version: 'n' })],
      0,
    ).map((group) => ({ ...group, load: { memoryBytes: group.engineKey === 'n' ? 1 : 0, estimateMs: 0 } }))
    const first = classesOf([job('1', { principal: 'x' })], 0)
    const both = [...first, ...(second ? [second] : [])]
    const lowered = plan(
      state({ classes: both, quotas: new Map([['x' as PrincipalId, over]]), devices }),
      place,
    )
    expect([...lowered.blocked.values()]).toEqual([
      { kind: 'quota', missing: { cpuCores: 1, memoryBytes: 11 } },
    ])
  })

  it('ageing: a job overtakes any that comes later than its distance in priority', () => {
    expect(rankOf(0, 0)).toBeLessThan(rankOf(100, 600_001))
    expect(rankOf(100, 599_999)).toBeLessThan(rankOf(0, 0))
  })
})

const arbitraryJob = fc.record({
  version: fc.constantFrom('a@1', 'b@1', 'c@1'),
  need: fc.oneof(
    fc.record({ cpuCores: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ cpuCores: fc.constantFrom(0.5, 1), memoryBytes: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ gpu: fc.constantFrom(0.25, 0.5, 1) }),
  ),
  priority: fc.integer({ min: 0, max: 100 }),
  readyAt: fc.integer({ min: 0, max: 100_000 }),
  runMs: fc.integer({ min: 0, max: 5000 }),
  principal: fc.constantFrom('x', 'y'),
})
const arbitraryEngine = fc.record({
  engineKey: fc.constantFrom('a@1', 'b@1', 'd@1'),
  state: fc.constantFrom<PlanEngine['state']>('loading', 'idle', 'busy', 'leaving'),
  idleSinceMs: fc.integer({ min: 0, max: 1000 }),
  remainingMs: fc.option(fc.integer({ min: 0, max: 5000 })),
})
const arbitraryState = fc
  .record({
    jobs: fc.array(arbitraryJob, { maxLength: 40 }),
    engines: fc.array(arbitraryEngine, { maxLength: 8 }),
    cores: fc.integer({ min: 0, max: 8 }),
    memory: fc.integer({ min: 0, max: 1000 }),
    gpu: fc.constantFrom(0, 0.5, 1),
    quota: fc.option(fc.integer({ min: 0, max: 3 })),
    now: fc.integer({ min: 100_000, max: 200_000 }),
  })
  .map(({ jobs, engines, cores, memory, gpu, quota, now }) =>
    state({
      now,
      classes: classesOf(jobs.map((j, i) => ({ ...j, id: `j${i}` }))),
      devices: [
        cpu({ cpuCores: cores, memoryBytes: memory }, { cpuCores: 8, memoryBytes: 2000 }),
        { id: 'gpu0' as DeviceId, kind: 'gpu', free: { gpu }, capacity: { gpu: 1 }, healthy: true },
      ],
      engines: engines.map((e, i) => engine(`e${i}`, e)),
      quotas:
        quota === null
          ? new Map()
          : new Map([['x' as PrincipalId, { limited: ['cpuCores'], left: { cpuCores: quota } }]]),
    }),
  )

describe('plan, always', () => {
  it('never starts more than is free, nor more than a quota allows', () => {
    fc.assert(
      fc.property(arbitraryState, (s) => {
        const taken = new Map<string, ResourceVector>()
        const byPrincipal = new Map<string, ResourceVector>()
        for (const { placement, engine: target, class: group } of plan(s, place).start) {
          for (const part of [...placement, ...('load' in target ? target.load : [])]) {
            taken.set(part.device, addVectors(taken.get(part.device) ?? {}, part.amounts))
          }
          const sum = placement.reduce<ResourceVector>((total, part) => addVectors(total, part.amounts), {})
          expect(entriesOf(shortage(group.need, sum))).toEqual([])
          byPrincipal.set(group.principal, addVectors(byPrincipal.get(group.principal) ?? {}, group.need))
        }
        for (const device of s.devices)
          expect(entriesOf(shortage(taken.get(device.id) ?? {}, device.free))).toEqual([])
        for (const [principal, { left }] of s.quotas) {
          expect(byPrincipal.get(principal)?.cpuCores ?? 0).toBeLessThanOrEqual(left.cpuCores ?? 0)
        }
      }),
    )
  })

  it('never starts two on one engine, nor on one it evicts, nor one that is not idle', () => {
    fc.assert(
      fc.property(arbitraryState, (s) => {
        const { start, evict } = plan(s, place)
        const used = start.flatMap(({ engine: target }) => ('ref' in target ? [target.ref] : []))
        const touched = [...used, ...evict]
        expect(new Set(touched).size).toBe(touched.length)
        for (const ref of touched) expect(s.engines.find((e) => e.ref === ref)?.state).toBe('idle')
        for (const { engine: target, class: group } of start) {
          if ('ref' in target)
            expect(s.engines.find((e) => e.ref === target.ref)?.engineKey).toBe(group.engineKey)
        }
        expect(new Set(start.map(({ job: { id } }) => id)).size).toBe(start.length)
      }),
    )
  })

  it('says of each class that it starts whole, or why not; and gives the same plan again', () => {
    fc.assert(
      fc.property(arbitraryState, (s) => {
        const first = plan(s, place)
        for (const group of s.classes) {
          const started = first.start.filter((start) => start.class.key === group.key).length
          expect(started === group.jobs.length).toBe(!first.blocked.has(group.key))
          // Within a class the order is kept.
          expect(first.start.filter((start) => start.class.key === group.key).map(({ job: j }) => j)).toEqual(
            group.jobs.slice(0, started),
          )
        }
        expect(plan(s, place)).toEqual(first)
      }),
    )
  })
})

it('what is to lie on several devices is not sought on the one that it would be done soonest on', () => {
  const gpu = (id: string): FreeDevice => {
    return { id: id as DeviceId, kind: 'gpu', free: { gpu: 4 }, capacity: { gpu: 4 }, healthy: true }
  }
  const [group] = classesOf([
    { id: 'a', version: 'v', need: { gpu: 2 }, priority: 50, readyAt: 0, runMs: 100 },
  ]) as [QueueClass]
  const jobs = group.jobs.map((job) => ({ ...job, device: 'fast', gainMs: 900 }))
  const classes = [{ ...group, jobs, place: { devices: 'spread' as const } }]
  const devices = [gpu('fast'), gpu('slow'), cpu({ memoryBytes: 1000 })]
  const { start } = plan(state({ classes, devices }), placeOrNull)
  expect(start[0]?.placement).toEqual([
    { device: 'fast', amounts: { gpu: 1 } },
    { device: 'slow', amounts: { gpu: 1 } },
  ])
})

describe('a device that is faster', () => {
  it('is not what one waits for that lacks memory wherever it lies', () => {
    const fast: FreeDevice = {
      ...{ id: 'fast' as DeviceId, kind: 'gpu', healthy: true },
      ...{ free: { gpu: 0.5 }, capacity: { gpu: 1 } },
    }
    const slow = { ...fast, id: 'slow' as DeviceId, free: {} }
    const decided = (memoryBytes: number) => {
      const [group] = classesOf([job('1', { need: { gpu: 0.5, memoryBytes } })], 0)
      const jobs = (group as QueueClass).jobs.map((each) => ({
        ...{ ...each, readyAt: 60_000 },
        ...{ device: 'fast', gainMs: 900_000 },
      }))
      const soon = { job: 'r' as JobId, placement: [{ device: 'fast', amounts: { gpu: 0.5 } }] }
      return plan(
        state({
          ...{ now: 60_000, engines: [{ ...engine('a'), engineKey: 'a' }] },
          classes: [{ ...(group as QueueClass), jobs }],
          devices: [cpu({ memoryBytes: 30 }, { memoryBytes: 130 }), fast, slow],
          running: [{ ...soon, share: 1, endsAt: 61_000, expectedAt: 61_000, yields: null }],
        }),
        place,
      )
    }
    expect(decided(20).start).toHaveLength(1)
    expect(decided(50)).toMatchObject({ start: [], evict: ['a'] })
    expect([...decided(50).blocked.values()]).toEqual([{ kind: 'resources' }])
    expect(decided(50).lookAgainAt).toBe(960_000)
  })

  const gpu = (id: string, free: number): FreeDevice => {
    const capacity = { gpu: 1 }
    return { id: id as DeviceId, kind: 'gpu', free: { gpu: free }, capacity, healthy: true }
  }
  /** Done in 100 ms on the fast one, in 1 s on the slow one, which is free. */
  function turn(now: number, fastFreeAt: number | null, fastHeldBy = 1) {
    const need = { gpu: 1 }
    const [group] = classesOf([{ id: 'a', version: 'v', need, priority: 50, readyAt: 0, runMs: 100 }], 0)
    const jobs = (group as QueueClass).jobs.map((job) => ({ ...job, device: 'fast', gainMs: 900 }))
    const placement = [{ device: 'fast' as DeviceId, amounts: { gpu: 1 } }]
    return plan(
      state({
        now,
        classes: [{ ...(group as QueueClass), jobs }],
        devices: [gpu('fast', 1 - fastHeldBy), gpu('slow', 1), cpu({ memoryBytes: 1000 })],
        engines: [
          { ref: 'e', engineKey: 'v', state: 'idle', memory: [], idleSinceMs: 0, remainingMs: 0, job: null },
        ],
        running:
          fastHeldBy === 0
            ? []
            : [{ job: null, placement, share: 0, endsAt: null, expectedAt: fastFreeAt, yields: null }],
      }),
      place,
    )
  }
  const deviceOf = ({ start }: ReturnType<typeof plan>) => start[0]?.placement[0]?.device ?? null

  it('is taken when it is free, and awaited when it soon is', () => {
    expect(deviceOf(turn(0, null, 0))).toBe('fast')
    const waits = turn(0, 500)
    expect(waits.start).toEqual([])
    expect([...waits.blocked.values()]).toEqual([{ kind: 'faster', device: 'fast', freeAt: 500 }])
    expect(waits.preempt).toEqual([])
    expect(waits.lookAgainAt).toBe(900)
  })

  it('is not awaited longer than it gains, nor when nobody knows how long that is', () => {
    expect(deviceOf(turn(0, 901))).toBe('slow')
    expect(deviceOf(turn(0, null))).toBe('slow')
    expect(deviceOf(turn(899, 1_000))).toBe('slow')
    // However soon: it has waited as long as it could gain.
    expect(deviceOf(turn(900, 901))).toBe('slow')
    expect(deviceOf(turn(600, 700))).toBe(null)
  })
})
