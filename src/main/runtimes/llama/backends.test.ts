import { describe, expect, it } from 'vitest'
import { backendsOf, bindingFor } from '../accelerators'
import type { LeasedDevice } from '../adapter'
import { BACKENDS, doesNotFit, offeredOn, packageOf } from './backends'

const nvidia: LeasedDevice = {
  id: 'gpu-1',
  kind: 'gpu',
  vendor: 'NVIDIA',
  uuid: 'GPU-1',
  isOnly: false,
  more: [],
}
const amd: LeasedDevice = { ...nvidia, vendor: 'AMD', uuid: '0x1' }
const apple: LeasedDevice = { ...nvidia, vendor: 'Apple', uuid: null, isOnly: true }
const choose = (works: readonly string[], device: LeasedDevice) =>
  bindingFor(
    BACKENDS.filter(({ name }) => works.includes(name)),
    device,
  ).backend

describe('what a language model computes on', () => {
  it("is Metal for Apple's", () => {
    expect(choose(['metal'], apple)).toBe('metal')
    expect(choose(['metal'], { ...apple, isOnly: false })).toBe('cpu')
    expect(choose(['metal'], { ...apple, kind: 'npu' })).toBe('cpu')
  })

  it('is Vulkan for another GPU, and for one of NVIDIA where CUDA does not work, if there is no other', () => {
    expect(choose(['cuda', 'vulkan'], { ...amd, isOnly: true })).toBe('vulkan')
    expect(choose(['cuda', 'vulkan'], amd)).toBe('cpu')
    expect(choose(['vulkan'], { ...nvidia, isOnly: true })).toBe('vulkan')
    expect(choose(['vulkan'], nvidia)).toBe('cpu')
    expect(choose(['cuda', 'vulkan'], { ...nvidia, uuid: null, isOnly: true })).toBe('vulkan')
  })
})

it('offers what node-llama-cpp is built for', () => {
  expect(offeredOn('linux', 'x64')).toEqual(['cuda', 'vulkan'])
  expect(offeredOn('win32', 'x64')).toEqual(['cuda', 'vulkan'])
  expect(offeredOn('darwin', 'arm64')).toEqual(['metal'])
  expect(offeredOn('darwin', 'x64')).toEqual([])
  expect(offeredOn('linux', 'arm64')).toEqual([])
  expect(packageOf('cuda', 'win32')).toBe('@node-llama-cpp/win-x64-cuda')
  expect(packageOf('metal', 'darwin')).toBeNull()
})

it('the page says why each other does not work, and what would help', () => {
  const reason = '@node-llama-cpp/linux-x64-cuda is not installed.'
  const failed = { available: false, version: '', backend: '', reason }
  const backends = backendsOf('llama.cpp', BACKENDS, new Map([['cuda', failed]]))
  expect(Object.fromEntries(backends.map(({ name, reason }) => [name, reason]))).toEqual({
    cpu: null,
    cuda: 'It needs an NVIDIA GPU with CUDA 12 or 13, and the files that npm run llama:gpu -- cuda brings. It says: @node-llama-cpp/linux-x64-cuda is not installed.',
    metal: "llama.cpp offers Metal on macOS with Apple's processors only.",
    vulkan: 'llama.cpp offers Vulkan on Linux and Windows with x64 processors only.',
  })
})

it('says what is free and what it takes', () => {
  expect(doesNotFit('The model alone', 12e9, { free: 3.1e9, total: 8e9 })).toMatch(
    /^The model alone takes 12 GB of the memory of the GPU, and 3\.1 GB of its 8 GB are free\./,
  )
})
