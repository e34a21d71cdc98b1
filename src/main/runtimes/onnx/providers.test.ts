import { describe, expect, it } from 'vitest'
import { backendsOf, bindingFor } from '../accelerators'
import type { LeasedDevice } from '../adapter'
import { PROVIDERS } from './providers'

const nvidia: LeasedDevice = {
  id: 'gpu-1',
  kind: 'gpu',
  vendor: 'NVIDIA',
  uuid: 'GPU-1',
  isOnly: false,
  more: [],
}
const amd: LeasedDevice = { ...nvidia, vendor: 'AMD', uuid: null }
const apple: LeasedDevice = { ...nvidia, vendor: 'Apple', uuid: null, isOnly: true }
const all = PROVIDERS.map(({ name }) => name)
const choose = (works: readonly string[], device: LeasedDevice) =>
  bindingFor(
    PROVIDERS.filter(({ name }) => works.includes(name)),
    device,
  ).backend

describe('what computes on a leased device', () => {
  it('is what chooses by itself only where there is nothing to choose', () => {
    expect(choose(all, amd)).toBe('cpu')
    expect(choose(all, { ...amd, isOnly: true })).toBe('dml')
    expect(choose(['webgpu'], { ...amd, isOnly: true })).toBe('webgpu')
    expect(choose(['webgpu'], { ...nvidia, isOnly: true })).toBe('webgpu')
  })

  it("is CoreML for Apple's", () => {
    expect(choose(['coreml', 'webgpu'], apple)).toBe('coreml')
    expect(choose(['coreml', 'webgpu'], { ...apple, kind: 'npu' })).toBe('coreml')
  })
})

it('the page says why each other does not work, and what would help', () => {
  const failed = (reason: string) => ({ available: false, version: '', backend: '', reason })
  const backends = backendsOf(
    'ONNX Runtime',
    PROVIDERS,
    new Map([
      ['cuda', failed('OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library')],
      [
        'webgpu',
        failed(
          '/a/webgpu_context.cc:136 a::b(const c&)::<lambda()> status == Success was false. Failed to get a WebGPU adapter: No supported adapters\n\n',
        ),
      ],
    ]),
  )
  const reasons = Object.fromEntries(backends.map(({ name, reason }) => [name, reason]))
  expect(reasons['cpu']).toBeNull()
  expect(reasons['cuda']).toMatch(/cuDNN 9.* It says: Failed to load shared library\.$/)
  expect(reasons['webgpu']).toMatch(/Vulkan.* It says: No supported adapters\.$/)
  expect(reasons['dml']).toBe('ONNX Runtime offers DirectML on Windows only.')
  expect(reasons['coreml']).toBe('ONNX Runtime offers CoreML on macOS only.')
})
