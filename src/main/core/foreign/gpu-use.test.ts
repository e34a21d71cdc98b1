import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Device } from '../../../shared/contract'
import { fakeGpu } from '../testing/fake-host'
import { gpuUseOutside } from './gpu-use'

const address = '0000:03:00.0'
const GB = 1e9
const device: Device = {
  ...fakeGpu(0, 8 * GB),
  ...{ origin: 'detected', yieldsToOthers: true, properties: { pciAddress: address } },
}
const program = (pid: number, memoryBytes: number) => ({
  ...{ address, migInstance: null, name: `p${pid}`, pid, memoryBytes },
})
const loads = new Map([
  [1, 0.25],
  [2, 0.5],
  [9, 0.75],
])

it('what programs outside take of a GPU is that of those which are not ours', () => {
  const programs = [program(1, GB), program(2, 2 * GB), program(9, 4 * GB)]
  const own = new Set([9])
  expect(gpuUseOutside(device, programs, loads, own)).toEqual({ memoryBytes: 3 * GB, load: 0.75 })
  expect(gpuUseOutside(device, programs, null, own)).toEqual({ memoryBytes: 3 * GB, load: null })
  const elsewhere = { ...program(1, GB), address: '0000:04:00.0' }
  expect(gpuUseOutside(device, [elsewhere], new Map(), own)).toEqual({ memoryBytes: 0, load: 0 })
})

it('is never more than the GPU says of all, whatever is told of each', () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true })
  const bytes = fc.integer({ min: 0, max: 9 * GB })
  fc.assert(
    fc.property(
      fc.array(fc.record({ pid: fc.integer({ min: 1, max: 20 }), memoryBytes: bytes, share: part })),
      fc.option(fc.record({ load: part, memoryUsedBytes: bytes }), { nil: undefined }),
      (told, reading) => {
        const programs = told.map(({ pid, memoryBytes }) => program(pid, memoryBytes))
        const shares = new Map(told.map(({ pid, share }) => [pid, share]))
        const use = gpuUseOutside(device, programs, shares, new Set([1, 2]), reading)
        expect(use.load).toBeLessThanOrEqual(reading?.load ?? 1)
        expect(use.memoryBytes).toBeLessThanOrEqual(reading?.memoryUsedBytes ?? 8 * GB)
      },
    ),
  )
})
