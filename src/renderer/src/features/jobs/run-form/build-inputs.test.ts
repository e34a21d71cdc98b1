import type { Signature } from '@shared/domain/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildInputs, buildItems, itemsFromText } from './build-inputs'
import { fill } from './fillers'
import { type FormChoice, formFor, freeDimensions, shapeText } from './form-model'
import { InputProblem } from './input-problem'

const silero: Signature = {
  inputs: [
    { name: 'input', dtype: 'float32', shape: [null, null] },
    { name: 'state', dtype: 'float32', shape: [2, 'batch', 128] },
    { name: 'sr', dtype: 'int64', shape: [] },
  ],
  outputs: [{ name: 'output', dtype: 'float32', shape: [null, 1] }],
}
const pair: Signature = {
  inputs: [
    { name: 'made', dtype: 'float32', shape: ['N', 2] },
    { name: 'given', dtype: 'int32', shape: ['N'] },
  ],
  outputs: [],
}

function form(signature: Signature, change: (form: FormChoice) => void = () => undefined): FormChoice {
  const fresh = formFor(signature, null)
  change(fresh)
  return fresh
}

describe('freeDimensions', () => {
  it('has one field for a name that several inputs share, one for each nameless dimension', () => {
    expect(freeDimensions(pair)).toEqual([{ key: '=N', name: 'N', places: ['made[0]', 'given[0]'] }])
    expect(freeDimensions(silero).map((dimension) => dimension.places[0])).toEqual([
      'input[0]',
      'input[1]',
      'state[1]',
    ])
  })

  it('writes shapes for a person', () => {
    expect(silero.inputs.map((spec) => shapeText(spec.shape))).toEqual(['[?, ?]', '[2, batch, 128]', ''])
  })
})

describe('buildInputs', () => {
  it('fills every input in its shape', () => {
    const built = buildInputs(
      silero,
      form(silero, (f) => {
        f.dimensions['input#1'] = 576
        f.inputs.sr = { filler: 'zeros', values: '', scalar: '16000' }
      }),
      {},
    )
    expect(built.ok && Object.entries(built.value).map(([name, tensor]) => [name, tensor.shape])).toEqual([
      ['input', [1, 576]],
      ['state', [2, 1, 128]],
      ['sr', []],
    ])
    expect(built.ok && built.value.sr).toEqual({ dtype: 'int64', shape: [], data: [16_000] })
  })

  it('lets typed values settle a dimension that other inputs share', () => {
    const built = buildInputs(
      pair,
      form(pair, (f) => {
        f.inputs.given = { filler: 'values', values: '[1,2,3]', scalar: '' }
      }),
      {},
    )
    expect(built.ok && built.value.made?.shape).toEqual([3, 2])
  })

  it('finds every problem and says which input it is about', () => {
    const built = buildInputs(
      silero,
      form(silero, (f) => {
        f.inputs.sr = { filler: 'zeros', values: '', scalar: '1.5' }
        f.inputs.state = { filler: 'file', values: '', scalar: '' }
      }),
      {},
    )
    expect(built.ok ? [] : built.problems.map(({ input, problem }) => [input, problem.key]).sort()).toEqual([
      ['sr', 'integer'],
      ['state', 'fileMissing'],
    ])
  })

  it('refuses a shape that would exhaust the memory before it makes it', () => {
    const built = buildInputs(
      pair,
      form(pair, (f) => {
        f.dimensions['=N'] = 1_000_000_000
      }),
      {},
    )
    expect(built.ok ? null : built.problems[0]?.problem.key).toBe('tooMuch')
  })

  it('sends long lists as base64 with the right bytes', () => {
    const built = buildInputs(
      pair,
      form(pair, (f) => {
        f.dimensions['=N'] = 100
        f.inputs.made = { filler: 'ramp', values: '', scalar: '' }
      }),
      {},
    )
    const made = built.ok ? built.value.made : undefined
    const bytes =
      made && 'base64' in made ? Uint8Array.from(atob(made.base64), (c) => c.charCodeAt(0)) : new Uint8Array()
    expect([...new Float32Array(bytes.buffer)].slice(0, 3)).toEqual([0, 1 / 200, 2 / 200].map(Math.fround))
  })
})

describe('fill', () => {
  it('makes the same random numbers for a seed, others for another seed or item', () => {
    fc.assert(
      fc.property(fc.nat(4_294_967_295), fc.nat(1000), (seed, variant) => {
        const once = fill('random', 'float32', [8], seed, variant)
        expect(fill('random', 'float32', [8], seed, variant)).toEqual(once)
        expect(fill('random', 'float32', [8], seed, variant + 1)).not.toEqual(once)
        expect('data' in once && once.data.every((value) => Number(value) >= 0 && Number(value) < 1)).toBe(
          true,
        )
      }),
    )
  })

  it('stays within the range of every whole type', () => {
    const uint8 = fill('random', 'uint8', [5000], 1)
    const values = 'data' in uint8 ? uint8.data.map(Number) : []
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThanOrEqual(255)
    expect(values.every(Number.isInteger)).toBe(true)
  })
})

describe('buildItems', () => {
  it('makes items that differ', async () => {
    const built = await buildItems(
      pair,
      form(pair, (f) => {
        f.inputs.made = { filler: 'random', values: '', scalar: '' }
      }),
      {},
      200,
    )
    expect(built.ok && new Set(built.value.map((item) => JSON.stringify(item.made))).size).toBe(200)
  })

  it('refuses a count outside the contract and a batch that is too heavy', async () => {
    const count = await buildItems(pair, form(pair), {}, 100_001)
    expect(count.ok ? null : count.problems[0]?.problem.key).toBe('itemCount')
    const heavy = await buildItems(
      pair,
      form(pair, (f) => {
        f.dimensions['=N'] = 100_000
      }),
      {},
      100_000,
    )
    expect(heavy.ok ? null : heavy.problems[0]?.problem.key).toBe('tooMuch')
  })

  it('stops when it is no longer wanted', async () => {
    const stop = new AbortController()
    const making = buildItems(
      pair,
      form(pair, (f) => {
        f.dimensions['=N'] = 500
      }),
      {},
      5000,
      stop.signal,
    )
    stop.abort(new Error('closed'))
    await expect(making).rejects.toThrow('closed')
  })
})

describe('itemsFromText', () => {
  it('reads a list of inputs', () => {
    const items = itemsFromText(pair, '[{"made":[[1,2]],"given":[3]},{"made":[[4,5]],"given":[6]}]', {})
    expect(items.map((item) => item.given)).toEqual([
      { dtype: 'int32', shape: [1], data: [3] },
      { dtype: 'int32', shape: [1], data: [6] },
    ])
  })

  it.each([
    ['{}', { key: 'items' }],
    ['[]', { key: 'items' }],
    ['[1]', { key: 'items', values: { item: 1 } }],
    ['[{"made":[[1,2]]}]', { key: 'missingInput', values: { item: 1, input: 'given' } }],
    [
      '[{"made":[[1,2]],"given":[1],"extra":1}]',
      { key: 'unknownInput', values: { item: 1, input: 'extra' } },
    ],
    ['[{"made":[[1,2,3]],"given":[1]}]', { key: 'dimension', values: { item: 1, input: 'made', index: 1 } }],
  ])('refuses %s', (text, expected) => {
    let caught: unknown
    try {
      itemsFromText(pair, text, {})
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(InputProblem)
    expect(caught).toMatchObject(expected)
  })
})
