import { expect, it } from 'vitest'
import { type StoredAttempt, withEarlier } from './earlier-attempts'

it('keeps the last 20 in their order', () => {
  let attempts: readonly StoredAttempt[] = []
  for (let attempt = 1; attempt <= 25; attempt++) {
    const begun = { attempt, startedAt: attempt * 100, queuedMs: 0, placement: null, attempts }
    attempts = withEarlier(begun, { finishedAt: attempt * 100 + 50, loadMs: 0, end: 'failed' })
  }
  expect(attempts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 20 }, (_, i) => i + 6))
})
