import { describe, expect, it } from 'vitest'
import type { LeasedDevice } from './adapter'
import { deviceVariables, threadVariables } from './environment'

const gpu = (vendor: string, uuid: string | null): LeasedDevice => ({
  ...{ id: 'gpu-0', kind: 'gpu', vendor, uuid, isOnly: false, more: [] },
})
const NONE = { CUDA_VISIBLE_DEVICES: '', ROCR_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' }

describe('what a worker sees of the devices', () => {
  it('is nothing without a lease, and without a name by which its library would know the device', () => {
    expect(deviceVariables(null)).toEqual(NONE)
    expect(deviceVariables(gpu('NVIDIA', null))).toEqual(NONE)
    expect(deviceVariables(gpu('Intel', 'x'))).toEqual(NONE)
  })

  it('is all that one job has, of one kind', () => {
    const two = { ...gpu('NVIDIA', 'GPU-1'), more: ['GPU-7'] }
    expect(deviceVariables(two)).toEqual({ ...NONE, CUDA_VISIBLE_DEVICES: 'GPU-1,GPU-7' })
    expect(deviceVariables({ ...two, vendor: 'AMD' })).toMatchObject({
      ROCR_VISIBLE_DEVICES: 'GPU-1,GPU-7',
      HIP_VISIBLE_DEVICES: '0,1',
    })
  })

  it('is the leased one alone', () => {
    expect(deviceVariables(gpu('NVIDIA', 'GPU-1'))).toEqual({ ...NONE, CUDA_VISIBLE_DEVICES: 'GPU-1' })
    expect(deviceVariables(gpu('AMD', '0x18f68b2e7d4c9a10'))).toEqual({
      ...{ CUDA_VISIBLE_DEVICES: '', HIP_VISIBLE_DEVICES: '0' },
      ROCR_VISIBLE_DEVICES: 'GPU-18f68b2e7d4c9a10',
    })
  })
})

it('libraries start as many threads as are leased, and at least one', () => {
  expect(threadVariables(3)).toMatchObject({ OMP_NUM_THREADS: '3', TF_NUM_INTEROP_THREADS: '1' })
  expect(threadVariables(0.5).OMP_NUM_THREADS).toBe('1')
})
