import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Placement } from '../../../shared/contract'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import { addVectors, type ResourceVector, subtractVectors } from '../../../shared/domain/resources'
import { place as corePlace, type FreeDevice } from '../../core'
import { atRest } from './at-rest'
import { plan } from './plan'
import { rankOf } from './rank'
import type { Place } from './space'
import type { PlanState, QueueClass, RunningJob } from './types'

const NOW = 10_000_000
const CORES = 8
const GPU_BYTES = 24
const place: Place = (need, devices) => {
  const found = corePlace(need, [...devices])
  return 'missing' in found ? null : found
}

interface Waits {
  need: ResourceVector
  waitedMs?: number
  /** Null: nobody knows. */
  runMs?: number | null
}

function classOf(id: string, { need, waitedMs = 0, runMs = 60_000 }: Waits): QueueClass {
  const readyAt = NOW - waitedMs
  const job = { id: id as JobId, rank: rankOf(50, readyAt), seq: 0, readyAt, priority: 50, runMs }
  return {
    key: id,
    engineKey: id,
    principal: id as PrincipalId,
    need,
    share: 0.1,
    load: { memoryBytes: 0, estimateMs: 0 },
    jobs: [{ ...job, mostMs: runMs }],
    workMs: runMs ?? 50,
  }
}

const runs = (cpuCores: number, endsAt: number | null): RunningJob => ({
  job: null,
  placement: [{ device: 'cpu0', amounts: { cpuCores } }],
  share: 0.1,
  endsAt,
  expectedAt: endsAt,
  yields: null,
})

const cpu = (freeCores: number): FreeDevice => {
  const capacity = { cpuCores: CORES, memoryBytes: 1000 }
  return {
    id: 'cpu0' as DeviceId,
    kind: 'cpu',
    free: { ...capacity, cpuCores: freeCores },
    capacity,
    healthy: true,
  }
}

const gpu = (freeBytes: number, patch: Partial<FreeDevice> = {}): FreeDevice => ({
  id: 'gpu0' as DeviceId,
  kind: 'gpu',
  free: { gpu: 1, gpuMemoryBytes: freeBytes },
  capacity: { gpu: 1, gpuMemoryBytes: GPU_BYTES },
  healthy: true,
  ...patch,
})

const HOURS = 3_600_000
/** Overdue, and known to fit when the seven that run have ended. */
const wide = classOf('wide', { need: { cpuCores: CORES }, waitedMs: HOURS })
/** One of those that keep coming. */
const small = classOf('small', { need: { cpuCores: 1 } })

/** One core is free. @param before jobs that wait longer than `wide` */
function turn(before: QueueClass[], device: FreeDevice, patch: Partial<PlanState> = {}) {
  return plan(
    atRest({
      now: NOW,
      devices: [cpu(1), device],
      classes: [...before, wide, small],
      running: [runs(7, NOW + 1_000)],
      ...patch,
    }),
    place,
  )
}

const heldBackByWide = { kind: 'held-back', by: 'wide' }
const known = {
  job: 'wide',
  need: { cpuCores: CORES },
  placement: [{ device: 'cpu0', amounts: { cpuCores: CORES } }],
  fitsAt: NOW + 1_000,
  awaitsEngine: false,
}

describe('a job that is known to fit soon has its room kept', () => {
  it('behind one that waits for memory which a program outside holds', () => {
    const before = classOf('gpu', { need: { gpuMemoryBytes: 10 }, waitedMs: 2 * HOURS })
    const decided = turn([before], gpu(4, { outside: { gpuMemoryBytes: 20 } }))
    expect(decided.blocked.get('small')).toEqual(heldBackByWide)
    // Nothing that ends here would make it fit.
    expect(decided.kept).toEqual([known])
  })

  it('behind any number that wait for a device that is gone', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, i) =>
      classOf(id, { need: { gpuMemoryBytes: 1 + i }, waitedMs: 2 * HOURS }),
    )
    const decided = turn(before, gpu(GPU_BYTES, { healthy: false }))
    expect(decided.blocked.get('small')).toEqual(heldBackByWide)
    expect(decided.kept).toEqual([known])
  })

  it('behind any number that wait for what nobody knows the end of, and they have theirs kept', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, i) =>
      classOf(id, { need: { gpuMemoryBytes: 10 + i }, waitedMs: 2 * HOURS - i }),
    )
    const decided = turn(before, gpu(4))
    expect(decided.blocked.get('small')).toEqual(heldBackByWide)
    expect(decided.kept.at(-1)).toEqual(known)
    expect(decided.kept[0]).toMatchObject({ job: 'a', fitsAt: null })
  })
})

describe('of what a job needs that waits for what nobody knows the end of', () => {
  const before = classOf('gpu', { need: { gpuMemoryBytes: 10, cpuCores: 1 }, waitedMs: 2 * HOURS })
  const idle = { devices: [cpu(CORES), gpu(4)], running: [] }

  it('others may have what it could have at any time, if they are known to end', () => {
    const decided = turn([before], gpu(4), idle)
    expect(decided.start.map(({ job }) => job.id)).toEqual(['wide'])
    const placement = [
      { device: 'cpu0', amounts: { cpuCores: 1 } },
      { device: 'gpu0', amounts: { gpuMemoryBytes: 10 } },
    ]
    expect(decided.kept[0]).toEqual({
      job: 'gpu',
      need: before.need,
      placement,
      fitsAt: null,
      awaitsEngine: false,
    })
    const endless = classOf('wide', { need: { cpuCores: CORES }, waitedMs: HOURS, runMs: null })
    const other = turn([before], gpu(4), { ...idle, classes: [before, endless, small] })
    expect(other.blocked.get('wide')).toEqual({ kind: 'held-back', by: 'gpu' })
  })

  it('all is kept as soon as it is known when there will be enough', () => {
    const ends = { ...runs(0, NOW + 500), placement: [{ device: 'gpu0', amounts: { gpuMemoryBytes: 20 } }] }
    const decided = turn([before], gpu(4), { ...idle, running: [ends] })
    expect(decided.blocked.get('wide')).toEqual({ kind: 'held-back', by: 'gpu' })
  })
})

describe('where nobody knows when anything ends', () => {
  const unknown = { running: [runs(7, null)] }

  it('room is kept for the second that asks for something else', () => {
    const before = classOf('gpu', { need: { gpuMemoryBytes: 10 }, waitedMs: 2 * HOURS })
    const decided = turn([before], gpu(4), unknown)
    expect(decided.blocked.get('small')).toEqual(heldBackByWide)
    expect(decided.kept.map(({ job }) => job)).toEqual(['gpu', 'wide'])
  })

  it('once for all that ask for the same or less', () => {
    const before = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, i) =>
      classOf(id, { need: { gpuMemoryBytes: 10 - (i % 2) }, waitedMs: 2 * HOURS - i }),
    )
    const decided = turn(before, gpu(4), unknown)
    expect(decided.blocked.get('small')).toEqual(heldBackByWide)
    expect(decided.kept.map(({ job }) => job)).toEqual(['a', 'wide'])
  })

  it('one that comes passes beside what is kept, and does not count where it does not start', () => {
    const gpuJob = classOf('gpu', { need: { gpuMemoryBytes: 10, cpuCores: 6 }, waitedMs: 2 * HOURS })
    const most = classOf('most', { need: { cpuCores: 7 }, waitedMs: HOURS })
    // Held back for the second, it takes nothing of what is beside the first.
    const two = classOf('two', { need: { cpuCores: 2 }, runMs: 1 })
    const classes = [gpuJob, most, two, small]
    const decided = turn([], gpu(4), { classes, devices: [cpu(2), gpu(4)], running: [runs(6, null)] })
    expect(decided.blocked.get('two')).toMatchObject({ kind: 'held-back' })
    expect(decided.start.map(({ job }) => job.id)).toEqual(['small'])
  })
})

describe('what ends goes to the request that room is kept for', () => {
  const two = classOf('two', { need: { cpuCores: 2 }, waitedMs: HOURS })
  const since = new Set(['since' as JobId])
  const running = [runs(5, NOW + 1_000), { ...runs(2, NOW + 2_000), job: 'since' as JobId }]
  const part = (cpuCores: number) => [{ device: 'cpu0', amounts: { cpuCores } }]

  it.each([
    ['a job that goes after it is to fit when there is more', Number.POSITIVE_INFINITY, 2_000],
    ['one that goes before it is not bound', Number.NEGATIVE_INFINITY, 1_000],
  ])('%s', (_, rank, fitsInMs) => {
    const request = { rank, room: part(6), before: part(5), since }
    const state = atRest({ now: NOW, devices: [cpu(1)], classes: [two], running, request })
    expect(plan(state, place).kept).toMatchObject([{ job: 'two', fitsAt: NOW + fitsInMs }])
  })

  it('the whole machine is there when all has ended, also where programs outside have their part beside leases', () => {
    const all = classOf('all', { need: { cpuCores: CORES }, waitedMs: HOURS })
    const request = {
      rank: Number.POSITIVE_INFINITY,
      room: part(4),
      before: part(3),
      since: new Set<JobId>(),
    }
    const device = { ...cpu(3), yields: { cpuCores: 2 }, held: { cpuCores: 3 } }
    const state = atRest({ now: NOW, devices: [device], classes: [all], running: [runs(3, null)], request })
    expect(plan(state, place).kept).toMatchObject([{ job: 'all', fitsAt: null }])
  })

  it('and what it has already is free to those alone who go before it', () => {
    const starts = (rank: number) => {
      const request = { rank, room: part(5), before: part(2), since }
      return plan(atRest({ now: NOW, devices: [cpu(4)], classes: [two], running, request }), place).start
        .length
    }
    expect([starts(Number.POSITIVE_INFINITY), starts(Number.NEGATIVE_INFINITY)]).toEqual([0, 1])
  })
})

const arbitraryNeed = fc.oneof(
  fc.record({ cpuCores: fc.integer({ min: 1, max: CORES }) }),
  fc.record({
    cpuCores: fc.integer({ min: 1, max: 4 }),
    gpuMemoryBytes: fc.integer({ min: 1, max: GPU_BYTES }),
  }),
)
const arbitraryTurn = fc
  .record({
    waiting: fc.array(
      fc.record({
        need: arbitraryNeed,
        waitedMs: fc.constantFrom(0, 10_000, HOURS, 2 * HOURS),
        runMs: fc.constantFrom(10, 1_000, 60_000, null),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    cores: fc.array(
      fc.record({
        amount: fc.integer({ min: 1, max: 4 }),
        endsIn: fc.constantFrom(5, 500, 20_000, null),
      }),
      { maxLength: 4 },
    ),
    leased: fc.integer({ min: 0, max: 12 }),
    outside: fc.integer({ min: 0, max: 12 }),
    healthy: fc.boolean(),
  })
  .map(({ waiting, cores, leased, outside, healthy }) => {
    const running: RunningJob[] = []
    let free = CORES
    for (const { amount, endsIn } of cores) {
      if (amount > free) continue
      free -= amount
      running.push(runs(amount, endsIn === null ? null : NOW + endsIn))
    }
    return atRest({
      now: NOW,
      classes: waiting.map((job, i) => classOf(`j${i}`, job)),
      devices: [
        cpu(free),
        gpu(GPU_BYTES - leased - outside, { outside: { gpuMemoryBytes: outside }, healthy }),
      ],
      running,
    })
  })

/** When it fits, if nothing starts any more; infinite when that is not known. */
function fitsAt(need: ResourceVector, state: PlanState, started: ReturnType<typeof plan>['start']): number {
  const taken = (placements: Placement[], from: readonly FreeDevice[], by: typeof addVectors) =>
    from.map((device) => {
      const parts = placements.flat().filter((part) => part.device === device.id)
      return { ...device, free: parts.reduce((free, { amounts }) => by(free, amounts), device.free) }
    })
  const ends = [
    ...state.running.map(({ endsAt, placement }) => ({ at: endsAt, placement })),
    ...started.map(({ job: { mostMs }, placement }) => ({
      at: mostMs === null ? null : NOW + mostMs,
      placement,
    })),
  ]
  const after = taken(
    started.map(({ placement }) => placement),
    state.devices,
    subtractVectors,
  )
  const instants = [NOW, ...ends.flatMap(({ at }) => at ?? [])].sort((a, b) => a - b)
  const there = (now: number) => {
    const over = ends.filter(({ at }) => at !== null && at <= now)
    return taken(
      over.map(({ placement }) => placement),
      after,
      addVectors,
    )
  }
  return instants.find((at) => place(need, there(at)) !== null) ?? Number.POSITIVE_INFINITY
}

describe('always', () => {
  it('room is kept for one of those that are known to fit, and nothing that starts takes it', () => {
    fc.assert(
      fc.property(arbitraryTurn, (state) => {
        const { kept, start, blocked } = plan(state, place)
        const stuck = state.classes.filter(({ key }) => blocked.get(key)?.kind === 'resources')
        const isKnown = stuck.some(({ need }) => fitsAt(need, state, start) < Number.POSITIVE_INFINITY)
        const last = kept.at(-1)
        expect(last !== undefined && last.fitsAt !== null).toBe(isKnown)
        if (!last || last.fitsAt === null) return
        const { need, jobs } = state.classes.find(({ key }) => key === last.job) as QueueClass
        const mayWaitUntil = (jobs[0]?.readyAt ?? 0) + state.policy.holdBackAfterMs
        expect(fitsAt(need, state, start)).toBeLessThanOrEqual(Math.max(last.fitsAt, mayWaitUntil))
      }),
    )
  })
})
