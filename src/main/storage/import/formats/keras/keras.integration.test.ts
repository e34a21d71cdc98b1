import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FIXTURES } from '../../../testing/fixtures'
import { type Bench, createBench, importAndSettle } from '../../../testing/harness'

let bench: Bench
beforeEach(async () => {
  bench = await createBench()
})
afterEach(() => bench.dispose())

it('two versions of a Keras model are compared by their weights', async () => {
  const { storage } = await bench.open()
  for (const file of ['flowers.h5', 'flowers-2.h5'])
    await importAndSettle(storage, join(FIXTURES, 'keras', file), 'flowers')
  const { tensors, metadata } = storage.diff('flowers', 1, 2)
  expect(tensors.added).toEqual([
    { name: 'hidden1/flowers/hidden1/bias', dtype: 'float32', shape: [5] },
    { name: 'hidden1/flowers/hidden1/kernel', dtype: 'float32', shape: [5, 5] },
  ])
  expect(tensors.reshaped.map(({ name, from, to }) => [name, from.shape, to.shape])).toEqual([
    ['kind/flowers/kind/bias', [3], [2]],
    ['kind/flowers/kind/kernel', [5, 3], [5, 2]],
  ])
  expect(tensors).toMatchObject({ removed: [], unchanged: 6 })
  expect(metadata).toContainEqual({ key: 'parameters', from: 63, to: 87 })
})
