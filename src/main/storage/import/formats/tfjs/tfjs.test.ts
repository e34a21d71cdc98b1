import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterAll, describe, expect, it } from 'vitest'
import { FIXTURES } from '../../../testing/fixtures'
import { scratch } from '../../../testing/scratch'
import { type Inspection, inspect } from '../../inspect'

const root = mkdtempSync(join(tmpdir(), 'llmagentos-tfjs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let serial = 0
function folderWith(model: unknown, shards: Record<string, number> = { 'w.bin': 16 }): string {
  const folder = join(root, String(serial++))
  mkdirSync(folder)
  writeFileSync(join(folder, 'model.json'), typeof model === 'string' ? model : JSON.stringify(model))
  for (const [name, size] of Object.entries(shards)) writeFileSync(join(folder, name), Buffer.alloc(size))
  return folder
}

const MANIFEST = [{ paths: ['w.bin'], weights: [{ name: 'w', shape: [4], dtype: 'float32' }] }]

function graph(change: Record<string, unknown> = {}): Record<string, unknown> {
  const node = [
    {
      name: 'x',
      op: 'Placeholder',
      attr: { dtype: { type: 'DT_INT64' }, shape: { shape: { dim: [{ size: '-1' }, { size: 3 }] } } },
    },
    { name: 'w', op: 'Const', attr: { dtype: { type: 'DT_FLOAT' } } },
    { name: 'y', op: 'AddV2', input: ['x', 'w', '^x'], attr: { T: { type: 'DT_FLOAT' } } },
  ]
  return { format: 'graph-model', modelTopology: { node }, weightsManifest: MANIFEST, ...change }
}

async function readable(path: string): Promise<Extract<Inspection, { outcome: 'readable' }>> {
  const inspection = await inspect({ kind: 'path', path }, scratch())
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

async function rejection(path: string): Promise<{ code: string; message: string; file: string }> {
  const inspection = await inspect({ kind: 'path', path }, scratch())
  if (inspection.outcome !== 'rejected') throw new Error('it was accepted')
  return inspection.findings[0]!
}

describe('reading TensorFlow.js models', () => {
  it('reads a real graph model by its signature', async () => {
    const inspection = await readable(join(FIXTURES, 'basic-pitch'))
    expect(inspection.format).toBe('tfjs-graph')
    expect(inspection.signature).toEqual({
      inputs: [{ name: 'input_2', dtype: 'float32', shape: [null, 43844, 1] }],
      outputs: [
        { name: 'contour', dtype: 'float32', shape: [null, 172, 264] },
        { name: 'Identity_1:0', dtype: 'float32', shape: [null, 172, 88] },
        { name: 'Identity_2:0', dtype: 'float32', shape: [null, 172, 88] },
      ],
    })
    expect(inspection.files.map((file) => file.path)).toEqual(['model.json', 'group1-shard1of1.bin'])
  })

  it('without a signature takes placeholders and the nodes nobody consumes', async () => {
    expect((await readable(folderWith(graph()))).signature).toEqual({
      inputs: [{ name: 'x', dtype: 'int32', shape: [null, 3] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: [null] }],
    })
  })

  it('gives the same when the person chose model.json itself', async () => {
    const folder = folderWith(graph(), { 'w.bin': 16, 'secret.txt': 5 })
    const byFile = await readable(join(folder, 'model.json'))
    expect(byFile.files.map((file) => file.path)).toEqual(['model.json', 'w.bin'])
    expect(byFile.findings).toEqual([])
  })

  it('reads layers models: a stack', async () => {
    const layers = [
      {
        class_name: 'Dense',
        config: { name: 'dense', units: 8, batch_input_shape: [null, 4], dtype: 'float32' },
      },
      { class_name: 'Dropout', config: { name: 'drop' } },
      { class_name: 'Dense', config: { name: 'out', units: 3 } },
    ]
    for (const config of [layers, { name: 's', layers }]) {
      const model = {
        modelTopology: { model_config: { class_name: 'Sequential', config } },
        weightsManifest: MANIFEST,
      }
      const inspection = await readable(folderWith(model))
      expect(inspection.format).toBe('tfjs-layers')
      expect(inspection.signature).toEqual({
        inputs: [{ name: 'dense_input', dtype: 'float32', shape: [null, 4] }],
        outputs: [{ name: 'out', dtype: 'float32', shape: [null, 3] }],
      })
    }
  })

  it('gives layers models the names and shapes that TensorFlow.js gives them', async () => {
    const small = tf.sequential({
      layers: [
        tf.layers.dense({ units: 5, inputShape: [4], name: 'first' }),
        tf.layers.dropout({ rate: 0.5 }),
        tf.layers.reshape({ targetShape: [5, 1] }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2, name: 'last' }),
      ],
    })
    const a = tf.input({ shape: [3], name: 'a' })
    const b = tf.input({ shape: [3], name: 'b', dtype: 'int32' })
    const joined = tf.layers.add({ name: 'joined' }).apply([a, b])
    const wide = tf.model({ inputs: [a, b], outputs: joined as tf.SymbolicTensor })
    // A stack has no names before it is built.
    small.build()
    for (const model of [small, wide]) {
      let saved: tf.io.ModelArtifacts | undefined
      await model.save(
        tf.io.withSaveHandler(async (artifacts) => {
          saved = artifacts
          return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
        }),
      )
      const { modelTopology, weightSpecs = [], weightData } = saved ?? {}
      const weightsManifest = [{ paths: ['w.bin'], weights: weightSpecs }]
      const sizeBytes = weightData instanceof ArrayBuffer ? weightData.byteLength : 0
      const { signature } = await readable(
        folderWith({ format: 'layers-model', modelTopology, weightsManifest }, { 'w.bin': sizeBytes }),
      )
      expect(signature.inputs).toEqual(
        model.inputs.map((input, i) => ({
          name: model.inputNames[i],
          dtype: input.dtype,
          shape: input.shape,
        })),
      )
      expect(signature.outputs.map((output) => output.name)).toEqual(model.outputNames)
    }
  })

  it('reads layers models: a graph of layers', async () => {
    const config = {
      layers: [
        { name: 'a', class_name: 'InputLayer', config: { batch_input_shape: [null, 2], dtype: 'int32' } },
        { name: 'b', class_name: 'Embedding', config: {} },
      ],
      input_layers: [['a', 0, 0]],
      output_layers: [['b', 0, 0]],
    }
    const model = {
      format: 'layers-model',
      modelTopology: { class_name: 'Model', config },
      weightsManifest: MANIFEST,
    }
    expect((await readable(folderWith(model))).signature).toEqual({
      inputs: [{ name: 'a', dtype: 'int32', shape: [null, 2] }],
      outputs: [{ name: 'b', dtype: 'float32', shape: [null] }],
    })
  })

  it('warns when it cannot tell the inputs', async () => {
    const model = {
      format: 'layers-model',
      modelTopology: { class_name: 'Model', config: {} },
      weightsManifest: MANIFEST,
    }
    expect((await readable(folderWith(model))).findings).toMatchObject([
      { severity: 'warn', code: 'storage.no_signature' },
    ])
  })

  it('counts quantized weights by what lies in the shard', async () => {
    const quantization = { dtype: 'uint8', scale: 0.1, min: 0 }
    const manifest = [
      { paths: ['w.bin'], weights: [{ name: 'w', shape: [4, 4], dtype: 'float32', quantization }] },
    ]
    const { metadata } = await readable(folderWith(graph({ weightsManifest: manifest })))
    expect(metadata).toMatchObject({ parameters: 16, precision: 'uint8' })
  })

  it('takes README and LICENSE along and says what it left out', async () => {
    const folder = folderWith(graph(), { 'w.bin': 16, 'README.md': 3, LICENSE: 4, 'photo.raw': 10 })
    mkdirSync(join(folder, 'src'))
    writeFileSync(join(folder, 'src', 'train.py'), 'x')
    const inspection = await readable(folder)
    expect(inspection.files.map((file) => file.path)).toEqual(['model.json', 'LICENSE', 'README.md', 'w.bin'])
    expect(inspection.findings.map((finding) => [finding.severity, finding.file])).toEqual([
      ['info', 'photo.raw'],
      ['info', 'src/train.py'],
    ])
  })

  it.each([
    ['a missing shard', graph(), {}, 'storage.incomplete'],
    ['a shard too short', graph(), { 'w.bin': 15 }, 'storage.incomplete'],
    ['a shard too long', graph(), { 'w.bin': 17 }, 'storage.incomplete'],
    ['no manifest', graph({ weightsManifest: undefined }), {}, 'storage.incomplete'],
    ['JSON cut short', JSON.stringify(graph()).slice(0, 100), {}, 'storage.unknown_format'],
    ['other JSON', { hello: 'world' }, {}, 'storage.unknown_format'],
    ['an unknown format', graph({ format: 'tomorrow' }), {}, 'storage.unknown_format'],
    [
      'a shard above the folder',
      graph({ weightsManifest: [{ paths: ['../w.bin'], weights: [] }] }),
      {},
      'storage.unsafe',
    ],
    [
      'a shard from the network',
      graph({ weightsManifest: [{ paths: ['https://example.com/w'], weights: [] }] }),
      {},
      'storage.unsafe',
    ],
    [
      'weights without end',
      graph({ weightsManifest: [{ paths: ['w.bin'], weights: [{ shape: [1e9, 1e9], dtype: 'float32' }] }] }),
      { 'w.bin': 16 },
      'storage.unreadable',
    ],
    [
      'a negative shape',
      graph({ weightsManifest: [{ paths: ['w.bin'], weights: [{ shape: [-4], dtype: 'float32' }] }] }),
      { 'w.bin': 16 },
      'storage.unreadable',
    ],
    [
      'an unknown type',
      graph({ weightsManifest: [{ paths: ['w.bin'], weights: [{ shape: [4], dtype: 'toString' }] }] }),
      { 'w.bin': 16 },
      'storage.unreadable',
    ],
  ] as const)('refuses %s', async (_, model, shards, code) => {
    const found = await rejection(folderWith(model, shards))
    // A folder's only candidate that cannot be read says why itself.
    if (typeof model === 'string') expect(found.message).toContain('damaged JSON')
    else expect(found.code).toBe(code)
  })

  it('refuses a folder without a model, an empty one, and one with two models', async () => {
    const empty = join(root, 'empty')
    mkdirSync(empty)
    expect((await rejection(empty)).message).toContain('holds no files')
    writeFileSync(join(empty, 'w.bin'), 'x')
    expect(await rejection(empty)).toMatchObject({
      code: 'storage.unknown_format',
      message: expect.stringContaining('model.json'),
    })
    const two = join(root, 'two')
    mkdirSync(two)
    cpSync(join(FIXTURES, 'mnist_cnn.onnx'), join(two, 'a.onnx'))
    cpSync(join(FIXTURES, 'mnist_cnn.onnx'), join(two, 'b.onnx'))
    expect((await rejection(two)).message).toContain('"a.onnx", "b.onnx"')
  })
})
