import { expect, it } from 'vitest'
import type { DeviceId } from '../../../shared/domain/ids'
import { engineMemory } from './engine-size'

const host = (memoryBytes: number, outsideBytes = 0, healthy = true) => ({
  id: `cpu-${memoryBytes}` as DeviceId,
  ...{ kind: 'cpu' as const, free: {}, capacity: { memoryBytes }, healthy },
  outside: { memoryBytes: outsideBytes },
})
const size = (memoryBytes: number, leastBytes: number) => ({ memoryBytes, leastBytes, fileBytes: 1 })

it.each([
  ['what was measured, also where programs outside have it now', size(9, 4), [host(10, 5)], 9],
  ['what the largest host leaves, where none could give that', size(12, 4), [host(8), host(10)], 9],
  ['less what programs outside have', size(12, 4), [host(10, 3)], 6],
  ['never less than its runtime thinks', size(12, 4), [host(10, 8)], 4],
  ['and that also where no host could give it', size(12, 11), [host(10)], 11],
  ['of a host that is fit for work', size(12, 4), [host(10), host(20, 0, false)], 9],
])('an engine beside a job of 1 gets %s', (_, of, hosts, bytes) => {
  expect(engineMemory(of, { memoryBytes: 1 }, () => hosts)).toBe(bytes)
})
