import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { backendsOf, bindingFor } from '../accelerators'
import type { LeasedDevice } from '../adapter'
import { deviceFiles, PYTORCH_DEVICES } from './accelerators'

const nvidia: LeasedDevice = {
  ...{ id: 'gpu-1', kind: 'gpu', vendor: 'NVIDIA', uuid: 'GPU-1', isOnly: false, more: [] },
}
const amd: LeasedDevice = { ...nvidia, vendor: 'AMD', uuid: '0x1' }
const apple: LeasedDevice = { ...nvidia, vendor: 'Apple', uuid: null, isOnly: true }
const on = (device: LeasedDevice | null, works = PYTORCH_DEVICES) => bindingFor(works, device).backend

describe('what PyTorch computes on', () => {
  it('is the leased GPU by what its vendor has, where that works', () => {
    expect(on(nvidia)).toBe('cuda')
    expect(on(amd)).toBe('rocm')
    expect(on(apple)).toBe('mps')
  })

  it('is the CPU without a lease, where it does not work, and where it might be another GPU', () => {
    const others = PYTORCH_DEVICES.filter(({ name }) => name !== 'cuda')
    expect(on(null)).toBe('cpu')
    expect(on(nvidia, others)).toBe('cpu')
    expect(on({ ...nvidia, uuid: null })).toBe('cpu')
    expect(on({ ...apple, isOnly: false })).toBe('cpu')
    expect(on({ ...nvidia, kind: 'npu' })).toBe('cpu')
    expect(on({ ...nvidia, vendor: 'Intel' })).toBe('cpu')
  })

  it('is said with what would help, also where this PyTorch is built for something else', () => {
    const failed = { available: false, version: '2.9', backend: '', reason: 'No kernel image.' }
    const [cpu, cuda, rocm] = backendsOf('PyTorch', PYTORCH_DEVICES, new Map([['cuda', failed]]))
    expect(cpu).toEqual({ name: 'cpu', available: true, reason: null })
    expect(cuda?.reason).toBe(
      'It needs an NVIDIA GPU and a driver that is as new as its CUDA. It says: No kernel image.',
    )
    expect(rocm?.reason).toMatch(/^PyTorch offers ROCm in builds for it \(https:.*\) on Linux only\.$/)
  })

  it.runIf(process.platform !== 'win32')('is all of its devices that a sandbox shows', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dev-'))
    try {
      await Promise.all(['nvidia0', 'nvidiactl', 'null'].map((name) => writeFile(join(folder, name), '')))
      await mkdir(join(folder, 'nvidia-caps'))
      const names = ['nvidia-caps', 'nvidia0', 'nvidiactl'].map((name) => join(folder, name))
      expect(deviceFiles('cuda', folder).sort()).toEqual(names)
      expect(deviceFiles('rocm', folder)).toEqual([join(folder, 'kfd'), join(folder, 'dri')])
      expect(deviceFiles('cpu', folder)).toEqual([])
      expect(deviceFiles('mps', folder)).toEqual([])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
