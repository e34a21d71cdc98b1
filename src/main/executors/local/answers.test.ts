import { expect, it } from 'vitest'
import type { Tensors } from '../../../shared/domain/tensor'
import { packTensors } from '../../../shared/domain/tensor-codec'
import { readPackedItems } from './answers'

/** Items that differ in their form, so that each stands in the header by itself, and takes it so many bytes. */
const answerOf = (count: number, headerBytesEach: number) => {
  const items = Array.from(
    { length: count },
    (_, i): Tensors => ({
      [`${i} `.padEnd(headerBytesEach, 'x')]: { dtype: 'uint8', shape: [1], bytes: Uint8Array.of(1) },
    }),
  )
  return { reply: { type: 'done' as const, id: 1, computeMs: 1 }, body: packTensors(items) }
}

it('a header of outputs is read up to 4 MiB, however many items it tells of', () => {
  expect(readPackedItems(answerOf(4096, 900), 4096).outputs.count).toBe(4096)
  expect(() => readPackedItems(answerOf(4096, 1100), 4096)).toThrow('cannot be read')
})
