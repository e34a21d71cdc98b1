import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { Builder } from 'flatbuffers'
import { afterAll, describe, expect, it } from 'vitest'
import { FIXTURES } from '../../testing/fixtures'
import { bytes, type Field, message, number } from '../../testing/onnx-builder'
import { scratch } from '../../testing/scratch'
import { zip } from '../../testing/zip-builder'
import { type Inspection, inspect } from '../inspect'

const root = mkdtempSync(join(tmpdir(), 'llmagentos-tensorflow-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let serial = 0
function inspected(content: Uint8Array, extension: string): Promise<Inspection> {
  const path = join(root, `${serial++}.${extension}`)
  writeFileSync(path, content)
  return inspect({ kind: 'path', path }, scratch())
}

function folderOf(files: Record<string, Uint8Array | string>): Promise<Inspection> {
  const path = join(root, String(serial++))
  mkdirSync(path)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), content)
  }
  return inspect({ kind: 'path', path }, scratch())
}

function readable(inspection: Inspection): Extract<Inspection, { outcome: 'readable' }> {
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

function why(inspection: Inspection): string {
  if (inspection.outcome !== 'rejected') throw new Error('it was accepted')
  return inspection.findings.map((finding) => `${finding.code} ${finding.message}`).join(' ')
}

async function endsWell(good: Buffer, extension: string): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat({ max: good.length }),
      fc.boolean(),
      async (flips, cut, isCut) => {
        const damaged = Buffer.from(isCut ? good.subarray(0, cut) : good)
        for (const [at, byte] of flips) if (damaged.length > 0) damaged[at % damaged.length] = byte
        const inspection = await inspected(damaged, extension)
        if (inspection.outcome === 'rejected') expect(inspection.findings[0]?.message).toMatch(/\.$/)
      },
    ),
    { numRuns: 200 },
  )
}

describe('TensorFlow SavedModel', () => {
  const node = (op: string) => message(1, bytes(1, `n${op}`), bytes(2, op))
  const tensorInfo = (dtype: number, dims: number[]) =>
    message(
      2,
      number(2, dtype),
      message(3, ...dims.map((size) => message(2, number(1, BigInt.asUintN(64, BigInt(size)))))),
    )
  const signature = message(
    5,
    bytes(1, 'serving_default'),
    message(
      2,
      message(1, bytes(1, 'image'), tensorInfo(1, [-1, 28, 28])),
      message(2, bytes(1, 'digit'), tensorInfo(9, [-1])),
    ),
  )
  function savedModel(nodes: string[], inFunctions: string[] = [], more: Field[] = []): Buffer {
    const library = message(
      2,
      message(1, ...inFunctions.map((op) => message(3, bytes(1, 'f'), bytes(2, op)))),
    )
    const graph = message(
      2,
      message(1, bytes(4, 'serve'), bytes(5, '2.17.0')),
      message(2, ...nodes.map(node), ...(inFunctions.length > 0 ? [library] : [])),
      signature,
      ...more,
    )
    return Buffer.from([...number(1, 1), ...graph].flat())
  }

  it('is read with its serving signature, operators and variables', async () => {
    const files = {
      'saved_model.pb': savedModel(['VarHandleOp', 'MatMul', 'MatMul'], ['Relu', 'RestoreV2', 'SaveV2']),
      'variables/variables.index': 'x',
      'variables/variables.data-00000-of-00001': 'weights',
      'assets/words.txt': 'a',
      'notes.txt': 'left out',
    }
    const found = readable(await folderOf(files))
    expect(found).toMatchObject({
      format: 'savedmodel',
      signature: {
        inputs: [{ name: 'image', dtype: 'float32', shape: [null, 28, 28] }],
        outputs: [{ name: 'digit', dtype: 'int64', shape: [null] }],
      },
      metadata: { tensorflowVersion: '2.17.0', tags: ['serve'] },
    })
    expect(found.metadata['operators']).toContain('MatMul 2')
    expect(found.files.map((file) => file.path)).toEqual([
      'saved_model.pb',
      'assets/words.txt',
      'variables/variables.data-00000-of-00001',
      'variables/variables.index',
    ])
    const { 'variables/variables.data-00000-of-00001': gone, ...rest } = files
    expect(gone).toBeDefined()
    expect(why(await folderOf(rest))).toContain('storage.incomplete')
  })

  it.each(['ReadFile', 'WriteFile', 'PyFunc', 'EagerPyFunc', 'PrintV2', 'TFRecordDataset', 'RpcCall'])(
    'is refused with %s, also when only a function of its library calls it',
    async (op) => {
      expect(why(await folderOf({ 'saved_model.pb': savedModel(['MatMul', op]) }))).toContain(op)
      expect(why(await folderOf({ 'saved_model.pb': savedModel(['MatMul'], [op]) }))).toContain(
        'reaches beyond',
      )
    },
  )

  it('is refused with an asset that leaves its folder', async () => {
    const asset = message(6, bytes(2, '../../secret'))
    expect(why(await folderOf({ 'saved_model.pb': savedModel(['MatMul'], [], [asset]) }))).toContain(
      'leads out',
    )
  })

  it('ends on any damage', () => endsWell(savedModel(['MatMul', 'VarHandleOp'], ['Relu']), 'pb'))
})

describe('Keras', () => {
  const dense = {
    module: 'keras.layers',
    class_name: 'Dense',
    config: { name: 'd', units: 3 },
    registered_name: null,
  }
  const input = {
    module: 'keras.layers',
    class_name: 'InputLayer',
    config: { batch_shape: [null, 4], dtype: 'float32', name: 'x' },
  }
  const sequential = (...layers: object[]) => ({
    module: 'keras',
    class_name: 'Sequential',
    config: { name: 'net', layers: [input, ...layers] },
  })
  const keras = (config: object, weights = 'model.weights.h5') =>
    zip([
      { name: 'metadata.json', content: Buffer.from('{"keras_version":"3.12.0"}') },
      { name: 'config.json', content: Buffer.from(JSON.stringify(config)) },
      { name: weights, content: Buffer.from('\x89HDF\r\n\x1a\n', 'latin1') },
    ])
  const h5 = (config: object) =>
    Buffer.concat([
      Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'),
      Buffer.alloc(5_000_000),
      Buffer.from(JSON.stringify(config)),
      Buffer.alloc(100),
    ])

  it.each([
    ['keras', keras],
    ['keras-h5', h5],
  ])('%s: its signature is read from its configuration', async (format, build) => {
    const found = readable(await inspected(build(sequential(dense)), 'bin'))
    expect(found).toMatchObject({
      format,
      framework: 'Keras',
      title: 'net',
      signature: {
        inputs: [{ name: 'x', dtype: 'float32', shape: [null, 4] }],
        outputs: [{ name: 'd', dtype: 'float32', shape: [null, 3] }],
      },
    })
    expect(found.findings).toMatchObject([
      { severity: 'info', code: 'storage.no_tensors' },
      { severity: 'info', code: 'storage.no_runtime' },
    ])
  })

  const call = (module: string, name: string) => ({
    module: 'keras.layers',
    class_name: 'Dense',
    config: { activation: { module, class_name: 'function', config: name, registered_name: 'function' } },
  })
  it.each([
    ['a Lambda layer', { module: 'keras.layers', class_name: 'Lambda', config: {} }, 'Lambda'],
    [
      'a lambda within a wrapper',
      { class_name: 'TimeDistributed', config: { layer: { class_name: '__lambda__' } } },
      'Lambda',
    ],
    ['a function of another module (CVE-2025-1550)', call('os', 'system'), 'Python module "os"'],
    [
      'a function of Keras that downloads',
      call('keras.utils', 'get_file'),
      'calls a function of "keras.utils"',
    ],
    [
      'a layer that loads a program',
      { module: 'keras.layers', class_name: 'TFSMLayer', config: {} },
      'loads a program',
    ],
    [
      'a vocabulary in a file',
      { class_name: 'StringLookup', config: { vocabulary: '/etc/passwd' } },
      '/etc/passwd',
    ],
  ])('is refused with %s', async (_, layer, words) => {
    expect(why(await inspected(keras(sequential(dense, layer)), 'keras'))).toContain(words)
    expect(why(await inspected(h5(sequential(dense, layer)), 'h5'))).toContain(words)
  })

  it('warns of layers that Keras does not have, and takes activations for what they are', async () => {
    const custom = { module: 'keras.layers', class_name: 'Mine', config: {}, registered_name: 'acme>Mine' }
    expect(readable(await inspected(keras(sequential(custom)), 'keras')).findings[0]).toMatchObject({
      severity: 'warn',
      code: 'storage.custom_layers',
    })
    const activation = readable(
      await inspected(keras(sequential(call('keras.activations', 'relu'))), 'keras'),
    )
    expect(activation.findings.every((finding) => finding.severity === 'info')).toBe(true)
  })

  it('is refused without weights, or nested without end', async () => {
    expect(why(await inspected(keras(sequential(dense), 'other.bin'), 'keras'))).toContain('no weights')
    let nested: object = dense
    for (let i = 0; i < 100; i++) nested = { class_name: 'Wrapper', config: { layer: nested } }
    expect(why(await inspected(keras(sequential(nested)), 'keras'))).toContain('nested without end')
  })

  it('ends on any damage', async () => {
    await endsWell(keras(sequential(dense)), 'keras')
    await endsWell(readFileSync(join(FIXTURES, 'imports/keras/lambda.keras')), 'keras')
  })
})

/** A model of one fully connected operator: `x [1,4] -> y [1,2]`, with weights of eight values. */
function tflite(options: { version?: number; customCode?: string; inputIndex?: number } = {}): Buffer {
  const builder = new Builder()
  const vector = (values: number[]) => {
    builder.startVector(4, values.length, 4)
    for (const value of values.slice().reverse()) builder.addInt32(value)
    return builder.endVector()
  }
  const offsets = (places: number[]) => {
    builder.startVector(4, places.length, 4)
    for (const place of places.slice().reverse()) builder.addOffset(place)
    return builder.endVector()
  }
  const table = (size: number, fill: () => void) => {
    builder.startObject(size)
    fill()
    return builder.endObject()
  }
  const tensor = (name: string, shape: number[], buffer: number, open?: number[]) => {
    const [label, sizes, signature] = [builder.createString(name), vector(shape), open && vector(open)]
    return table(8, () => {
      builder.addFieldOffset(0, sizes, 0)
      builder.addFieldInt32(2, buffer, 0)
      builder.addFieldOffset(3, label, 0)
      if (signature) builder.addFieldOffset(7, signature, 0)
    })
  }
  const tensors = offsets([tensor('x', [1, 4], 0, [-1, 4]), tensor('w', [2, 4], 1), tensor('y', [1, 2], 0)])
  const inputs = vector([options.inputIndex ?? 0])
  const outputs = vector([2])
  const graph = table(5, () => {
    builder.addFieldOffset(0, tensors, 0)
    builder.addFieldOffset(1, inputs, 0)
    builder.addFieldOffset(2, outputs, 0)
  })
  const code = options.customCode === undefined ? 0 : builder.createString(options.customCode)
  const operator = table(4, () => {
    if (code) builder.addFieldOffset(1, code, 0)
  })
  const data = builder.createByteVector(new Uint8Array(32))
  const buffers = [table(1, () => undefined), table(1, () => builder.addFieldOffset(0, data, 0))]
  const [operators, graphs, all] = [offsets([operator]), offsets([graph]), offsets(buffers)]
  const model = table(8, () => {
    builder.addFieldInt32(0, options.version ?? 3, 0)
    builder.addFieldOffset(1, operators, 0)
    builder.addFieldOffset(2, graphs, 0)
    builder.addFieldOffset(4, all, 0)
  })
  builder.finish(model, 'TFL3')
  return Buffer.from(builder.asUint8Array())
}

describe('TensorFlow Lite', () => {
  it('is read with its inputs, outputs and weights', async () => {
    const found = readable(await inspected(tflite(), 'bin'))
    expect(found).toMatchObject({
      format: 'tflite',
      signature: {
        inputs: [{ name: 'x', dtype: 'float32', shape: [null, 4] }],
        outputs: [{ name: 'y', dtype: 'float32', shape: [1, 2] }],
      },
      metadata: { parameters: 8, precision: 'float32' },
      tensors: [{ name: 'w', dtype: 'float32', shape: [2, 4] }],
    })
    const custom = readable(await inspected(tflite({ customCode: 'FlexMine' }), 'tflite'))
    expect(custom.findings[0]).toMatchObject({ severity: 'warn', code: 'storage.custom_operators' })
  })

  it('refuses what only begins as one, and indices that name nothing', async () => {
    const bare = Buffer.from([8, 0, 0, 0, ...Buffer.from('TFL3')])
    expect(why(await inspected(bare, 'tflite'))).toContain('lies outside the file')
    expect(why(await inspected(Buffer.concat([bare, Buffer.alloc(64, 0xff)]), 'tflite'))).toContain('damaged')
    expect(why(await inspected(tflite({ version: 9 }), 'tflite'))).toContain('version is not 3')
    expect(why(await inspected(tflite({ inputIndex: 77 }), 'tflite'))).toContain('an index names nothing')
  })

  it('ends on any damage to a sound model', () => endsWell(tflite(), 'tflite'))

  it('ends on any bytes', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 4, maxLength: 200 }), async (noise) => {
        const content = Buffer.concat([
          Buffer.from(noise.subarray(0, 4)),
          Buffer.from('TFL3'),
          Buffer.from(noise),
        ])
        expect(['rejected', 'readable']).toContain((await inspected(content, 'tflite')).outcome)
      }),
      { numRuns: 300 },
    ))
})
