import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { floats, valuesOf } from '../testing/fixtures'
import { TfjsModel } from './models'
import { type SavedModels, savedModel } from './saved-model'

// The native library cannot be had everywhere: this one keeps to what its own sources say of these two functions.
let blobs: string
let seen: { folder: string; graph: string; variables: string; tags: string[]; signature: string } | null =
  null
beforeAll(async () => {
  await tf.setBackend('cpu')
  blobs = await mkdtemp(join(tmpdir(), 'blobs-'))
  await writeFile(join(blobs, 'a1'), 'graph')
  await writeFile(join(blobs, 'b2'), 'weights')
})
afterAll(() => rm(blobs, { recursive: true }))

const files = () => [
  { path: 'net/saved_model.pb', absolutePath: join(blobs, 'a1') },
  { path: 'net/variables/variables.data', absolutePath: join(blobs, 'b2') },
]
const library = (signatures: string[]): SavedModels => ({
  async getMetaGraphsFromSavedModel() {
    const inputs = { a: { dtype: 'float32' }, b: { dtype: 'float32' } }
    return [
      { tags: ['serve'], signatureDefs: Object.fromEntries(signatures.map((name) => [name, { inputs }])) },
    ]
  },
  async loadSavedModel(folder, tags, signature) {
    const graph = await readFile(join(folder, 'saved_model.pb'), 'utf8')
    const variables = await readFile(join(folder, 'variables', 'variables.data'), 'utf8')
    seen = { folder, graph, variables, tags, signature }
    return { predict: ({ a, b }) => ({ sum: tf.add(a ?? 0, b ?? 0) }) }
  },
})

describe('a SavedModel', () => {
  it('lies under its own names while it is loaded, and runs by the names of its signature', async () => {
    const model = new TfjsModel(
      await savedModel(files(), library(['__saved_model_init_op', 'serving_default'])),
    )
    expect(seen).toMatchObject({
      graph: 'graph',
      variables: 'weights',
      tags: ['serve'],
      signature: 'serving_default',
    })
    expect(existsSync(seen?.folder ?? '')).toBe(false)
    const before = tf.memory().numTensors
    const outputs = await model.run({ a: floats([1, 2], [2]), b: floats([3, 4], [2]) })
    expect([...valuesOf(outputs, 'sum')]).toEqual([4, 6])
    expect(tf.memory().numTensors).toBe(before)
    await expect(model.run({ a: floats([1], [1]) })).rejects.toThrow('"b" is missing')
  })

  it('is refused without a graph, without a signature, and when a file leaves it', async () => {
    await expect(savedModel(files().slice(1), library(['x']))).rejects.toThrow('no saved_model.pb')
    await expect(savedModel(files(), library(['__init']))).rejects.toThrow('no signature')
    const outside = { path: 'net/../../out', absolutePath: join(blobs, 'b2') }
    await expect(savedModel([...files(), outside], library(['x']))).rejects.toThrow('leaves the model')
  })
})
