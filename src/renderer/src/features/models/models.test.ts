import type { ModelDiff } from '@shared/contract'
import type { Signature } from '@shared/domain/tensor'
import { describe, expect, it } from 'vitest'
import { jobWith } from '../jobs/testing'
import { shortDigest } from './about'
import { curlSnippet } from './curl'
import { diffSentences, growthText, metadataRows, signatureRows } from './diff-words'
import { latestBenchmarks } from './latency'

const x = { name: 'x', dtype: 'float32', shape: [1, 576] } as const
const spec = (changes: object = {}) => ({ ...x, shape: [1, 576], ...changes })

function diff(changes: Partial<ModelDiff> = {}): ModelDiff {
  return {
    from: 1,
    to: 2,
    sizeBytes: { from: 1, to: 1 },
    compatible: true,
    inputs: [],
    outputs: [],
    metadata: [],
    files: [],
    tensors: { added: [], removed: [], reshaped: [], unchanged: 0 },
    ...changes,
  }
}

describe('diffSentences', () => {
  const keys = (changes: Partial<ModelDiff>) => diffSentences(diff(changes)).map((sentence) => sentence.key)

  it('says first what it means for a caller', () => {
    expect(keys({})).toEqual(['same'])
    expect(keys({ outputs: [{ name: 'y', from: null, to: spec() }] })).toEqual(['compatible', 'outputAdded'])
    expect(
      keys({ compatible: false, inputs: [{ name: 'x', from: spec(), to: spec({ shape: [1, 512] }) }] }),
    ).toEqual(['incompatible', 'inputShape'])
  })

  it('tells a type from a shape, and what went from what came', () => {
    const pairs = [
      { name: 'a', from: spec(), to: spec({ dtype: 'int8' }) },
      { name: 'b', from: spec(), to: null },
      { name: 'c', from: null, to: spec() },
    ]
    expect(keys({ compatible: false, inputs: pairs })).toEqual([
      'incompatible',
      'inputType',
      'inputRemoved',
      'inputAdded',
    ])
    expect(keys({ compatible: false, outputs: pairs })).toEqual([
      'incompatible',
      'outputType',
      'outputRemoved',
      'outputAdded',
    ])
  })

  it('leaves out what is listed and the same', () => {
    expect(keys({ inputs: [{ name: 'x', from: spec(), to: spec() }] })).toEqual(['same'])
    expect(signatureRows([{ name: 'x', from: spec(), to: spec() }])).toEqual([])
  })

  it('writes metadata as text and growth with its sign', () => {
    const rows = metadataRows(
      diff({
        metadata: [
          { key: 'tags', from: null, to: ['a', 'b'] },
          { key: 'opset', from: 16, to: 16 },
        ],
      }),
    )
    expect(rows).toEqual([{ name: 'tags', change: 'added', from: '', to: 'a, b' }])
    expect(growthText(100, 112.5)).toBe('+13%')
    expect(growthText(1000, 999)).toBe('−0.1%')
    expect(growthText(5, 5)).toBeNull()
    expect(growthText(0, 5)).toBeNull()
  })
})

describe('curlSnippet', () => {
  const signature: Signature = {
    inputs: [
      { name: 'input', dtype: 'float32', shape: ['N', 576] },
      { name: 'sr', dtype: 'int64', shape: [] },
    ],
    outputs: [],
  }

  it('writes short tensors out and lets the shell make long ones', () => {
    const text = curlSnippet('http://127.0.0.1:7440/', 'silero-vad@production', signature)
    expect(text).toContain('curl -s http://127.0.0.1:7440/api/jobs ')
    expect(curlSnippet('http://h:1/api', 'a@1', signature)).toContain('curl -s http://h:1/api/jobs ')
    expect(text).toContain('"model":"silero-vad@production"')
    expect(text).toContain('"shape":[1,576]')
    expect(text).toContain('head -c 2304 /dev/zero')
    expect(text).toContain('"sr":{"dtype":"int64","shape":[],"data":[0]}')
  })

  it('takes sizes and scalars of a run that is known to work', () => {
    const text = curlSnippet('http://h', 'a@1', signature, {
      shapeOf: (spec) => spec.shape.map((size) => (typeof size === 'number' ? size : 4)),
      scalarOf: (spec) => ({ dtype: spec.dtype, shape: [], data: [16_000] }),
    })
    expect(text).toContain('"shape":[4,576]')
    expect(text).toContain('"data":[16000]')
  })

  it('keeps the shell from running what the name of an input says', () => {
    const hostile = curlSnippet('http://localhost', 'a@1', {
      inputs: [{ name: `x'; touch /tmp/owned; echo '\n$(id)`, dtype: 'float32', shape: [] }],
      outputs: [],
    })
    expect(hostile).toContain(`"x'\\''; touch /tmp/owned; echo '\\''\\n$(id)"`)
    // Outside of single quotes there is nothing but our own words.
    const outside = hostile
      .replaceAll(`'\\''`, '')
      .split("'")
      .filter((_, index) => index % 2 === 0)
      .join(' ')
    expect(outside).not.toMatch(/touch|\$\(id\)/)
  })
})

describe('latestBenchmarks', () => {
  it('takes the newest of each version of this model', () => {
    const bench = (id: string, modelVersion: number, createdAt: string, changes: object = {}) =>
      jobWith({
        id,
        kind: 'benchmark',
        state: 'succeeded',
        model: `m@${modelVersion}`,
        modelVersion,
        createdAt,
        ...changes,
      })
    const found = latestBenchmarks(
      [
        bench('b', 2, '2026-01-01T00:00:00.000Z'),
        bench('a', 1, '2026-01-01T00:00:00.000Z'),
        bench('c', 1, '2026-01-02T00:00:00.000Z'),
        bench('d', 1, '2026-01-03T00:00:00.000Z', { state: 'failed' }),
        bench('e', 1, '2026-01-03T00:00:00.000Z', { model: 'm2@1' }),
      ],
      'm',
    )
    expect(found.map(({ version, job }) => [version, job.id])).toEqual([
      [1, 'c'],
      [2, 'b'],
    ])
  })
})

it('shortens digests at both ends', () => {
  expect(shortDigest(`2623a295${'0'.repeat(52)}91cb`)).toBe('2623a295…91cb')
})
