import { MOST_ACTIVE_LIVE } from '@shared/contract'
import { JOB_STATES } from '@shared/domain/job-state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countsOf,
  filterChoices,
  filterJobs,
  NO_FILTER,
  STATE_GROUPS,
  sortJobs,
  waitingPart,
} from './job-list'
import { jobWith } from './testing'

const states = JOB_STATES.map((state, i) => jobWith({ id: `j-${i}`, state, name: state }))

describe('filterJobs', () => {
  it.each([
    ['active', ['queued', 'held', 'running']],
    ['waiting', ['queued', 'held']],
    ['ended', ['succeeded', 'failed', 'cancelled']],
    ['all', [...JOB_STATES]],
  ] as const)('%s', (group, expected) => {
    expect(filterJobs(states, { ...NO_FILTER, group }).map((job) => job.state)).toEqual(expected)
  })

  it('puts each job into active or ended, never both', () => {
    fc.assert(
      fc.property(fc.constantFrom(...JOB_STATES), (state) => {
        const groups = STATE_GROUPS.filter(
          (group) => filterJobs([jobWith({ state })], { ...NO_FILTER, group }).length,
        )
        expect(groups.includes('active')).toBe(!groups.includes('ended'))
      }),
    )
  })

  it('matches any version of a model, a principal, a kind', () => {
    const jobs = [
      jobWith({ id: 'a', model: 'silero-vad@production', principal: 'p-1' }),
      jobWith({ id: 'b', model: 'silero-vad-2@1', principal: 'p-2', kind: 'batch' }),
      jobWith({ id: 'c', model: null, kind: 'synthetic' }),
    ]
    const ids = (filter: object) => filterJobs(jobs, { ...NO_FILTER, ...filter }).map((job) => job.id)
    expect(ids({ model: 'silero-vad' })).toEqual(['a'])
    expect(ids({ principal: 'p-2' })).toEqual(['b'])
    expect(ids({ kind: 'synthetic' })).toEqual(['c'])
  })

  it('searches names, ids, reasons and errors without regard to case', () => {
    const jobs = [
      jobWith({ id: 'a', name: 'Nightly' }),
      jobWith({ id: 'b', waitReason: 'GPU memory is held by chat' }),
      jobWith({ id: 'c', error: { code: 'compute.timeout', message: 'Took too long.' } }),
    ]
    const find = (text: string) => filterJobs(jobs, { ...NO_FILTER, text }).map((job) => job.id)
    expect(find(' nightly ')).toEqual(['a'])
    expect(find('gpu')).toEqual(['b'])
    expect(find('TOO LONG')).toEqual(['c'])
  })
})

describe('sortJobs', () => {
  it('by priority: running, waiting by priority then age, held, ended newest first', () => {
    const jobs = [
      jobWith({ id: 'old', state: 'succeeded', createdAt: '2026-01-01T00:00:00.000Z' }),
      jobWith({ id: 'new', state: 'failed', createdAt: '2026-01-02T00:00:00.000Z' }),
      jobWith({ id: 'held', state: 'held', priority: 100 }),
      jobWith({ id: 'late', priority: 60, createdAt: '2026-01-01T00:00:02.000Z' }),
      jobWith({ id: 'early', priority: 60, createdAt: '2026-01-01T00:00:01.000Z' }),
      jobWith({ id: 'urgent', priority: 90 }),
      jobWith({ id: 'running', state: 'running', priority: 0 }),
    ]
    const sorted = sortJobs(jobs, 'priority').map((job) => job.id)
    expect(sorted).toEqual(['running', 'urgent', 'early', 'late', 'held', 'new', 'old'])
    expect(sortJobs(jobs, 'priority', true).map((job) => job.id)).toEqual([...sorted].reverse())
  })

  it('is stable whatever the order the jobs come in', () => {
    const jobs = Array.from({ length: 30 }, (_, i) =>
      jobWith({ id: `j-${i % 10}${i}`, priority: i % 3, state: JOB_STATES[i % 6] ?? 'queued' }),
    )
    fc.assert(
      fc.property(
        fc.shuffledSubarray(jobs, { minLength: 30, maxLength: 30 }),
        fc.constantFrom('priority', 'age'),
        (mixed, sort) => {
          expect(sortJobs(mixed, sort as 'priority')).toEqual(sortJobs(jobs, sort as 'priority'))
        },
      ),
    )
  })
})

describe('countsOf', () => {
  it('are those of the system, whatever ended and is no longer sent', () => {
    const lastHour = { succeeded: 4_000, failed: 3, cancelled: 2, medianWaitMs: null, p95WaitMs: null }
    const counts = countsOf({ byState: { running: 1, queued: 20, held: 3, succeeded: 9_000 }, lastHour })
    expect(counts).toEqual({ running: 1, waiting: 20, held: 3, doneLastHour: 4_005 })
  })
})

describe('filterChoices', () => {
  it('offers each once', () => {
    expect(
      filterChoices([jobWith({ model: 'b@1' }), jobWith({ model: 'a@1' }), jobWith({ model: 'b@2' })]),
    ).toEqual({
      models: ['a', 'b'],
      principals: ['p-owner'],
    })
  })
})

describe('what the list holds of all that wait', () => {
  const queued = (count: number) => Array.from({ length: count }, () => ({ state: 'queued' as const }))
  const counted = (waiting: number, held = 0) => ({ waiting, held })

  it('is a part where it is as long as it can be, what runs beside it', () => {
    const jobs = [
      { state: 'running' as const },
      ...queued(MOST_ACTIVE_LIVE - 1),
      { state: 'failed' as const },
    ]
    expect(waitingPart(null, jobs, counted(11_500, 500))).toEqual({
      listed: MOST_ACTIVE_LIVE - 1,
      total: 12_000,
    })
    expect(waitingPart(null, queued(MOST_ACTIVE_LIVE), counted(MOST_ACTIVE_LIVE))).toBeNull()
  })

  it('is no part while only the counts are older than the list, and stays one until all are in it', () => {
    expect(waitingPart(null, queued(3), counted(9))).toBeNull()
    const part = { listed: 10_000, total: 12_000 }
    expect(waitingPart(part, queued(7_000), counted(9_000))).toEqual({ listed: 7_000, total: 9_000 })
    expect(waitingPart(part, queued(7_000), counted(7_000))).toBeNull()
  })
})
