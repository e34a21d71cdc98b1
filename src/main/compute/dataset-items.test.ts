import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Cell, ColumnType } from '../../shared/contract'
import { fitColumns, type KnownColumn } from '../../shared/domain/dataset-columns'
import { elementCount, type Signature, type TensorSpec } from '../../shared/domain/tensor'
import { toJsonTensor } from '../../shared/domain/tensor-codec'
import { assertFits } from '../../shared/domain/tensor-fits'
import { type ColumnsOfInputs, itemReader } from './dataset-items'

const input = (
  name: string,
  shape: TensorSpec['shape'],
  dtype: TensorSpec['dtype'] = 'float32',
): TensorSpec => ({
  name,
  dtype,
  shape,
})
const signature = (...inputs: TensorSpec[]): Signature => ({ inputs, outputs: [] })
const columns = (types: Record<string, ColumnType>) =>
  Object.entries(types).map(([name, type]) => ({ name, type }))

function read(
  model: Signature,
  types: Record<string, ColumnType>,
  row: Record<string, Cell>,
  given?: ColumnsOfInputs,
) {
  const item = itemReader(model, columns(types), given)(row)
  return Object.fromEntries(Object.entries(item).map(([name, tensor]) => [name, toJsonTensor(tensor)]))
}

const iris = { sepal: 'number', petal: 'number', species: 'string' } as const

describe('a row of a data set as the inputs of a model', () => {
  it('lays all columns of numbers side by side for the only input', () => {
    expect(
      read(signature(input('x', ['N', 2])), iris, { sepal: 5.5, petal: 1.5, species: 'setosa' }),
    ).toEqual({
      x: { dtype: 'float32', shape: [1, 2], data: [5.5, 1.5] },
    })
  })

  it('takes the column of its name, and for others the columns that are named', () => {
    const model = signature(input('sepal', [1]), input('y', [2]))
    expect(read(model, iris, { sepal: 5, petal: 2, species: '' }, { y: ['petal', 'sepal'] })).toEqual({
      sepal: { dtype: 'float32', shape: [1], data: [5] },
      y: { dtype: 'float32', shape: [2], data: [2, 5] },
    })
  })

  it('reads lists, tensors of another type, and texts', () => {
    const base64 = Buffer.from(new Float64Array([1, 2, 3, 4]).buffer).toString('base64')
    const tensor: Cell = { dtype: 'float64', shape: [2, 2], base64 }
    expect(read(signature(input('x', ['N', 2, 2])), { a: 'tensor' }, { a: tensor })).toEqual({
      x: { dtype: 'float32', shape: [1, 2, 2], data: [1, 2, 3, 4] },
    })
    expect(
      read(signature(input('ids', ['batch', 'length'], 'int64')), { ids: 'json' }, { ids: '[7,8,9]' }),
    ).toEqual({
      ids: { dtype: 'int64', shape: [1, 3], data: [7, 8, 9] },
    })
    expect(read(signature(input('t', ['N'], 'string')), { t: 'string' }, { t: 'hello' })).toEqual({
      t: { dtype: 'string', shape: [1], data: ['hello'] },
    })
  })

  it('reads integers beyond 2^53: a float takes the nearest, int64 each digit', () => {
    const row = { id: '9007199254740993', share: '0.5', many: '9'.repeat(400) }
    const kinds = { id: 'string', share: 'string', many: 'string' } as const
    expect(read(signature(input('x', [2], 'float64')), kinds, row, { x: ['id', 'share'] })).toEqual({
      x: { dtype: 'float64', shape: [2], data: [9007199254740992, 0.5] },
    })
    expect(read(signature(input('id', [1], 'int64')), kinds, row)).toEqual({
      id: { dtype: 'int64', shape: [1], data: ['9007199254740993'] },
    })
    expect(() => read(signature(input('many', [1])), kinds, row)).toThrow(/"many" wants float32/)
  })

  it('keeps the bytes of a tensor of the same type and rank as they are', () => {
    const base64 = Buffer.from(new Float32Array([1, 2]).buffer).toString('base64')
    const item = itemReader(signature(input('x', [1, 2])), columns({ x: 'tensor' }), undefined)
    expect(item({ x: { dtype: 'float32', shape: [1, 2], base64 } })).toMatchObject({ x: { shape: [1, 2] } })
  })

  it.each<
    [string, Signature, Record<string, ColumnType>, Record<string, Cell>, ColumnsOfInputs | undefined, RegExp]
  >([
    [
      'an input that no column feeds',
      signature(input('x', [1]), input('y', [1])),
      iris,
      {},
      undefined,
      /Input "x".*"sepal" \(number\)/,
    ],
    [
      'a column that is not there',
      signature(input('x', [1])),
      iris,
      {},
      { x: 'nobody' },
      /"nobody".*"sepal"/,
    ],
    ['an input that is not there', signature(input('x', [1])), iris, {}, { nobody: 'sepal' }, /nobody/],
    [
      'a missing value',
      signature(input('x', [1])),
      { a: 'number' },
      { a: null },
      undefined,
      /Column "a" has no value/,
    ],
    [
      'too many values',
      signature(input('x', [1, 3])),
      iris,
      { sepal: 1, petal: 2, species: '' },
      undefined,
      /x/,
    ],
    ['a text for a number', signature(input('x', [1])), { x: 'string' }, { x: 'hello' }, undefined, /x/],
    ['a list that is cut', signature(input('x', [1])), { x: 'json' }, { x: '[1,2' }, undefined, /list/],
    ['objects in a list', signature(input('x', [1])), { x: 'json' }, { x: '[{}]' }, undefined, /list/],
  ])('refuses %s', (_, model, types, row, given, words) => {
    expect(() => read(model, types, row, given)).toThrow(
      expect.objectContaining({ code: 'compute.invalid_input', message: expect.stringMatching(words) }),
    )
  })
})

/** A column as its statistics tell, with a value that they hold for. */
const valued = (name: string) => {
  const known = { name, nulls: 0, min: null, max: null, shape: null, top: [] }
  const of = (column: Partial<KnownColumn> & Pick<KnownColumn, 'type'>, cell: Cell) => ({
    column: { ...known, ...column },
    cell,
  })
  return fc.oneof(
    fc
      .integer({ min: -300, max: 300 })
      .map((value) => of({ type: 'integer', min: value, max: value }, value)),
    fc.constant(of({ type: 'number', min: 0.5, max: 0.5 }, 0.5)),
    fc.boolean().map((value) => of({ type: 'boolean' }, value)),
    fc.constant(of({ type: 'string', top: [{ value: 'rose', count: 1 }] }, 'rose')),
    fc.constant(of({ type: 'image' }, 'a/1.png')),
    fc.constant(of({ type: 'integer', nulls: 1 }, null)),
    fc
      .array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 })
      .map((shape) =>
        of(
          { type: 'tensor', shape },
          { dtype: 'float32', shape, data: new Array<number>(elementCount(shape)).fill(0.5) },
        ),
      ),
  )
}

describe('what is said of columns before a batch', () => {
  const dtype = fc.constantFrom<TensorSpec['dtype'][]>(
    'float32',
    'float16',
    'int64',
    'uint8',
    'bool',
    'string',
  )
  const shape = fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom('N', 'M', '?', null)), {
    maxLength: 4,
  })
  const sources = fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .chain((names) => fc.tuple(...names.map(valued)))

  it('is what happens to a row: what fits is taken, what does not is refused', () =>
    fc.assert(
      fc.property(dtype, shape, sources, (type, dimensions, columns) => {
        const spec = input('x', dimensions, type)
        const fit = fitColumns(
          spec,
          columns.map(({ column }) => column),
        )
        // Only the type of a tensor's elements is not known before.
        fc.pre(
          fit.fits === false ||
            type.startsWith('float') ||
            columns.every(({ column }) => column.type !== 'tensor'),
        )
        const model = signature(spec)
        const run = () => {
          const row = Object.fromEntries(columns.map(({ column, cell }) => [column.name, cell]))
          const item = itemReader(
            model,
            columns.map(({ column }) => column),
            { x: columns.map(({ column }) => column.name) },
          )(row)
          assertFits(model, item)
          return item['x']?.shape
        }
        if (!fit.fits) expect(run).toThrow(expect.objectContaining({ code: 'compute.invalid_input' }))
        else expect(run()).toEqual(fit.shape)
      }),
      { numRuns: 2_000 },
    ))

  it.each<[TensorSpec['dtype'], string[], boolean]>([
    ['float32', ['0.5', '9007199254740993'], true],
    ['int64', ['7', '9007199254740993'], true],
    ['int64', ['0.5', '9007199254740993'], false],
    ['int32', ['9007199254740993'], false],
    ['float32', ['7', '9007199254740993', 'rose'], false],
    // Without one that no number holds there must be words in the column, or it would be one of numbers.
    ['float32', ['7'], false],
    ['float32', [], false],
  ])('says whether %s takes texts like %j', (type, texts, fits) => {
    const top = texts.map((value) => ({ value, count: 1 }))
    const column = {
      ...{ name: 'a', nulls: 0, min: null, max: null, shape: null },
      type: 'string' as const,
      top,
    }
    expect(fitColumns(input('x', [1], type), [column])).toMatchObject({ fits })
  })

  it('leaves open what only the rows tell', () => {
    const lists: KnownColumn = {
      name: 'ids',
      type: 'json',
      nulls: 0,
      min: null,
      max: null,
      shape: null,
      top: [],
    }
    expect(fitColumns(input('x', ['N', 3]), [lists])).toEqual({ fits: true, shape: null })
    const written: KnownColumn = { ...lists, type: 'string', top: [{ value: '[1,2]', count: 3 }] }
    expect(fitColumns(input('x', ['N', 3]), [written])).toEqual({ fits: true, shape: null })
    expect(fitColumns(input('x', ['N', 3]), [])).toEqual({ fits: false, misfit: { why: 'none' } })
  })
})
