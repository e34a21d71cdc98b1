import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import {
  addVectors,
  entriesOf,
  type ResourceVector,
  shortage,
  subtractVectors,
} from '../../../shared/domain/resources'
import { place as corePlace } from '../../core'
import { atRest } from './at-rest'
import { Pace } from './online/pace'
import { plan } from './plan'
import { compareRank, positionIn, rankOf } from './rank'
import type { Place } from './space'
import { DEFAULT_POLICY, type PlanEngine, type QueueClass, type QueuedJob } from './types'

const place: Place = (need, devices) => {
  const found = corePlace(need, [...devices])
  return 'missing' in found ? null : found
}

interface Arrival {
  at: number
  version: string
  cores: number
  priority: number
  runMs: number
  /** Multiples of {@link MEMORY}, of the engine (1 where nothing is said) and of the job itself. */
  engine?: number
  memory?: number
}
interface SimEngine extends PlanEngine {
  until: number
}

const MEMORY = 100

/** A machine of plain data on a virtual clock. @returns when each job started, and how often it was planned */
function simulate(arrivals: Arrival[], cores: number, engineSlots: number) {
  const capacity: ResourceVector = { cpuCores: cores, memoryBytes: engineSlots * MEMORY }
  const classes = new Map<string, QueueClass & { jobs: QueuedJob[] }>()
  const engines = new Map<string, SimEngine>()
  const running = new Map<string, { held: ResourceVector; until: number; engine: string }>()
  const startedAt = new Map<string, number>()
  const sorted = [...arrivals].sort((a, b) => a.at - b.at)
  let next = 0
  let now = 0
  const pace = new Pace(DEFAULT_POLICY.leastPaceMs)
  let engineCount = 0
  let turns = 0

  while (next < sorted.length || running.size > 0 || classes.size > 0) {
    for (let arrival = sorted[next]; arrival && arrival.at <= now; arrival = sorted[++next]) {
      const { version, engine = 1 } = arrival
      const need = needOf(arrival)
      const key = `${version} ${JSON.stringify(need)}`
      let group = classes.get(key)
      if (!group) {
        group = {
          key,
          engineKey: version,
          principal: 'p' as PrincipalId,
          need,
          share: arrival.cores / cores,
          load: { memoryBytes: engine * MEMORY, estimateMs: 50 },
          jobs: [],
          workMs: 0,
        }
        classes.set(key, group)
      }
      const job = {
        id: String(next) as JobId,
        rank: rankOf(arrival.priority, arrival.at),
        seq: next,
        readyAt: arrival.at,
        priority: arrival.priority,
        runMs: arrival.runMs,
        mostMs: arrival.runMs,
      }
      group.jobs.splice(positionIn(group.jobs, job), 0, job)
      group.workMs += arrival.runMs
    }
    for (const [id, run] of running) {
      if (run.until > now) continue
      running.delete(id)
      const engine = engines.get(run.engine)
      if (engine) Object.assign(engine, { state: 'idle', idleSinceMs: now, remainingMs: 0 })
    }
    let used: ResourceVector = {}
    for (const { memory } of engines.values())
      for (const { amounts } of memory) used = addVectors(used, amounts)
    for (const { held } of running.values()) used = addVectors(used, held)
    expect(entriesOf(shortage(used, capacity))).toEqual([])
    for (const engine of engines.values())
      if (engine.state === 'busy') engine.remainingMs = engine.until - now
    const decided = plan(
      atRest({
        now,
        classes: [...classes.values()],
        devices: [
          {
            id: 'cpu0' as DeviceId,
            kind: 'cpu',
            free: subtractVectors(capacity, used),
            capacity,
            healthy: true,
          },
        ],
        engines: [...engines.values()],
        running: [...running].map(([id, { held, until }]) => ({
          job: id as JobId,
          placement: [{ device: 'cpu0', amounts: held }],
          endsAt: until,
          expectedAt: until,
          share: (held.cpuCores ?? 0) / cores,
          yields: null,
        })),
        pace: pace.observe(now, backlogOf(classes.values()), now - oldestOf(classes.values(), now)),
      }),
      place,
    )
    turns++
    for (const ref of decided.evict) engines.delete(ref)
    for (const { job, class: group, engine: target } of decided.start) {
      const queue = classes.get(group.key)
      if (!queue) throw new Error('It started twice.')
      queue.jobs.splice(queue.jobs.indexOf(job), 1)
      queue.workMs -= job.runMs ?? 0
      if (queue.jobs.length === 0) classes.delete(group.key)
      const arrival = sorted[Number(job.id)]
      if (!arrival || startedAt.has(job.id)) throw new Error('It started twice.')
      startedAt.set(job.id, now)
      const ref = 'ref' in target ? target.ref : `e${++engineCount}`
      const until = now + arrival.runMs + ('ref' in target ? 0 : 50)
      engines.set(ref, {
        ref,
        engineKey: group.engineKey,
        state: 'busy',
        memory: [{ device: 'cpu0', amounts: { memoryBytes: group.load.memoryBytes } }],
        idleSinceMs: 0,
        remainingMs: until - now,
        job: job.id,
        until,
      })
      running.set(job.id, { held: group.need, until, engine: ref })
    }
    if (decided.start.length === 0 && decided.evict.length === 0) {
      const ends = [...running.values()].map(({ until }) => until)
      const coming = sorted[next]?.at
      // A long wait is itself an event: the head begins to hold the others back.
      const heads = [...classes.values()].flatMap(({ jobs }) =>
        jobs[0] ? [jobs[0].readyAt + DEFAULT_POLICY.holdBackAfterMs] : [],
      )
      const times = [...ends, ...(coming === undefined ? [] : [coming]), ...heads].filter((at) => at > now)
      if (times.length === 0 && classes.size === 0) break
      if (times.length === 0)
        throw new Error(`Nothing will ever happen again, with ${classes.size} classes waiting.`)
      now = Math.min(...times)
    }
    if (turns > 200_000) throw new Error('It does not end.')
  }
  return { startedAt, sorted, turns }
}

function needOf({ cores, memory }: Arrival): ResourceVector {
  return { cpuCores: cores, ...(memory && { memoryBytes: memory * MEMORY }) }
}

function backlogOf(classes: Iterable<QueueClass>): number {
  let backlog = 0
  for (const { workMs, share } of classes) backlog += workMs * share
  return backlog
}

function oldestOf(classes: Iterable<QueueClass>, now: number): number {
  let oldest = now
  for (const { jobs } of classes) oldest = Math.min(oldest, jobs[0]?.readyAt ?? now)
  return oldest
}

const arrival: fc.Arbitrary<Arrival> = fc.record({
  memory: fc.constantFrom(0, 0, 0, 1),
  at: fc.integer({ min: 0, max: 20_000 }),
  version: fc.constantFrom('a', 'b', 'c'),
  cores: fc.constantFrom(1, 1, 2, 4),
  priority: fc.integer({ min: 0, max: 100 }),
  runMs: fc.integer({ min: 1, max: 3000 }),
})

describe('the scheduler over time', () => {
  it('starts every job exactly once, whatever comes, with more versions than fit into memory', () => {
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (some, slots) => {
        // One engine and nothing besides is all that a single slot holds.
        const arrivals = slots > 1 ? some : some.map((one) => ({ ...one, memory: 0 }))
        const { startedAt } = simulate(arrivals, 4, slots)
        expect(startedAt.size).toBe(arrivals.length)
      }),
      { numRuns: 60 },
    )
  })

  it('starves nobody whose engine is large, among endless jobs of engines that leave it no room together', () => {
    const arrivals: Arrival[] = [{ at: 0, version: 'h', cores: 1, priority: 50, runMs: 100, engine: 10 }]
    for (let at = 0; at < 60_000; at += 50)
      for (const version of ['a', 'b']) {
        const runMs = 80 + (at % 7) * 10
        arrivals.push({ at, version, cores: 1, priority: 50, runMs, engine: 4 })
      }
    const { startedAt, sorted } = simulate(arrivals, 4, 16)
    const index = sorted.findIndex(({ version }) => version === 'h')
    expect(startedAt.get(String(index))).toBeLessThan(DEFAULT_POLICY.holdBackAfterMs + 2000)
  })

  it('has idle engines unloaded that hold what a job needs for itself', () => {
    const first = { at: 0, cores: 1, priority: 50, runMs: 100 }
    const arrivals: Arrival[] = [
      ...['a', 'b', 'c'].map((version) => ({ ...first, version })),
      { ...first, at: 1000, version: 'd', memory: 3 },
    ]
    const { startedAt } = simulate(arrivals, 4, 4)
    expect(startedAt.get('3')).toBe(1000)
  })

  it('starves nobody under sustained load: a large job of low priority among endless small ones', () => {
    const arrivals: Arrival[] = [{ at: 0, version: 'a', cores: 4, priority: 50, runMs: 100 }]
    for (let at = 0; at < 120_000; at += 20)
      arrivals.push({ at, version: 'b', cores: 1, priority: 50, runMs: 90 })
    const { startedAt, sorted } = simulate(arrivals, 4, 8)
    const index = sorted.findIndex(({ cores }) => cores === 4)
    expect(startedAt.get(String(index))).toBeLessThan(DEFAULT_POLICY.holdBackAfterMs + 1000)
  })

  it('starves no version when the others keep every engine slot busy', () => {
    const arrivals: Arrival[] = [{ at: 500, version: 'c', cores: 1, priority: 0, runMs: 10 }]
    for (let at = 0; at < 700_000; at += 100)
      arrivals.push({ at, version: at % 200 ? 'a' : 'b', cores: 1, priority: 20, runMs: 190 })
    const { startedAt, sorted } = simulate(arrivals, 4, 2)
    const index = sorted.findIndex(({ version }) => version === 'c')
    // Twenty points of priority are two minutes; the rest is what was running.
    expect(startedAt.get(String(index))).toBeLessThan(500 + 120_000 + 10_000)
  })

  it('orders by rank', () => {
    const items = [3, 1, 2].map((rank, seq) => ({ rank, seq }))
    expect(items.sort(compareRank).map(({ rank }) => rank)).toEqual([1, 2, 3])
  })
})

describe('the cost of a turn', () => {
  it.each([
    ['of one class', 1],
    ['of a thousand classes', 1000],
    ['of ten thousand classes', 10_000],
  ])('with 10,000 queued jobs %s is bounded', (_name, classCount) => {
    const classes: QueueClass[] = Array.from({ length: classCount }, (_, c) => ({
      key: `c${c}`,
      engineKey: `v${c % 50}`,
      principal: 'p' as PrincipalId,
      need: { cpuCores: 1 + (6 * c) / classCount },
      share: 0.25,
      load: { memoryBytes: MEMORY, estimateMs: 100 },
      jobs: Array.from({ length: 10_000 / classCount }, (_, i) => ({
        id: `${c}-${i}` as JobId,
        rank: i * classCount + c,
        seq: i,
        readyAt: 0,
        priority: 50,
        runMs: 10,
        mostMs: 10,
      })),
      workMs: 100,
    }))
    const state = atRest({
      now: 1000,
      classes,
      devices: [
        {
          id: 'cpu0' as DeviceId,
          kind: 'cpu' as const,
          free: { cpuCores: 0.5, memoryBytes: 1e6 },
          capacity: { cpuCores: 4, memoryBytes: 1e6 },
          healthy: true,
        },
      ],
      // When it has ended, some fit: these wait for it, and others for what will never be.
      running: [
        {
          job: 'holder' as JobId,
          placement: [{ device: 'cpu0' as DeviceId, amounts: { cpuCores: 3.5 } }],
          share: 0.875,
          endsAt: null,
          expectedAt: null,
          yields: null,
        },
      ],
      pace: 1000,
    })
    let searches = 0
    plan(state, (...asked) => {
      searches++
      return place(...asked)
    })
    expect(searches).toBeLessThanOrEqual(DEFAULT_POLICY.maxBlocked + 10)
  })
})
