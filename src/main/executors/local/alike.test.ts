import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Tensors } from '../../../shared/domain/tensor'
import { areAlike, isSame } from './alike'

/** @param offset of the numbers in their buffer, as when they were cut out of a larger one */
function floats(values: readonly number[], offset = 0): Tensors {
  const bytes = new Uint8Array(offset + values.length * 4).subarray(offset)
  bytes.set(new Uint8Array(Float32Array.from(values).buffer))
  return { y: { dtype: 'float32', shape: [values.length], bytes } }
}
const filled = (count: number, value: number) => floats(new Array<number>(count).fill(value))

it('takes the same for the same, wherever it lies in memory', () => {
  const values = fc.array(fc.float())
  fc.assert(
    fc.property(values, fc.nat(7), fc.nat(7), (values, one, other) => {
      expect(areAlike([floats(values, one)], [floats(values, other)])).toBe(true)
    }),
  )
})

it('sees one number that differs, but not by rounding, however small all of them are', () => {
  const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
    minLength: 1,
  })
  fc.assert(
    fc.property(numbers, fc.nat(), fc.nat(7), (values, pick, offset) => {
      const at = pick % values.length
      const greatest = Math.max(...values.map(Math.abs))
      fc.pre(greatest > 1e-30)
      const moved = (by: number) => values.map((v, i) => (i === at ? v + by * greatest : v))
      expect(areAlike([floats(values)], [floats(moved(1e-4), offset)])).toBe(true)
      expect(areAlike([floats(values)], [floats(moved(1e-2), offset)])).toBe(false)
    }),
  )
})

it('takes numbers that are none for alike where both are none, and lets them hide nothing', () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, 1]
  expect(areAlike([floats(values)], [floats(values)])).toBe(true)
  expect(areAlike([floats(values)], [floats([...values.slice(0, 2), 2])])).toBe(false)
  expect(areAlike([floats(values)], [floats([0, ...values.slice(1)])])).toBe(false)
})

it('tells the same from what only comes to the same', () => {
  const texts = (...strings: string[]): Tensors => ({
    y: { dtype: 'string', shape: [strings.length], strings },
  })
  expect(isSame(floats([1, 2]), floats([1, 2], 3))).toBe(true)
  expect(isSame(floats([1, 2]), floats([1, 2.0001]))).toBe(false)
  expect(isSame(texts('a', 'b'), texts('a', 'b'))).toBe(true)
  expect(isSame(texts('a', 'b'), texts('a', 'c'))).toBe(false)
  expect(isSame(texts('a'), floats([1]))).toBe(false)
})

it('sees other names, forms, kinds and counts', () => {
  const one = floats([1, 2])
  const { y } = one
  if (!y) throw new Error('no tensor')
  expect(areAlike([one], [])).toBe(false)
  expect(areAlike([], [one])).toBe(false)
  expect(areAlike([one], [{ z: y }])).toBe(false)
  expect(areAlike([one], [{ y, z: y }])).toBe(false)
  expect(areAlike([one], [{ y: { ...y, shape: [2, 1] } as typeof y }])).toBe(false)
  expect(areAlike([{ y: { dtype: 'string', shape: [1], strings: ['a'] } }], [one])).toBe(false)
  const integers = (last: number): Tensors => ({
    y: { dtype: 'int32', shape: [1], bytes: Uint8Array.of(0, 0, 0, last) },
  })
  expect(areAlike([integers(1)], [integers(1)])).toBe(true)
  expect(areAlike([integers(1)], [integers(2)])).toBe(false)
})

it('sees in a sample of large outputs that items were mixed up, or one column of them', () => {
  const count = 2 ** 20
  expect(areAlike([filled(count, 1), filled(count, 2)], [filled(count, 1), filled(count, 2)])).toBe(true)
  expect(areAlike([filled(count, 1), filled(count, 2)], [filled(count, 2), filled(count, 1)])).toBe(false)
  const rows = (odd: number) => floats(Array.from({ length: count }, (_, i) => (i % 1024 === 1023 ? odd : 1)))
  expect(areAlike([rows(1)], [rows(2)])).toBe(false)
})
