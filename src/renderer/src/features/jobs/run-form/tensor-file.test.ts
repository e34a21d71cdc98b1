import type { TensorSpec } from '@shared/domain/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InputProblem } from './input-problem'
import { parseNpy } from './npy'
import { MAX_TENSOR_FILE_BYTES, tensorFromFile } from './tensor-file'

const digits: TensorSpec = { name: 'input', dtype: 'float32', shape: ['N', 1, 2, 2] }

/** A file as `numpy.save` writes it (format 1.0). */
function npy(descr: string, shape: string, body: Uint8Array, fortran = 'False'): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`
  const header = new TextEncoder().encode(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`)
  const prefix = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]
  return Uint8Array.from([...prefix, ...header, ...body])
}

function floats(values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer)
}

function keyOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof InputProblem) return error.key
    throw error
  }
  return 'accepted'
}

describe('tensorFromFile', () => {
  it('reads raw floats and finds how many items they are', () => {
    const tensor = tensorFromFile(digits, 'test.f32', floats([1, 2, 3, 4, 5, 6, 7, 8]), {})
    expect(tensor.shape).toEqual([2, 1, 2, 2])
    expect('base64' in tensor && atob(tensor.base64).length).toBe(32)
  })

  it('refuses bytes that do not make whole elements or whole items', () => {
    expect(keyOf(() => tensorFromFile(digits, 'a.bin', new Uint8Array(7), {}))).toBe('fileSize')
    expect(keyOf(() => tensorFromFile(digits, 'a.bin', new Uint8Array(0), {}))).toBe('fileSize')
    expect(keyOf(() => tensorFromFile(digits, 'a.bin', new Uint8Array(20), {}))).toBe('count')
  })

  it('refuses an unknown ending, a wrong type and a file that is too large', () => {
    const ints: TensorSpec = { name: 'i', dtype: 'int32', shape: [1] }
    expect(keyOf(() => tensorFromFile(digits, 'a.png', new Uint8Array(16), {}))).toBe('fileType')
    expect(keyOf(() => tensorFromFile(ints, 'a.f32', new Uint8Array(4), {}))).toBe('type')
    const huge = { length: MAX_TENSOR_FILE_BYTES + 1 } as Uint8Array
    expect(keyOf(() => tensorFromFile(digits, 'a.bin', huge, {}))).toBe('fileTooLarge')
  })

  it('reads npy, narrowing the float64 that NumPy writes by default', () => {
    const body = new Uint8Array(Float64Array.from([1, 2, 3, 4]).buffer)
    const tensor = tensorFromFile(digits, 'a.npy', npy('<f8', '(1, 1, 2, 2)', body), {})
    expect(tensor).toEqual({ dtype: 'float32', shape: [1, 1, 2, 2], data: [1, 2, 3, 4] })
  })

  it('does not round floats into whole numbers', () => {
    const ints: TensorSpec = { name: 'i', dtype: 'int32', shape: [1] }
    expect(keyOf(() => tensorFromFile(ints, 'a.npy', npy('<f4', '(1,)', floats([1])), {}))).toBe('type')
  })
})

describe('parseNpy', () => {
  it('turns Fortran order into row-major', () => {
    const file = npy('<f4', '(2, 3)', floats([1, 4, 2, 5, 3, 6]), 'True')
    expect(parseNpy(file)).toEqual({ dtype: 'float32', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] })
  })

  it('reads big-endian, scalars and int64 beyond 2^53', () => {
    expect(parseNpy(npy('>i2', '(1,)', Uint8Array.from([1, 2]))).data).toEqual([258])
    expect(parseNpy(npy('|b1', '()', Uint8Array.from([1])))).toEqual({
      dtype: 'bool',
      shape: [],
      data: [true],
    })
    const big = new Uint8Array(BigInt64Array.from([2n ** 53n + 1n]).buffer)
    expect(parseNpy(npy('<i8', '(1,)', big)).data).toEqual(['9007199254740993'])
  })

  it('refuses pickled objects, short bodies and sizes that overflow', () => {
    expect(keyOf(() => parseNpy(npy('|O', '(1,)', new Uint8Array(8))))).toBe('npy')
    expect(keyOf(() => parseNpy(npy('<f4', '(2,)', new Uint8Array(4))))).toBe('fileSize')
    expect(keyOf(() => parseNpy(npy('<f4', '(99999999999, 99999999999)', new Uint8Array(4))))).toBe(
      'fileSize',
    )
  })

  it('never fails in another way, whatever the bytes', () => {
    const start = npy('<f4', '(1,)', floats([1]))
    fc.assert(
      fc.property(fc.nat(start.length - 1), fc.nat(255), fc.nat(start.length), (at, byte, length) => {
        const bytes = start.slice(0, length)
        if (at < bytes.length) bytes[at] = byte
        keyOf(() => parseNpy(bytes))
      }),
    )
  })
})
