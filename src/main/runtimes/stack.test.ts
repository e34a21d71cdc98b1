import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tensor, Tensors } from '../../shared/domain/tensor'
import { splitOutputs, stackItems } from './stack'

function tensor(shape: number[], fill = 0): Tensor {
  const count = shape.reduce((product, n) => product * n, 1)
  return { dtype: 'int16', shape, bytes: new Uint8Array(count * 2).fill(fill) }
}

describe('stacking', () => {
  it('gives back every item, whatever its first dimension is', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 3 }), (firsts, width) => {
        const items = firsts.map(
          (first, i): Tensors => ({
            a: tensor([first, width, 2], i + 1),
            b: {
              dtype: 'string',
              shape: [first],
              strings: Array.from({ length: first }, (_, k) => `${i}.${k}`),
            },
          }),
        )
        const stacked = stackItems(items)
        expect(stacked && splitOutputs(stacked.inputs, stacked.sizes)).toEqual(items)
      }),
    )
  })

  const odd: [string, Tensors[]][] = [
    ['a scalar', [{ a: tensor([]) }, { a: tensor([]) }]],
    ['another width', [{ a: tensor([1, 2]) }, { a: tensor([1, 3]) }]],
    ['another rank', [{ a: tensor([1, 2]) }, { a: tensor([1]) }]],
    ['another name', [{ a: tensor([1]) }, { b: tensor([1]) }]],
    ['one tensor more', [{ a: tensor([1]) }, { a: tensor([1]), b: tensor([1]) }]],
    [
      'first dimensions that differ within an item',
      [
        { a: tensor([1]), b: tensor([2]) },
        { a: tensor([1]), b: tensor([2]) },
      ],
    ],
    ['another dtype', [{ a: tensor([1]) }, { a: { dtype: 'uint8', shape: [1], bytes: new Uint8Array(1) } }]],
    ['no tensors', [{}, {}]],
  ]
  it.each(odd)('leaves items alone that differ by %s', (_what, items) => {
    expect(stackItems(items)).toBeNull()
  })

  it('leaves outputs alone that have another first dimension', () => {
    expect(splitOutputs({ a: tensor([3]), b: tensor([1]) }, [1, 2])).toBeNull()
    expect(splitOutputs({ a: tensor([]) }, [1])).toBeNull()
  })
})
