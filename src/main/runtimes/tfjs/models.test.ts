import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Tensor } from '../../../shared/domain/tensor'
import { bytesOf } from '../../../shared/domain/tensor-elements'
import { floats } from '../testing/fixtures'
import { graphModel, layersModel, TfjsModel } from './models'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

const shape = (...sizes: number[]) => ({ shape: { dim: sizes.map((size) => ({ size: String(size) })) } })

/** `sum = x + w` and `w` itself, with `w` = [10, 20]. */
async function graph(signature?: object): Promise<TfjsModel> {
  const float = { type: 'DT_FLOAT' }
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: float, shape: shape(-1, 2) } },
    { name: 'w', op: 'Const', attr: { dtype: float } },
    { name: 'sum', op: 'AddV2', input: ['x', 'w'], attr: { T: float } },
    { name: 'copy', op: 'Identity', input: ['w'], attr: { T: float } },
  ]
  const model = await tf.loadGraphModel({
    load: async () => ({
      modelTopology: { node, library: {}, versions: {} },
      format: 'graph-model',
      weightSpecs: [{ name: 'w', shape: [2], dtype: 'float32' }],
      weightData: Float32Array.of(10, 20).buffer,
      ...(signature ? { signature } : {}),
    }),
  })
  return new TfjsModel(graphModel(model))
}

const numbers = (tensor: Tensor | undefined) =>
  tensor && tensor.dtype !== 'string' ? [...new Float32Array(tensor.bytes.slice().buffer)] : null

describe('graph models', () => {
  it('without a signature go by the names of their nodes', async () => {
    const model = await graph()
    const outputs = await model.run({ x: floats([1, 2], [1, 2]) })
    expect(Object.keys(outputs).sort()).toEqual(['copy', 'sum'])
    expect(numbers(outputs['sum'])).toEqual([11, 22])
    expect(model.stackable).toBe(true)
  })

  it('go by the names of their signature, and take those of the nodes too', async () => {
    const model = await graph({
      inputs: { image: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: shape(-1, 2).shape } },
      outputs: { total: { name: 'sum:0', dtype: 'DT_FLOAT' } },
    })
    for (const name of ['image', 'image:0', 'x', 'x:0']) {
      const outputs = await model.run({ [name]: floats([1, 2], [1, 2]) })
      expect(Object.keys(outputs)).toEqual(['total'])
    }
    await expect(model.run({ toString: floats([1, 2], [1, 2]) })).rejects.toThrow(
      'The model has no input "toString": it has "image".',
    )
    await expect(model.run({})).rejects.toThrow('Input "image" is missing')
  })

  it('keep their constants when they give them out, and no tensor of a run', async () => {
    const model = await graph({
      inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT' } },
      outputs: { sum: { name: 'sum:0' }, weights: { name: 'w:0' }, same: { name: 'x:0' } },
    })
    const x = floats([1, 2], [1, 2])
    await model.run({ x })
    const before = tf.memory().numTensors
    for (let i = 0; i < 1000; i++) await model.run({ x })
    expect(tf.memory().numTensors).toBe(before)
    const outputs = await model.run({ x })
    expect(numbers(outputs['weights'])).toEqual([10, 20])
    expect(numbers(outputs['same'])).toEqual([1, 2])
  })

  it('keep no tensor of a run that fails', async () => {
    const model = await graph()
    const before = tf.memory().numTensors
    await expect(model.run({ x: floats([1, 2, 3], [1, 3]) })).rejects.toThrow()
    await expect(
      model.run({ x: { dtype: 'int32', shape: [1, 2], bytes: new Uint8Array(8) } }),
    ).rejects.toThrow('Input "x" wants float32, got int32 [1, 2].')
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('layers models', () => {
  it('keep no tensor of a run', async () => {
    const sequential = tf.sequential({
      layers: [tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'ones', name: 'd' })],
    })
    const model = new TfjsModel(layersModel(sequential))
    const input = { d_input: floats([3, 4], [1, 2]) }
    expect(numbers((await model.run(input))['d'])).toEqual([7])
    const before = tf.memory().numTensors
    for (let i = 0; i < 1000; i++) await model.run(input)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('types that TensorFlow.js does not have', () => {
  const sum = async (x: Tensor) => numbers((await (await graph()).run({ x }))['sum'])

  it('float64 and float16 become float32', async () => {
    const wide: Tensor = { dtype: 'float64', shape: [1, 2], bytes: bytesOf(Float64Array.of(0.5, 1)) }
    expect(await sum(wide)).toEqual([10.5, 21])
    const half: Tensor = { dtype: 'float16', shape: [1, 2], bytes: bytesOf(Uint16Array.of(0x3c00, 0x4000)) }
    expect(await sum(half)).toEqual([11, 22])
  })

  it('an int64 that int32 cannot hold is refused by name', async () => {
    const big: Tensor = { dtype: 'int64', shape: [1, 2], bytes: bytesOf(BigInt64Array.of(1n, 2n ** 31n)) }
    await expect(sum(big)).rejects.toThrow('Input "x" wants numbers that fit int32')
  })
})
