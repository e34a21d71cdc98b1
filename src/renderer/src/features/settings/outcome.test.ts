import type { StorageTask } from '@shared/contract'
import { expect, it } from 'vitest'
import { outcomeOf } from './outcome'

function task(changes: Partial<StorageTask>): StorageTask {
  return {
    id: 't-1',
    kind: 'gc',
    state: 'completed',
    bytesDone: 0,
    bytesTotal: 0,
    error: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    finishedAt: null,
    createdBy: 'p',
    ...changes,
  }
}

it('says what a task found, and that damage is not sound', () => {
  expect(outcomeOf(task({ kind: 'verify', checked: 3, checkedBytes: 2_000_000 }))).toEqual({
    key: 'verified',
    values: { count: 3, bytes: '2 MB' },
    sound: true,
  })
  expect(outcomeOf(task({ kind: 'verify', damaged: ['a'], missing: ['b', 'c'] }))).toMatchObject({
    key: 'damaged',
    values: { damaged: 1, missing: 2 },
    sound: false,
  })
})

it('names the versions that a policy let go of, a few of many', () => {
  expect(outcomeOf(task({ removed: 2, freedBytes: 1000 }))).toMatchObject({ key: 'freed' })
  const removedVersions = Array.from({ length: 7 }, (_, i) => `net@${i + 1}`)
  expect(outcomeOf(task({ removedVersions }))?.values['versions']).toBe(
    'net@1, net@2, net@3, net@4, net@5 +2',
  )
})

it('has no outcome for what goes on or has failed', () => {
  expect(outcomeOf(task({ state: 'running' }))).toBeNull()
  expect(outcomeOf(task({ state: 'failed' }))).toBeNull()
  expect(outcomeOf(task({ state: 'cancelled' }))?.key).toBe('stopped')
})
