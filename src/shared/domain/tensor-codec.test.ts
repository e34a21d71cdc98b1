import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../errors'
import { fromBase64, toBase64 } from './base64'
import { fromFloat16Bits, toFloat16Bits } from './float16'
import { DTYPE_BYTES, DTYPES, type JsonTensor, type Signature, type Tensor, type Tensors } from './tensor'
import {
  assertFits,
  fromJsonTensor,
  packTensorPieces,
  packTensors,
  toJsonTensor,
  unpackTensors,
} from './tensor-codec'
import { bytesOf, elementsOf } from './tensor-elements'

function refusal(act: () => unknown): AppError {
  try {
    act()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
const tensors: fc.Arbitrary<Tensor> = fc.constantFrom(...DTYPES).chain((dtype) =>
  shapes.chain((shape): fc.Arbitrary<Tensor> => {
    const count = shape.reduce((product, n) => product * n, 1)
    if (dtype === 'string') {
      const texts = fc.array(fc.string({ unit: 'grapheme' }), { minLength: count, maxLength: count })
      return texts.map((strings) => ({ dtype, shape, strings }))
    }
    const size = count * DTYPE_BYTES[dtype]
    const byte = fc.integer({ min: 0, max: dtype === 'bool' ? 1 : 255 })
    return fc
      .array(byte, { minLength: size, maxLength: size })
      .map((bytes) => ({ dtype, shape, bytes: Uint8Array.from(bytes) }))
  }),
)
const named: fc.Arbitrary<Tensors> = fc.dictionary(fc.string(), tensors, { maxKeys: 4 })

describe('packTensors', () => {
  it('gives back what it took', () => {
    fc.assert(
      fc.property(fc.array(named, { maxLength: 4 }), (items) => {
        expect(unpackTensors(packTensors(items))).toEqual(items)
      }),
    )
  })

  it('takes the header of one item for any number of items of one form', () => {
    const item: Tensors = { a: { dtype: 'uint8', shape: [8], bytes: new Uint8Array(8) } }
    const one = packTensors([item]).byteLength
    const many = packTensors(new Array<Tensors>(9).fill(item))
    expect(many.byteLength).toBe(one + 8 * 8)
    expect(unpackTensors(many)).toHaveLength(9)
  })

  it('lays each tensor at a multiple of 8, so that it can be viewed without a copy', () => {
    const item: Tensors = {
      a: { dtype: 'uint8', shape: [3], bytes: Uint8Array.of(1, 2, 3) },
      b: { dtype: 'float64', shape: [1], bytes: bytesOf(Float64Array.of(Math.PI)) },
    }
    const b = unpackTensors(packTensors([item]))[0]?.['b']
    expect(b && b.dtype === 'float64' && b.bytes.byteOffset % 8).toBe(0)
    expect(b && b.dtype === 'float64' && elementsOf('float64', b.bytes)[0]).toBe(Math.PI)
  })

  it('gives the same bytes in pieces, large tensors without a copy', () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.integer({ min: 65_530, max: 65_550 })), { maxLength: 6 })
    fc.assert(
      fc.property(sizes, (all) => {
        const items = all.map(
          (size, i): Tensors => ({
            a: { dtype: 'uint8', shape: [size], bytes: new Uint8Array(size).fill(i + 1) },
          }),
        )
        const { pieces, byteLength } = packTensorPieces(items)
        const packed = packTensors(items)
        expect(byteLength).toBe(packed.byteLength)
        expect(Buffer.compare(Buffer.concat(pieces), packed)).toBe(0)
        for (const { a } of items) {
          const large = a?.dtype === 'uint8' && a.bytes.byteLength >= 65_536
          if (large) expect(pieces.includes(a.bytes)).toBe(true)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('keeps a tensor named __proto__ as a name like any other', () => {
    const item = Object.fromEntries([
      ['__proto__', { dtype: 'uint8' as const, shape: [1], bytes: Uint8Array.of(7) }],
    ])
    const [back] = unpackTensors(packTensors([item]))
    expect(Object.keys(back ?? {})).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  })

  it('refuses any damage with storage.corrupt, and never reads past the end', () => {
    fc.assert(
      fc.property(
        fc.array(named, { maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        fc.nat(),
        (items, hits, cut) => {
          const packed = packTensors(items)
          for (const [at, byte] of hits) packed[at % packed.length] = byte
          const bytes = packed.subarray(0, packed.length - (cut % 3))
          try {
            for (const item of unpackTensors(bytes)) {
              for (const tensor of Object.values(item))
                if (tensor.dtype !== 'string') elementsOf(tensor.dtype, tensor.bytes)
            }
          } catch (error) {
            expect(error).toMatchObject({ code: 'storage.corrupt' })
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses two tensors of one name, left-over bytes and a length that does not fit the shape', () => {
    const pack = (header: unknown, body: number) => {
      const text = new TextEncoder().encode(JSON.stringify(header))
      const start = Math.ceil((4 + text.length) / 8) * 8
      const bytes = new Uint8Array(start + body)
      new DataView(bytes.buffer).setUint32(0, text.length, true)
      bytes.set(text, 4)
      return bytes
    }
    const one = (shape: number[], bytes: number) => ['a', 'uint8', shape, bytes]
    const words = (header: unknown, body: number) => refusal(() => unpackTensors(pack(header, body))).message
    expect(words([[1, [one([1], 1), one([1], 1)]]], 16)).toContain('same name')
    expect(words([], 8)).toContain('left over')
    expect(words([[1, [one([2], 1)]]], 8)).toContain('1 bytes')
    expect(words([[1, [one([2 ** 40, 2 ** 40], 1)]]], 8)).toContain('impossible')
    expect(words([[2, [one([1], 1)]]], 8)).toContain('2 items end after')
    expect(words([[2 ** 40, []]], 0)).toContain('items end after')
    expect(words([[0, []]], 0)).toContain('another form')
    expect(words([[1, [['a', 'string', [2 ** 28], 8]]]], 8)).toContain('8 bytes')
  })
})

describe('JSON tensors', () => {
  it('come back from either form as the same bytes, NaN and infinities included', () => {
    fc.assert(
      fc.property(tensors, (tensor) => {
        expect(fromJsonTensor('x', JSON.parse(JSON.stringify(toJsonTensor(tensor, 'base64'))))).toEqual(
          tensor,
        )
        const back = fromJsonTensor('x', JSON.parse(JSON.stringify(toJsonTensor(tensor))))
        expect(toJsonTensor(back)).toEqual(JSON.parse(JSON.stringify(toJsonTensor(tensor))))
      }),
    )
  })

  it('says NaN and infinity as strings and an int64 beyond 2^53 exactly', () => {
    const floats = fromJsonTensor('x', { dtype: 'float32', shape: [3], data: ['NaN', '-Infinity', 1.5] })
    expect(toJsonTensor(floats)).toEqual({ dtype: 'float32', shape: [3], data: ['NaN', '-Infinity', 1.5] })
    const data = ['9223372036854775807', '-9223372036854775808', 7]
    expect(toJsonTensor(fromJsonTensor('x', { dtype: 'int64', shape: [3], data }))).toMatchObject({ data })
  })

  const refused: [JsonTensor, string][] = [
    [
      { dtype: 'uint8', shape: [2], data: [1, 300] },
      '"x" wants uint8 (whole numbers from 0 to 255), got 300 at element 1.',
    ],
    [{ dtype: 'int32', shape: [1], data: [1.5] }, 'got 1.5 at element 0'],
    [{ dtype: 'int8', shape: [1], data: [Number.NaN] }, 'got NaN at element 0'],
    [{ dtype: 'int64', shape: [1], data: ['9223372036854775808'] }, 'got "9223372036854775808" at element 0'],
    [{ dtype: 'int64', shape: [1], data: [2 ** 53] }, 'at element 0'],
    [{ dtype: 'float32', shape: [1], data: [1e39] }, 'got 1e+39 at element 0'],
    [{ dtype: 'float16', shape: [1], data: [70000] }, 'got 70000 at element 0'],
    [{ dtype: 'float32', shape: [1], data: ['1.5'] }, 'got "1.5" at element 0'],
    [{ dtype: 'float32', shape: [1], data: ['toString'] }, 'at element 0'],
    [{ dtype: 'bool', shape: [1], data: [2] }, 'got 2 at element 0'],
    [{ dtype: 'string', shape: [1], data: [2] }, 'got 2 at element 0'],
    [{ dtype: 'bool', shape: [1], base64: 'Ag==' }, 'got 2 at element 0'],
    [
      { dtype: 'float32', shape: [2, 3], data: [1, 2] },
      '"x" is float32 [2, 3], which is 6 elements, but holds 2.',
    ],
    [{ dtype: 'float32', shape: [1], base64: 'AAA=' }, 'holds 0.5'],
    [{ dtype: 'float32', shape: [1], base64: 'AA AAAA==' }, 'base64'],
    [{ dtype: 'string', shape: [0], base64: '' }, 'strings in `data`'],
    [{ dtype: 'uint8', shape: [65536, 65536], data: [] }, 'more than 2 GiB'],
    [{ dtype: 'uint8', shape: [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1], base64: '' }, 'more than 2 GiB'],
  ]
  const strange = JSON.parse(
    '[{"toString": 1}, null, [1], {"a": "a long text that nobody wants to read to its end"}]',
  )
  it.each(DTYPES)('%s refuses elements that are no element at all', (dtype) => {
    for (const value of strange) {
      const error = refusal(() => fromJsonTensor('x', { dtype, shape: [1], data: [value] }))
      expect(error.code).toBe('compute.invalid_input')
      expect(error.message.length).toBeLessThan(140)
    }
  })

  it.each(refused)('%j is refused', (tensor, words) => {
    const error = refusal(() => fromJsonTensor('x', tensor))
    expect(error.code).toBe('compute.invalid_input')
    expect(error.message).toContain(words)
    expect(error.details).toMatchObject({ input: 'x' })
  })
})

describe('base64', () => {
  it('agrees with Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
        expect(fromBase64(toBase64(bytes))).toEqual(bytes)
      }),
    )
  })

  it('refuses what is not base64', () => {
    for (const text of ['A', 'AA', 'AAA', '====', 'A===', 'AA=A', 'A\u0100==', 'AAA-', ' AAA']) {
      expect(fromBase64(text), text).toBeNull()
    }
  })
})

describe('float16', () => {
  it('gives back all 65,536 values', () => {
    const wrong: number[] = []
    for (let half = 0; half < 65536; half++) {
      const value = fromFloat16Bits(half)
      const back = toFloat16Bits(value)
      if (Number.isNaN(value) ? (back & 0x7fff) !== 0x7e00 : back !== half) wrong.push(half)
    }
    expect(wrong).toEqual([])
  })

  it('rounds to the nearest, ties to even', () => {
    expect(toFloat16Bits(2049)).toBe(toFloat16Bits(2048))
    expect(toFloat16Bits(2051)).toBe(toFloat16Bits(2052))
    expect(fromFloat16Bits(toFloat16Bits(2 ** -25))).toBe(0)
    expect(fromFloat16Bits(toFloat16Bits(2 ** -25 * 1.01))).toBe(2 ** -24)
    expect(fromFloat16Bits(toFloat16Bits(65519))).toBe(65504)
    expect(fromFloat16Bits(toFloat16Bits(65520))).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('assertFits', () => {
  const floats = (...shape: number[]): Tensor => ({
    dtype: 'float32',
    shape,
    bytes: new Uint8Array(4 * shape.reduce((product, n) => product * n, 1)),
  })
  const signature: Signature = {
    inputs: [
      { name: 'input', dtype: 'float32', shape: [1, 576] },
      { name: 'a', dtype: 'float32', shape: ['N', null] },
      { name: 'b', dtype: 'float32', shape: ['N'] },
    ],
    outputs: [],
  }
  const good: Tensors = { input: floats(1, 576), a: floats(2, 5), b: floats(2) }

  it('takes what fits, a free dimension of any size', () => {
    expect(() => assertFits(signature, good)).not.toThrow()
  })

  const misfits: [string, Tensors, string][] = [
    [
      'a wrong size',
      { ...good, input: floats(1, 500) },
      'Input "input" wants float32 [1, 576], got float32 [1, 500].',
    ],
    [
      'a wrong rank',
      { ...good, input: floats(576) },
      'Input "input" wants float32 [1, 576], got float32 [576].',
    ],
    [
      'a wrong dtype',
      { ...good, b: { dtype: 'int8', shape: [2], bytes: new Uint8Array(2) } },
      'Input "b" wants float32 [N], got int8 [2].',
    ],
    [
      'a missing input',
      { input: floats(1, 576), a: floats(2, 5) },
      'Input "b" wants float32 [N], got nothing.',
    ],
    [
      'an unknown input',
      { ...good, constructor: floats(1) },
      'The model has no input "constructor": it has "input", "a", "b".',
    ],
    [
      'one name, two sizes',
      { ...good, b: floats(3) },
      'Input "b" wants float32 [N], where N is 2 as in "a", got float32 [3].',
    ],
    [
      'bytes that do not fill the shape',
      { ...good, b: { dtype: 'float32', shape: [2], bytes: new Uint8Array(4) } },
      'holds 1',
    ],
  ]
  it.each(misfits)('refuses %s', (_what, inputs, words) => {
    const error = refusal(() => assertFits(signature, inputs))
    expect(error.code).toBe('compute.invalid_input')
    expect(error.message).toContain(words)
    expect(error.details).toHaveProperty('wants')
  })
})
