import type { Device } from '@shared/contract'
import { expect, it } from 'vitest'
import { acceleratorOf, keyOf, questionOf, scenariosOf } from './scenario'

const AMOUNTS = { cores: 4, memoryGb: 24 }
const ASKED = { source: 'queue', policy: 'online' } as const

it('asks for a GPU on a machine that has none', () => {
  const scenarios = scenariosOf([], AMOUNTS)
  expect(scenarios.map(keyOf)).toEqual(['same', 'cores', 'gpu'])
  const gpu = scenarios.find(({ kind }) => kind === 'gpu')
  expect(gpu && questionOf(gpu, ASKED, new Map(), { cpuCores: 2 })).toEqual({
    addDevices: [{ kind: 'gpu', name: 'more', capacity: { gpu: 1, gpuMemoryBytes: 24e9 } }],
    removeDevices: [],
    ...ASKED,
  })
})

it('asks once for another like those of one make, and for each to be gone', () => {
  const device = (id: string, name: string) => ({ id, name, kind: 'gpu', capacity: { gpu: 1 } }) as Device
  const devices = [device('a', 'H200'), device('b', 'H200'), device('c', 'L4')]
  const keys = scenariosOf(devices, AMOUNTS).map(keyOf)
  expect(keys.filter((key) => key.startsWith('more'))).toEqual(['more a', 'more c'])
  expect(keys.filter((key) => key.startsWith('without'))).toEqual(['without a', 'without b', 'without c'])
})

it('gives memory with cores as the machine has it', () => {
  const cores = scenariosOf([], AMOUNTS).find(({ kind }) => kind === 'cores')
  const capacity = { cpuCores: 2, memoryBytes: 8e9 }
  expect(cores && questionOf(cores, ASKED, new Map(), capacity).addDevices[0]?.capacity).toEqual({
    cpuCores: 4,
    memoryBytes: 16e9,
  })
})

it('asks for another order on the same machine', () => {
  const asked = { source: 'lastDay', policy: 'fcfs' } as const
  expect(questionOf({ kind: 'same' }, asked, new Map(), {})).toEqual({
    addDevices: [],
    removeDevices: [],
    ...asked,
  })
})

it('knows which accelerator it is about', () => {
  const device = (id: string, kind: Device['kind']) => [id, { id, kind } as Device] as const
  const devices = new Map([device('a', 'cpu'), device('b', 'npu')])
  expect(acceleratorOf({ kind: 'gpu', memoryGb: 24 }, devices)).toBe('gpu')
  expect(acceleratorOf({ kind: 'without', device: 'b' }, devices)).toBe('npu')
  expect(acceleratorOf({ kind: 'more', device: 'a' }, devices)).toBeNull()
  expect(acceleratorOf({ kind: 'cores', cores: 2 }, devices)).toBeNull()
})
