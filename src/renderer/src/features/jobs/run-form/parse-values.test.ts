import type { TensorSpec } from '@shared/domain/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InputProblem } from './input-problem'
import { parseElement, parseScalar, tensorFromJson, tensorFromText } from './parse-values'

const image: TensorSpec = { name: 'image', dtype: 'float32', shape: ['N', 2, 3] }
const vector: TensorSpec = { name: 'x', dtype: 'float32', shape: [4] }

function problemOf(run: () => unknown): InputProblem {
  try {
    run()
  } catch (error) {
    if (error instanceof InputProblem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('tensorFromText', () => {
  it('takes the shape of nested arrays and settles the open dimension', () => {
    const tensor = tensorFromText(image, '[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]', {})
    expect(tensor).toEqual({
      dtype: 'float32',
      shape: [2, 2, 3],
      data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    })
  })

  it('takes a flat list and finds the one open dimension from its length', () => {
    const tensor = tensorFromJson(image, new Array(18).fill(0.5), { '=N': 1 })
    expect(tensor.shape).toEqual([3, 2, 3])
  })

  it('says how many values it wants and got', () => {
    const problem = problemOf(() => tensorFromText(vector, '[1, 2, 3]', {}))
    expect(problem).toMatchObject({ key: 'count', values: { wants: 4, got: 3 } })
  })

  it('names the dimension that does not fit', () => {
    const problem = problemOf(() => tensorFromText(image, '[[[1,2],[3,4]]]', {}))
    expect(problem).toMatchObject({ key: 'dimension', values: { index: 2, wants: 3, got: 2 } })
  })

  it('refuses ragged arrays, also where a number stands for a list', () => {
    expect(problemOf(() => tensorFromText(image, '[[[1,2,3],[4,5]]]', {})).key).toBe('ragged')
    expect(problemOf(() => tensorFromText(image, '[[[1,2,3],4]]', {})).key).toBe('ragged')
    expect(problemOf(() => tensorFromText(vector, '[1,2,3,[4]]', {})).key).toBe('ragged')
  })

  it('survives nesting that is meant to exhaust the stack', () => {
    const deep = '['.repeat(5000) + ']'.repeat(5000)
    expect(problemOf(() => tensorFromText(vector, deep, {})).key).toBe('ragged')
  })

  it('takes a whole tensor, and checks its type, shape and length', () => {
    const text = (tensor: object) => JSON.stringify(tensor)
    expect(
      tensorFromText(vector, text({ dtype: 'float32', shape: [4], data: [1, 2, 3, 4] }), {}).shape,
    ).toEqual([4])
    expect(
      problemOf(() => tensorFromText(vector, text({ dtype: 'int8', shape: [4], data: [1, 2, 3, 4] }), {}))
        .key,
    ).toBe('type')
    expect(
      problemOf(() => tensorFromText(vector, text({ dtype: 'float32', shape: [4], data: [1] }), {})).key,
    ).toBe('count')
    expect(problemOf(() => tensorFromText(vector, text({ shape: [4] }), {})).key).toBe('json')
  })

  it('says what is wrong with text that is not JSON', () => {
    const problem = problemOf(() => tensorFromText(vector, '[1, 2', {}))
    expect(problem.key).toBe('json')
    expect(String(problem.values.reason)).not.toBe('')
  })

  it('reads back any tensor that was written as nested arrays', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 1000 }), (n, seed) => {
        const data = Array.from({ length: n * 6 }, (_, i) => i + seed)
        const nested = Array.from({ length: n }, (_, i) => [
          data.slice(i * 6, i * 6 + 3),
          data.slice(i * 6 + 3, i * 6 + 6),
        ])
        expect(tensorFromJson(image, nested, {})).toEqual({ dtype: 'float32', shape: [n, 2, 3], data })
      }),
    )
  })
})

describe('parseElement', () => {
  it.each([
    ['uint8', 256, 'range'],
    ['uint8', -1, 'range'],
    ['int8', 1.5, 'integer'],
    ['int32', 2_147_483_648, 'range'],
    ['float32', '1', 'number'],
    ['float32', null, 'number'],
    ['float32', Number.NaN, 'number'],
    ['bool', 2, 'boolean'],
    ['string', 1, 'text'],
    ['int64', 2 ** 53, 'integer'],
    ['int64', '9223372036854775808', 'range'],
    ['int64', '1e3', 'integer'],
  ] as const)('%s refuses %s as %s', (dtype, value, key) => {
    expect(problemOf(() => parseElement(dtype, value)).key).toBe(key)
  })

  it('keeps an int64 beyond 2^53 exact', () => {
    expect(parseElement('int64', '9007199254740993')).toBe('9007199254740993')
    expect(parseElement('int64', '16000')).toBe(16_000)
  })
})

describe('parseScalar', () => {
  it('has shape [] for every dtype', () => {
    expect(parseScalar('int64', ' 16000 ')).toEqual({ dtype: 'int64', shape: [], data: [16_000] })
    expect(parseScalar('float32', '0.5')).toEqual({ dtype: 'float32', shape: [], data: [0.5] })
    expect(parseScalar('bool', 'true')).toEqual({ dtype: 'bool', shape: [], data: [true] })
    expect(parseScalar('string', 'hello')).toEqual({ dtype: 'string', shape: [], data: ['hello'] })
  })

  it('refuses an empty field instead of reading it as zero', () => {
    expect(problemOf(() => parseScalar('float32', '  ')).key).toBe('number')
  })
})
