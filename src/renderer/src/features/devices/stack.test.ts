import type { Lease } from '@shared/contract'
import { expect, it } from 'vitest'
import { stackOf } from './stack'

const lease = (id: string, device: string, memoryBytes: number, createdAt: string): Lease => ({
  ...{ id, state: 'granted', need: { memoryBytes }, holder: 'p', job: null, purpose: 'test', priority: 50 },
  ...{ placement: [{ device, amounts: { memoryBytes } }], createdAt, expiresAt: null },
})
const of = { device: 'cpu0', resource: 'memoryBytes', capacity: 10 }

it('stacks leases by age and what is used outside to the capacity, and no more', () => {
  const leases = [
    lease('b', 'cpu0', 3, '2026-02'),
    lease('a', 'cpu0', 2, '2026-01'),
    lease('c', 'gpu', 9, '2026-01'),
  ]
  const stack = stackOf(of, leases, [{ device: 'cpu0', amounts: { memoryBytes: 4 } }])
  expect(stack.map((part) => [part.kind === 'lease' ? part.lease.id : part.kind, part.share])).toEqual([
    ['a', 0.2],
    ['b', 0.3],
    ['foreign', 0.4],
  ])
  const full = stackOf(of, leases, [{ device: 'cpu0', amounts: { memoryBytes: 9 } }])
  expect(full.at(-1)).toEqual({ kind: 'foreign', amount: 9, share: 0.5 })
  expect(stackOf(of, [], [])).toEqual([])
})
