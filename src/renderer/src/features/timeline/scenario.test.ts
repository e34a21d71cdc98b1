import { expect, it } from 'vitest'
import { keyOf, questionOf, scenariosOf } from './scenario'

const AMOUNTS = { cores: 4, memoryGb: 24 }

it('asks for a GPU on a machine that has none', () => {
  const scenarios = scenariosOf([], AMOUNTS)
  expect(scenarios.map(keyOf)).toEqual(['cores', 'gpu'])
  const gpu = scenarios.find(({ kind }) => kind === 'gpu')
  expect(gpu && questionOf(gpu, 'lastDay', new Map(), { cpuCores: 2 })).toEqual({
    addDevices: [{ kind: 'gpu', name: 'more', capacity: { gpu: 1, gpuMemoryBytes: 24e9 } }],
    removeDevices: [],
    source: 'lastDay',
  })
})

it('gives memory with cores as the machine has it', () => {
  const [cores] = scenariosOf([], AMOUNTS)
  const capacity = { cpuCores: 2, memoryBytes: 8e9 }
  expect(cores && questionOf(cores, 'queue', new Map(), capacity).addDevices[0]?.capacity).toEqual({
    cpuCores: 4,
    memoryBytes: 16e9,
  })
})
