import type { JsonTensor } from '@shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '@shared/domain/tensor-codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { elementText, viewTensor } from './tensor-view'

describe('viewTensor', () => {
  it('finds the largest element of a vector, also behind dimensions of 1', () => {
    const scores = [0.1, 0.7, 0.2]
    expect(viewTensor({ dtype: 'float32', shape: [1, 3], data: scores }).argmax).toEqual({
      index: 1,
      value: 0.7,
    })
    expect(viewTensor({ dtype: 'float32', shape: [3, 2], data: [...scores, ...scores] }).argmax).toBeNull()
    expect(viewTensor({ dtype: 'float32', shape: [], data: [1] }).argmax).toBeNull()
  })

  it('shows the first rows and columns of the last two dimensions', () => {
    const data = Array.from({ length: 200 }, (_, i) => i)
    const view = viewTensor({ dtype: 'int32', shape: [2, 10, 10], data })
    expect(view.grid).toHaveLength(8)
    expect(view.grid[1]).toEqual([10, 11, 12, 13, 14, 15, 16, 17])
    expect(view.cut).toBe(true)
    expect(view.range).toEqual({ min: 0, max: 199, mean: 99.5 })
  })

  it('counts NaN and infinity apart', () => {
    const view = viewTensor({
      dtype: 'float32',
      shape: [4],
      data: [1, Number.NaN, Number.POSITIVE_INFINITY, 3],
    })
    expect(view.oddCount).toBe(2)
    expect(view.range).toEqual({ min: 1, max: 3, mean: 2 })
    expect(view.argmax).toEqual({ index: 3, value: 3 })
  })

  it('sees the same in either form', () => {
    const values = fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 65, maxLength: 90 })
    fc.assert(
      fc.property(
        values,
        fc.constantFrom(
          'int8' as const,
          'int32' as const,
          'int64' as const,
          'float64' as const,
          'float32' as const,
        ),
        (data, dtype) => {
          const tensor: JsonTensor = { dtype, shape: [data.length], data }
          const packed = toJsonTensor(fromJsonTensor('x', tensor), 'base64')
          expect('base64' in packed).toBe(true)
          expect(viewTensor(packed)).toEqual(viewTensor(tensor))
        },
      ),
    )
  })

  it('shows text and booleans without figures', () => {
    const view = viewTensor({ dtype: 'bool', shape: [2], data: [true, false] })
    expect(view.grid).toEqual([[true, false]])
    expect(view.range).toBeNull()
  })

  it('goes as far as the bytes go', () => {
    expect(viewTensor({ dtype: 'float32', shape: [4], base64: btoa('\0\0\0\0\0\0') }).count).toBe(1)
    expect(viewTensor({ dtype: 'float32', shape: [0], data: [] })).toMatchObject({
      count: 0,
      grid: [],
      cut: false,
    })
  })
})

describe('elementText', () => {
  it.each([
    [0.10013123, '0.100131'],
    [1234567.5, '1.235e+6'],
    [0.00001234, '1.234e-5'],
    [7, '7'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    ['9007199254740993', '9007199254740993'],
  ])('%s', (element, text) => {
    expect(elementText(element)).toBe(text)
  })
})
