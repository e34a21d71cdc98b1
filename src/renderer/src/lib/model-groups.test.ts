import fc from 'fast-check'
import { expect, it } from 'vitest'
import { groupByModel } from './model-groups'

const grouped = (...names: string[]) => groupByModel(names, (name) => name)

it('takes shards for one model, the index or the first of them first', () => {
  const gguf = ['m-00002-of-00003.gguf', 'm-00003-of-00003.gguf', 'm-00001-of-00003.gguf']
  expect(grouped(...gguf, 'other.gguf')).toEqual([[...gguf].sort(), ['other.gguf']])
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  const index = 'model.safetensors.index.json'
  expect(grouped(...shards, index)).toEqual([[index, ...shards]])
})

it('takes what ONNX and TensorFlow.js keep beside a graph for part of it', () => {
  expect(grouped('a.data', 'a.onnx')).toEqual([['a.onnx', 'a.data']])
  expect(grouped('b.onnx_data', 'b.onnx', 'c.onnx')).toEqual([['b.onnx', 'b.onnx_data'], ['c.onnx']])
  expect(grouped('/m/group1-shard1of1.bin', '/m/model.json', '/n/model.json')).toEqual([
    ['/m/model.json', '/m/group1-shard1of1.bin'],
    ['/n/model.json'],
  ])
})

it('loses nothing and doubles nothing', () => {
  const known = fc.constantFrom('a.onnx', 'a.data', 'a.onnx.data', 'x-00001-of-00002.gguf')
  const names = fc.array(fc.oneof(fc.string({ maxLength: 8 }), known))
  const losesNothing = (dropped: string[]) => {
    expect(
      grouped(...dropped)
        .flat()
        .sort(),
    ).toEqual([...dropped].sort())
  }
  fc.assert(fc.property(names, losesNothing))
})
