import { DeviceDeclaration } from '@shared/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { capacityOf, type DeclarationForm, problemsOf } from './declaration'

const form = (change: Partial<DeclarationForm>): DeclarationForm => ({
  kind: 'gpu',
  name: 'GPU',
  vendor: '',
  count: 1,
  memoryGb: 24,
  customName: '',
  customAmount: '',
  ...change,
})

describe('a declared device', () => {
  it('offers what its kind has, memory in bytes', () => {
    expect(capacityOf(form({}))).toEqual({ gpu: 1, gpuMemoryBytes: 24e9 })
    expect(capacityOf(form({ kind: 'cpu', count: 8, memoryGb: '' }))).toEqual({ cpuCores: 8 })
    expect(capacityOf(form({ kind: 'fpga', memoryGb: 24, customName: 'seats', customAmount: 3 }))).toEqual({
      fpga: 1,
      custom: { seats: 3 },
    })
  })

  it('says which field is wrong', () => {
    expect(problemsOf(form({ name: '  ' }))).toEqual({ name: 'needName' })
    expect(problemsOf(form({ count: 0, memoryGb: -1 }))).toEqual({
      count: 'needAmount',
      memoryGb: 'badAmount',
    })
    expect(problemsOf(form({ customName: '1st', customAmount: '' }))).toEqual({
      customName: 'badCustom',
      customAmount: 'needAmount',
    })
  })

  it('is accepted by the contract whenever the form has no problem', () => {
    const amount = fc.oneof(
      fc.double({ min: -2, max: 1e4 }),
      fc.constantFrom('', '-', 'x', 0, Number.NaN, Number.POSITIVE_INFINITY),
    )
    const forms = fc.record({
      kind: fc.constantFrom('cpu', 'gpu', 'npu', 'fpga' as const),
      name: fc.constantFrom('', ' ', 'A device'),
      vendor: fc.constantFrom('', 'AMD'),
      count: amount,
      memoryGb: amount,
      customName: fc.constantFrom('', 'seats', 'a b', '__proto__', 'x'.repeat(65)),
      customAmount: amount,
    })
    fc.assert(
      fc.property(forms, (candidate) => {
        const f = candidate as DeclarationForm
        if (Object.keys(problemsOf(f)).length > 0) return
        const { kind, name, vendor } = f
        expect(
          DeviceDeclaration.safeParse({ kind, name, vendor, capacity: capacityOf(f) }).error,
        ).toBeUndefined()
      }),
    )
  })
})
