import { type Job, MOST_ENDED_LIVE } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { leftOf, type Older, oldestEnd, withLeft, withPage } from './older-jobs'
import { jobWith } from './testing'

const BASE = Date.parse('2026-01-01T00:00:00Z')
const ended = (i: number) =>
  jobWith({ id: `j-${i}`, state: 'succeeded', finishedAt: new Date(BASE + i * 1_000).toISOString() })
const byId = (jobs: readonly Job[]) => new Map(jobs.map((job) => [job.id, job]))

it('none is older until as many have ended as stay live, however many wait', () => {
  const waiting = Array.from({ length: 50 }, (_, i) => jobWith({ id: `w-${i}` }))
  const all = Array.from({ length: MOST_ENDED_LIVE }, (_, i) => ended(i + 7))
  expect(oldestEnd(byId([...waiting, ...all.slice(1)]))).toBeNull()
  expect(oldestEnd(byId([...waiting, ...all].reverse()))).toBe('2026-01-01T00:00:07.000Z')
})

it('what left is what had ended: a job that goes on is seen again as it is now', () => {
  const before = byId([ended(1), ended(2), jobWith({ id: 'j-3' })])
  expect(leftOf(before, byId([ended(2), ended(3)])).map(({ id }) => id)).toEqual(['j-1'])
})

describe('older jobs', () => {
  const asked: Older = { kind: null, model: null, jobs: new Map(), until: '', cursor: undefined }
  const ids = (older: Older | null) => [...(older?.jobs.keys() ?? [])].sort()

  it('hold what leaves the live ones while they are asked for, beside what comes', () => {
    const left = withLeft(asked, byId([ended(3), ended(4)]), byId([ended(4), ended(5)]))
    expect(ids(left)).toEqual(['j-3'])
    expect(ids(left && withPage(left, [ended(1), ended(2)], null))).toEqual(['j-1', 'j-2', 'j-3'])
  })

  it('are the same while none leaves, and gone when all that are live may no longer be seen', () => {
    const live = byId([ended(3)])
    expect(withLeft(asked, live, live)).toBe(asked)
    expect(withLeft(withPage(asked, [ended(1)], null), live, new Map())).toBeNull()
  })
})
