import { expect, it } from 'vitest'
import { predictedWaitMs } from './predicted-wait'

const MINUTE = 60_000
const capacity = { cpuCores: 16, gpu: 1 }
const job = (need: object, minutes: number | null) => ({ need, remainingMs: minutes && minutes * MINUTE })
const work = (need: object, minutes: number) => ({ need, workMs: minutes * MINUTE })
const minutes = (input: Partial<Parameters<typeof predictedWaitMs>[0]>) => {
  const all = { capacity, available: capacity, running: [], waiting: [], ...input }
  const ms = predictedWaitMs(all)
  return ms === null ? null : ms / MINUTE
}

it('is none where there is room and nobody waits', () => {
  expect(minutes({})).toBe(0)
  expect(minutes({ available: { cpuCores: 1, gpu: 1 }, running: [job({ cpuCores: 15 }, 10)] })).toBe(0)
})

it('counts what jobs take of the machine, not how many there are', () => {
  const available = { gpu: 1 }
  const large = { cpuCores: 16 }
  // One of ten runs, nine wait.
  expect(minutes({ available, running: [job(large, 10)], waiting: [work(large, 90)] })).toBe(100)
  const small = { cpuCores: 1 }
  const running = Array.from({ length: 16 }, (_, i) => job(small, 1 + i / 16))
  expect(minutes({ available, running, waiting: [work(small, 32)] })).toBe(3)
})

it('is that of the resource that is waited for longest', () => {
  const gpu = { gpu: 1, cpuCores: 1 }
  const input = { available: { cpuCores: 15 }, running: [job(gpu, 5)], waiting: [work(gpu, 20)] }
  expect(minutes(input)).toBe(25)
})

it('is unknown where programs hold what all need, or what others wait for', () => {
  expect(minutes({ available: { gpu: 1 } })).toBeNull()
  const waiting = [work({ gpu: 1, cpuCores: 1 }, 20)]
  expect(minutes({ available: { cpuCores: 8 }, waiting })).toBeNull()
  // Nobody knows to need it.
  expect(minutes({ available: { cpuCores: 8 } })).toBe(0)
})

it('is unknown behind what nobody knows the length of', () => {
  expect(minutes({ available: { gpu: 1 }, running: [job({ cpuCores: 16 }, null)] })).toBeNull()
  expect(minutes({ available: { cpuCores: 4 }, running: [job({ gpu: 1 }, null)] })).toBeNull()
})
