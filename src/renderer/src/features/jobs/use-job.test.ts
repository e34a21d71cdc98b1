import type { Job } from '@shared/contract'
import { expect, it, vi } from 'vitest'
import { jobWith } from './testing'
import { standsFarBack, withReason } from './use-job'

// The words of errors are in the language of the browser.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))
vi.mock('../../lib/client', () => ({}))
vi.mock('../../lib/stores', () => ({}))

const TURN: Job['waitCauses'] = [{ kind: 'turn' }]
const BEHIND: Job['waitCauses'] = [{ kind: 'behind', jobs: 211 }]

it('only what waits for its turn, and of which nobody has said more, stands far back', () => {
  expect(standsFarBack(jobWith({ waitCauses: TURN }))).toBe(true)
  expect(standsFarBack(jobWith({ waitCauses: BEHIND }))).toBe(false)
  expect(standsFarBack(jobWith({ state: 'running' }))).toBe(false)
  const dependent: Job['waitCauses'] = [{ kind: 'dependencies', jobs: ['j-1'], more: 0 }]
  expect(standsFarBack(jobWith({ queuedSince: null, waitCauses: dependent }))).toBe(false)
})

it('one that stands far back says why it waits and when it starts as it was answered; all else is live', () => {
  const live = jobWith({ waitCauses: TURN, waitReason: 'Queued.', priority: 70 })
  const estimate = { startsAt: 's', earliest: 'e', latest: 'l' } as Job['estimate']
  const told = {
    waitCauses: BEHIND,
    waitReason: 'Behind 211 jobs.',
    estimateMs: 9,
    expectedAt: 's',
    estimate,
  }
  const answer = jobWith({ ...told, priority: 50 })
  expect(withReason(live, null)).toBe(live)
  expect(withReason(live, answer)).toEqual({ ...live, ...told })
  // One of the two has moved on: the feed says the rest.
  expect(withReason(live, jobWith({ ...told, state: 'running' }))).toBe(live)
  const front = jobWith({ waitCauses: [{ kind: 'behind', jobs: 3 }] })
  expect(withReason(front, answer)).toBe(front)
})
