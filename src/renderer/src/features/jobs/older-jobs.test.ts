import type { Job } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { endedOf, leftOf, type Older, withLeft, withPage } from './older-jobs'
import { jobWith } from './testing'

const BASE = Date.parse('2026-01-01T00:00:00Z')
const ended = (i: number) =>
  jobWith({ id: `j-${i}`, state: 'succeeded', finishedAt: new Date(BASE + i * 1_000).toISOString() })
const byId = (jobs: readonly Job[]) => new Map(jobs.map((job) => [job.id, job]))

it('the oldest is the first of those that have ended, however many wait', () => {
  const waiting = Array.from({ length: 50 }, (_, i) => jobWith({ id: `w-${i}` }))
  expect(endedOf(byId(waiting))).toEqual({ count: 0, oldest: null })
  const all = [...waiting, ended(8), ended(7), ended(9)]
  expect(endedOf(byId(all))).toEqual({ count: 3, oldest: '2026-01-01T00:00:07.000Z' })
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

  it('stay where none was live at all', () => {
    const loaded = withPage(asked, [ended(1)], null)
    expect(withLeft(loaded, new Map(), new Map())).toBe(loaded)
  })
})
