import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Tensor, Tensors } from '../../../shared/domain/tensor'
import { toJsonTensor } from '../../../shared/domain/tensor-codec'
import { bytesOf } from '../../../shared/domain/tensor-elements'
import { conformance, tensorSubject } from '../../runtimes/testing/conformance'
import {
  basicPitch,
  batchOf,
  blazeface,
  digits,
  engineId,
  floats,
  hooks,
  mnist,
  ocr,
  ramp,
  silero,
  valuesOf,
  versionAt,
} from '../../runtimes/testing/fixtures'
import { externalModel, identityModel } from '../../runtimes/testing/tiny-onnx'
import type { LoadableVersion, LocalExecutor, RunRequest } from '.'
import { startExecutor } from './testing/start-executor'

let started: Awaited<ReturnType<typeof startExecutor>>
let executor: LocalExecutor
let folder: string
let layers: LoadableVersion

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models with spaces-'))
  layers = await layersModel(folder)
  started = await startExecutor()
  executor = started.executor
}, 60_000)
afterAll(async () => {
  await started.end()
  await rm(folder, { recursive: true, force: true })
})

const { signal } = new AbortController()

async function inferOnce(version: LoadableVersion, inputs: Tensors): Promise<Tensors> {
  const engine = engineId(await executor.load(version, { threads: 1, signal }))
  try {
    const outcome = await executor.run(engine, { kind: 'infer', inputs }, hooks())
    return outcome.kind === 'infer' ? outcome.outputs : {}
  } finally {
    await executor.unload(engine)
  }
}

const sine = (hertz: number): Tensor =>
  floats(
    Float32Array.from({ length: 43_844 }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / 22_050)),
    [1, 43_844, 1],
  )

/** Basic Pitch gives, for each of 172 frames, how likely each of 88 notes sounds; the first is MIDI 21. */
function loudestNote(notes: Float32Array): number {
  const sums = new Float64Array(88)
  notes.forEach((value, i) => {
    sums[i % 88] = (sums[i % 88] ?? 0) + value
  })
  return 21 + sums.indexOf(Math.max(...sums))
}

/** Which of the two outputs of 88 bins are the notes, and which the onsets, stands in the order of the model. */
const NOTES = 'Identity_1:0'

const onnx = tensorSubject({
  version: mnist,
  inputs: () => digits().items[0] ?? {},
  check: (outputs) => expect(valuesOf(outputs, 'probs')[0]).toBeCloseTo(digits().expected[0] ?? 0, 4),
  wrongDtype: () => ({
    inputs: { image: { dtype: 'uint8', shape: [1, 1, 28, 28], bytes: new Uint8Array(784) } },
    words: /"image" wants float32, got uint8 \[1, 1, 28, 28\]/,
  }),
  runs: 2000,
  growthBytes: 24 * 2 ** 20,
})
conformance('ONNX Runtime', () => executor, onnx)

const tfjs = tensorSubject({
  version: () => layers,
  inputs: () => ({ dense_input: floats([1, 2], [1, 2]) }),
  check: (outputs) => expect(valuesOf(outputs, 'dense')[0]).toBe(8.5),
  wrongDtype: () => ({
    inputs: { dense_input: { dtype: 'int32', shape: [1, 2], bytes: new Uint8Array(8) } },
    words: /"dense_input" wants float32, got int32 \[1, 2\]/,
  }),
  runs: 1000,
  growthBytes: 24 * 2 ** 20,
})
conformance('TensorFlow.js', () => executor, tfjs)

const synthetic = (change: object): RunRequest => ({
  ...{ kind: 'synthetic', durationMs: 0, busy: false, fail: null },
  ...change,
})
conformance('A synthetic load', () => executor, {
  version: () => null,
  request: () => synthetic({ durationMs: 5 }),
  check: (outcome) => expect(outcome).toMatchObject({ kind: 'synthetic' }),
  endless: () => synthetic({ durationMs: 600_000 }),
  misfits: () => [{ what: 'tensors', request: { kind: 'infer', inputs: {} }, words: /cannot do "run"/ }],
  load: () => synthetic({ durationMs: 200, busy: true }),
  growthBytes: 16 * 2 ** 20,
})

describe('real ONNX models', () => {
  it('silero hears what it should: int64 scalar, state, float32', async () => {
    const sr: Tensor = { dtype: 'int64', shape: [], bytes: bytesOf(BigInt64Array.of(16_000n)) }
    const state = floats(new Float32Array(256), [2, 1, 128])
    const outputs = await inferOnce(silero(), { input: ramp([1, 576]), state, sr })
    expect(valuesOf(outputs, 'output')[0]).toBeCloseTo(0.100131, 5)
    expect(outputs['stateN']?.shape).toEqual([2, 1, 128])
  })

  it('blazeface gives the sum of its first output', async () => {
    const [input, output] = ['input:0', 'Identity:0']
    const outputs = await inferOnce(blazeface(), { [input]: ramp([1, 128, 128, 3]) })
    expect(valuesOf(outputs, output).reduce((sum, value) => sum + value, 0)).toBeCloseTo(-1800.853, 2)
  })

  it('the OCR classifier tells the direction of text', async () => {
    const outputs = await inferOnce(ocr(), { x: ramp([1, 3, 48, 192]) })
    const [up, down] = valuesOf(outputs, Object.keys(outputs)[0] ?? '')
    expect(up).toBeCloseTo(0.04796, 4)
    expect(down).toBeCloseTo(0.95204, 4)
  })

  it.each([1, 7, 64])('a hundred digits in a batch of %i together', async (batchSize) => {
    const { items, expected } = digits()
    const engine = engineId(await executor.load(mnist(), { threads: 1, signal }))
    const seen = hooks()
    await executor.run(engine, batchOf(items, batchSize), seen)
    const got = seen.items.flatMap((outputs) => [...valuesOf(outputs, 'probs')])
    expect(got).toHaveLength(1000)
    const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? 0))), 0)
    expect(worst).toBeLessThan(1e-4)
    expect(seen.progress.at(-1)).toBe(1)
    await executor.unload(engine)
  })

  it('a model with its weights in another file, by the names it knows them by', async () => {
    const size = 5000
    const blobs = {
      'model.onnx': externalModel('weights/w.bin', size),
      'weights/w.bin': bytesOf(new Float32Array(size).fill(10)),
    }
    // Blobs have no names of their own.
    const files = await Promise.all(
      Object.entries(blobs).map(async ([path, bytes], i) => {
        const absolutePath = join(folder, `blob${i}`)
        await writeFile(absolutePath, bytes)
        return { path, absolutePath, sizeBytes: bytes.byteLength }
      }),
    )
    const version = { ...mnist(), files }
    const engine = engineId(await executor.load(version, { threads: 1, signal }))
    const x = floats(
      Float32Array.from({ length: size }, (_, i) => i),
      [size],
    )
    const seen = hooks()
    await executor.run(engine, batchOf(new Array<Tensors>(200).fill({ x })), seen)
    const wrong = seen.items.filter((outputs) => valuesOf(outputs, 'y').some((value, i) => value !== i + 10))
    expect(wrong).toEqual([])
    await executor.unload(engine)
  })

  const samples: Tensor[] = [
    { dtype: 'float64', shape: [2], bytes: bytesOf(Float64Array.of(Math.PI, Number.NaN)) },
    { dtype: 'float16', shape: [3], bytes: bytesOf(Uint16Array.of(0x3c00, 0x7c00, 1)) },
    { dtype: 'int8', shape: [1, 2], bytes: bytesOf(Int8Array.of(-128, 127)) },
    { dtype: 'uint8', shape: [2], bytes: Uint8Array.of(0, 255) },
    { dtype: 'int16', shape: [1], bytes: bytesOf(Int16Array.of(-32768)) },
    { dtype: 'int32', shape: [], bytes: bytesOf(Int32Array.of(-(2 ** 31))) },
    { dtype: 'int64', shape: [2], bytes: bytesOf(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)) },
    { dtype: 'bool', shape: [3], bytes: Uint8Array.of(1, 0, 1) },
    { dtype: 'string', shape: [2], strings: ['', 'Zoë 🙂'] },
  ]
  it.each(samples.map((x) => [x.dtype, x] as const))(
    '%s goes in and comes out as it was',
    async (dtype, x) => {
      await writeFile(join(folder, `${dtype}.onnx`), identityModel(dtype, x.shape))
      const outputs = await inferOnce(versionAt(folder, 'onnx', [`${dtype}.onnx`]), { x })
      expect(toJsonTensor(outputs['y'] ?? x)).toEqual(toJsonTensor(x))
      expect(Object.keys(outputs)).toEqual(['y'])
    },
  )

  it("says in the runtime's words, and with no path of this machine, why a file is no model", async () => {
    const path = join(folder, 'broken.onnx')
    await writeFile(path, 'this is no model')
    const load = executor.load(versionAt(folder, 'onnx', ['broken.onnx']), { threads: 1, signal })
    await expect(load).rejects.toMatchObject({
      code: 'compute.runtime_failed',
      message: expect.stringMatching(/^ONNX Runtime says: .*broken\.onnx.*protobuf/i),
    })
    await expect(load).rejects.not.toThrow(folder)
    expect(executor.engines()).toEqual([])
  })

  it("says in the runtime's words which size is wrong", async () => {
    const wrong = inferOnce(mnist(), { image: ramp([1, 1, 28, 27]) })
    await expect(wrong).rejects.toMatchObject({
      code: 'compute.runtime_failed',
      message: expect.stringMatching(/ONNX Runtime says: .*image/s),
    })
  })
})

describe('TensorFlow.js models', () => {
  it('a graph takes its inputs by the name of the signature, of the node, and with a port', async () => {
    const engine = engineId(await executor.load(basicPitch(), { threads: 1, signal }))
    for (const name of ['input_2', 'input_2:0']) {
      const outcome = await executor.run(engine, { kind: 'infer', inputs: { [name]: sine(880) } }, hooks())
      if (outcome.kind !== 'infer') throw new Error('another kind')
      expect(Object.keys(outcome.outputs).sort()).toEqual(['Identity_1:0', 'Identity_2:0', 'contour'])
    }
    await executor.unload(engine)
  })

  it.each([
    [440, 69],
    [880, 81],
  ])('Basic Pitch hears %i Hz as MIDI note %i', async (hertz, note) => {
    const outputs = await inferOnce(basicPitch(), { input_2: sine(hertz) })
    expect(loudestNote(valuesOf(outputs, NOTES))).toBe(note)
  })

  it('a layers model, alone and stacked', async () => {
    const engine = engineId(await executor.load(layers, { threads: 1, signal }))
    const items = Array.from({ length: 9 }, (_, i) => ({ dense_input: floats([i, 1], [1, 2]) }))
    for (const batchSize of [1, 4]) {
      const seen = hooks()
      await executor.run(engine, batchOf(items, batchSize, 2), seen)
      expect(seen.items.map((outputs) => valuesOf(outputs, 'dense')[0])).toEqual(
        [2, 3, 4, 5, 6, 7, 8].map((i) => 2 * i + 3.5),
      )
      expect(seen.starts[0]).toBe(2)
    }
    await executor.unload(engine)
  })

  it('a graph in thousands of shards, of which the worker is told what it needs', async () => {
    const version = await manyShards(folder, 4000)
    const outputs = await inferOnce(version, { input_2: sine(440) })
    expect(loudestNote(valuesOf(outputs, NOTES))).toBe(69)
  })

  it('of which no worker can be told all names fails alone, with a sentence', async () => {
    const version = basicPitch()
    const file = { path: 'x'.repeat(250), absolutePath: 'y'.repeat(250), sizeBytes: 1 }
    const files = [...version.files, ...new Array<typeof file>(4000).fill(file)]
    await expect(executor.load({ ...version, files }, { threads: 1, signal })).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringContaining('fewer files'),
    })
    expect(executor.engines()).toEqual([])
  })

  it('says which shard is missing', async () => {
    const version = basicPitch()
    const files = version.files.filter((file) => file.path.endsWith('.json'))
    await expect(executor.load({ ...version, files }, { threads: 1, signal })).rejects.toMatchObject({
      code: 'compute.runtime_failed',
      message: expect.stringContaining('group1-shard1of1.bin'),
    })
  })
})

/** Basic Pitch with its weights in so many files, each of which has all that the store knows of it. */
async function manyShards(root: string, count: number): Promise<LoadableVersion> {
  const [weights, main] = basicPitch().files
  if (!weights || !main) throw new Error('the fixture is gone')
  const bytes = await readFile(weights.absolutePath)
  const model = JSON.parse(await readFile(main.absolutePath, 'utf8'))
  const each = Math.ceil(bytes.length / count)
  const paths = Array.from({ length: count }, (_, i) => `shard-${'of-a-long-name-'.repeat(3)}${i}.bin`)
  await Promise.all(
    paths.map((path, i) => writeFile(join(root, path), bytes.subarray(i * each, (i + 1) * each))),
  )
  model.weightsManifest[0].paths = paths
  await writeFile(join(root, 'sharded.json'), JSON.stringify(model))
  const version = versionAt(root, 'tfjs-graph', ['sharded.json', ...paths])
  const files = version.files.map((file) => ({ ...file, digest: 'f'.repeat(64) }))
  return { ...version, files }
}

/** y = 2 a + 3 b + 0.5 */
async function layersModel(root: string): Promise<LoadableVersion> {
  const config = {
    name: 'sequential',
    layers: [
      {
        class_name: 'InputLayer',
        config: { batch_input_shape: [null, 2], dtype: 'float32', name: 'dense_input' },
      },
      { class_name: 'Dense', config: { name: 'dense', units: 1, activation: 'linear', use_bias: true } },
    ],
  }
  const model = {
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config, keras_version: '2.15.0', backend: 'tensorflow' },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: [
          { name: 'dense/kernel', shape: [2, 1], dtype: 'float32' },
          { name: 'dense/bias', shape: [1], dtype: 'float32' },
        ],
      },
    ],
  }
  await writeFile(join(root, 'model.json'), JSON.stringify(model))
  await writeFile(join(root, 'weights.bin'), bytesOf(Float32Array.of(2, 3, 0.5)))
  return versionAt(root, 'tfjs-layers', ['model.json', 'weights.bin'])
}
