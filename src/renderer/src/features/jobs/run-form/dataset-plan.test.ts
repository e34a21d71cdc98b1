import type { Column } from '@shared/contract'
import type { Signature, TensorSpec } from '@shared/domain/tensor'
import { describe, expect, it } from 'vitest'
import { planInputs, suggestColumns } from './dataset-plan'

function column(name: string, more: Partial<Column> = {}): Column {
  const none = {
    nulls: 0,
    distinct: 3,
    min: 0,
    max: 9,
    mean: 4,
    deviation: 2,
    bins: [],
    top: [],
    shape: null,
  }
  return { name, type: 'number', ...none, ...more }
}
const input = (name: string, shape: TensorSpec['shape']): TensorSpec => ({ name, dtype: 'float32', shape })
const model = (...inputs: TensorSpec[]): Signature => ({ inputs, outputs: [] })

describe('columns for the inputs of a model', () => {
  it('are suggested by name, however it is written', () => {
    const columns = [column('Sepal Length'), column('petal_width'), column('species', { type: 'string' })]
    const signature = model(input('sepal_length', [1]), input('petal_width', [1]), input('colour', [1]))
    expect(signature.inputs.map((spec) => suggestColumns(spec, signature, columns))).toEqual([
      ['Sepal Length'],
      ['petal_width'],
      [],
    ])
  })

  it('are not guessed between two that are alike', () => {
    const columns = [column('X 1'), column('x-1')]
    const signature = model(input('x1', [1]), input('y', [1]))
    expect(suggestColumns(input('x1', [1]), signature, columns)).toEqual([])
  })

  it('are all numbers, side by side, for the only input', () => {
    const columns = [
      column('a'),
      column('b'),
      column('species', { type: 'string' }),
      column('ripe', { type: 'boolean' }),
    ]
    expect(planInputs(model(input('x', ['N', 2])), columns, {})).toMatchObject([
      { columns: ['a', 'b'], fit: { fits: true, shape: [1, 2] } },
    ])
  })

  it('are what a person chose, also nothing, and what is wrong is told', () => {
    const columns = [
      column('a', { nulls: 2 }),
      column('b'),
      column('digit', { type: 'tensor', shape: [28, 28] }),
    ]
    const plan = (name: string, shape: TensorSpec['shape'], ...chosen: string[]) =>
      planInputs(model(input(name, shape)), columns, { [name]: chosen })[0]?.fit
    expect(plan('x', ['N', 1, 28, 28], 'digit')).toEqual({ fits: true, shape: [1, 1, 28, 28] })
    expect(plan('x', ['N', 2], 'a', 'b')).toEqual({
      fits: false,
      misfit: { why: 'nulls', column: 'a', count: 2 },
    })
    expect(plan('x', ['N', 3], 'b')).toMatchObject({
      misfit: { why: 'count', got: 1, wants: 3, multiple: true },
    })
    expect(plan('b', ['N', 1])).toEqual({ fits: false, misfit: { why: 'none' } })
    // A column of that name came from a file, an input of that name from another.
    expect(plan('constructor', ['N', 1], 'b')).toEqual({ fits: true, shape: [1, 1] })
  })
})
