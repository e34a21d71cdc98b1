import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Accelerator, bindingFor } from './accelerators'
import type { LeasedDevice } from './adapter'
import { BACKENDS } from './llama/backends'
import { PROVIDERS } from './onnx/providers'
import { PYTORCH_DEVICES } from './pytorch/accelerators'

/** The others take what they find. */
const BOUND_BY_UUID = ['cuda', 'rocm']
const nvidia: LeasedDevice = {
  ...{ id: 'gpu-1', kind: 'gpu', vendor: 'NVIDIA', uuid: 'GPU-1', isOnly: false, more: [] },
}
const arbitraryDevice: fc.Arbitrary<LeasedDevice> = fc.record({
  id: fc.string(),
  kind: fc.constantFrom('cpu' as const, 'gpu' as const, 'npu' as const, 'fpga' as const),
  vendor: fc.constantFrom('NVIDIA', 'AMD', 'Apple', 'Intel', ''),
  uuid: fc.option(fc.string({ minLength: 1 })),
  isOnly: fc.boolean(),
  more: fc.constant([]),
})

describe.each<[string, readonly Accelerator[]]>([
  ['ONNX Runtime', PROVIDERS],
  ['llama.cpp', BACKENDS],
  ['PyTorch', PYTORCH_DEVICES],
])('what %s computes on', (_, all) => {
  it('is the CPU without a lease, for what is no GPU, and where nothing works', () => {
    const cpu = { backend: 'cpu', usesDevice: false, options: 'cpu' }
    expect(bindingFor(all, null)).toEqual(cpu)
    expect(bindingFor(all, { ...nvidia, kind: 'fpga', isOnly: true })).toEqual(cpu)
    expect(bindingFor([], nvidia)).toEqual(cpu)
  })

  it('is CUDA for a GPU of NVIDIA, one of many', () => {
    expect(bindingFor(all, nvidia)).toEqual({ backend: 'cuda', usesDevice: true, options: 'cuda' })
  })

  it('is never one that does not work, nor one that may take another device than the leased one', () => {
    fc.assert(
      fc.property(fc.subarray([...all]), fc.option(arbitraryDevice), (works, leased) => {
        const { backend, usesDevice } = bindingFor(works, leased)
        expect(usesDevice).toBe(backend !== 'cpu')
        if (!usesDevice) return
        expect(works.map(({ name }) => name)).toContain(backend)
        if (BOUND_BY_UUID.includes(backend)) expect(leased?.uuid).toBeTruthy()
        else expect(leased?.isOnly).toBe(true)
      }),
    )
  })
})
