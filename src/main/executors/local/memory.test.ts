import { expect, it } from 'vitest'
import { MemoryEstimates } from './memory'

const MIB = 2 ** 20
const version = { digest: 'd', format: 'onnx' as const, sizeBytes: 1, files: [] }
const runtime = {
  ...{ id: 'r', name: 'R', formats: [], entry: 'r.cjs' },
  probe: () => Promise.reject(new Error('It is not asked.')),
  estimateMemory: () => 7,
}

it('what an engine once took is forgotten load by load, and what it needs to compute is not', () => {
  const estimates = new MemoryEstimates()
  const inMiB = () => Math.round(estimates.estimate(runtime, version) / 1.1 / MIB)
  expect(estimates.estimate(runtime, version)).toBe(7)
  estimates.loaded('d', 100 * MIB)
  estimates.rested('d', 1000 * MIB)
  expect(inMiB()).toBe(1000)
  for (let i = 0; i < 20; i++) estimates.loaded('d', 100 * MIB)
  expect(inMiB()).toBeLessThan(102)
  estimates.rested('d', 150 * MIB)
  estimates.rested('d', 120 * MIB)
  expect(inMiB()).toBe(150)
  estimates.loaded('d', 200 * MIB)
  expect(inMiB()).toBe(200)
})

it('where a system tells nothing of memory, nothing is learned', () => {
  const estimates = new MemoryEstimates()
  estimates.loaded('d', 0)
  estimates.rested('d', 0)
  expect(estimates.estimate(runtime, version)).toBe(7)
})

it('with what its runtime thinks an engine may be loaded, whatever it once took', () => {
  const estimates = new MemoryEstimates()
  expect(estimates.least(runtime, version)).toBe(7)
  estimates.loaded('d', 1000)
  expect(estimates.least(runtime, version)).toBe(7)
  const large = { ...runtime, estimateMemory: () => 5000 }
  expect(estimates.least(large, version)).toBe(estimates.estimate(large, version))
})
