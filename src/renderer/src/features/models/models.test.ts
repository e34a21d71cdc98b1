import type { ModelDiff, ModelVersion, VersionBenchmark } from '@shared/contract'
import type { Signature } from '@shared/domain/tensor'
import { describe, expect, it, vi } from 'vitest'
import { shortDigest } from './about'
import { newestByVersion, setupsOf } from './benchmark-figures'
import { changesSince } from './changes'
import { callSnippet, curlSnippet, generateSnippet } from './curl'
import { diffSentences, growthText, metadataRows, specRows, tensorRows } from './diff-words'
import { texts } from './texts'

// The languages of a window need one.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))

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

it.each(Object.entries(texts))(
  'what a file tells has a name of its own in each language: %s',
  (_, { about, metadata }) => {
    // Both spellings are one fact.
    const { licence: _licence, ...named } = metadata
    const names = Object.values(named)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
    // The others stand among the facts with a row of their own.
    const { parameters, opset, producer, producerVersion, license, ...others } = named
    const rows = Object.values<string>(about)
    expect(Object.values(others).filter((name) => rows.includes(name))).toEqual([])
  },
)

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
  })

  it('lays two signatures side by side, also what is the same, and names every tensor that differs', () => {
    const text = 'float32[1, 576]'
    expect(specRows([spec()], [spec(), spec({ name: 'y' })])).toEqual([
      { name: 'x', change: 'same', from: text, to: text },
      { name: 'y', change: 'added', from: '', to: text },
    ])
    const tensor = (name: string, ...shape: number[]) => ({ name, dtype: 'float32', shape })
    const tensors = {
      added: [tensor('a', 1)],
      removed: [tensor('b', 2)],
      reshaped: [{ name: 'c', from: tensor('c', 1, 2), to: tensor('c', 2, 1) }],
      unchanged: 5,
    }
    expect(tensorRows(diff({ tensors })).map(({ name, change, to }) => [name, change, to])).toEqual([
      ['a', 'added', 'float32[1]'],
      ['b', 'removed', ''],
      ['c', 'changed', 'float32[2, 1]'],
    ])
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
    expect(growthText(2_330_000, 2_330_008)).toBeNull()
    expect(growthText(5, 5)).toBeNull()
    expect(growthText(0, 5)).toBeNull()
  })
})

describe('callSnippet', () => {
  it('asks a language model for a text, and gives any other inputs', () => {
    const signature = { inputs: [], outputs: [] }
    const story = { format: 'gguf', metadata: {}, signature } as const
    expect(callSnippet('http://h', 'story@1', story)).toContain('"kind":"generate"')
    expect(callSnippet('http://h', 'net@1', { ...story, format: 'onnx' })).toContain('"kind":"infer"')
  })
})

describe('generateSnippet', () => {
  it('asks a model that chats, and has another go on from a text', () => {
    expect(generateSnippet('http://h/api', 'story@1', false)).toContain(
      `-d '{"kind":"generate","model":"story@1","prompt":"Once upon a time","maxTokens":256}'`,
    )
    expect(generateSnippet('http://h', 'story@1', true)).toContain('"messages":[{"role":"user"')
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

describe('benchmarks', () => {
  const bench = (version: number, threads: number, p50: number, device = 'cpu-0'): VersionBenchmark => ({
    job: `j-${version}-${threads}-${p50}`,
    version,
    at: '2026-01-01T00:00:00.000Z',
    device,
    threads,
    iterations: 10,
    latencyMs: { p50, p95: p50, p99: p50, mean: p50 },
    throughput: 1,
  })
  const all = [bench(2, 1, 5), bench(1, 4, 2), bench(1, 1, 7), bench(2, 1, 9), bench(2, 4, 1, 'gpu-0')]

  it('are compared only within one device and number of threads, the most complete first', () => {
    expect(setupsOf(all)).toEqual([
      { device: 'cpu-0', threads: 1 },
      { device: 'cpu-0', threads: 4 },
      { device: 'gpu-0', threads: 4 },
    ])
  })

  it('count the newest of each version', () => {
    const newest = newestByVersion(all, { device: 'cpu-0', threads: 1 })
    expect(newest.map(({ version, latencyMs }) => [version, latencyMs.p50])).toEqual([
      [1, 7],
      [2, 5],
    ])
  })
})

describe('changesSince', () => {
  const version = (changes: Partial<ModelVersion>): ModelVersion => ({
    model: 'net',
    version: 1,
    digest: 'd',
    sizeBytes: 1000,
    format: 'onnx',
    framework: '',
    signature: { inputs: [spec()], outputs: [] },
    files: [],
    metadata: { parameters: 100 },
    lineage: { source: '', import: null, models: [], datasets: [], job: null },
    findings: [],
    aliases: [],
    tensorCount: 0,
    notes: '',
    tags: [],
    architecture: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    createdBy: 'p',
    ...changes,
  })
  const keys = (changes: Partial<ModelVersion>) =>
    changesSince(version({}), version(changes)).map(({ key }) => key)

  it('says nothing of the first version, and that another has the same size', () => {
    expect(changesSince(undefined, version({}))).toEqual([])
    expect(keys({})).toEqual(['sameSize'])
  })

  it('names what matters first, and does not mind the order of inputs', () => {
    expect(
      keys({
        format: 'gguf',
        sizeBytes: 2000,
        metadata: { parameters: 50 },
        signature: { inputs: [], outputs: [] },
      }),
    ).toEqual(['format', 'signature', 'parameters', 'size'])
    const two = { inputs: [spec({ name: 'a' }), spec({ name: 'b' })], outputs: [] }
    const turned = { inputs: [...two.inputs].reverse(), outputs: [] }
    expect(changesSince(version({ signature: two }), version({ signature: turned, sizeBytes: 900 }))).toEqual(
      [{ key: 'size', values: { amount: '−100 B' } }],
    )
  })
})

it('keeps both ends of a digest', () => {
  expect(shortDigest(`2623a295${'0'.repeat(52)}91cb`)).toBe('2623a295…91cb')
})
