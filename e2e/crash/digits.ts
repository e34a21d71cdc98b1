import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { type Answer, fixtures } from '../support/serve'

const COUNT = 100
const ITEMS = 1500

/** A batch of known digits: the answer to each item says which item it was. */
export interface Digits {
  batch(): object
  /** None lost, none doubled, each in its place. */
  judgeBatch(this: void, result: Answer['body']): void
}

export async function readDigits(input: string): Promise<Digits> {
  const images = await readFile(join(fixtures, 'test100.f32'))
  const answers = await readFile(join(fixtures, 'ref100.f32'))
  const items = Array.from({ length: ITEMS }, (_, i) => {
    const at = (i % COUNT) * 3136
    const base64 = images.subarray(at, at + 3136).toString('base64')
    return { [input]: { dtype: 'float32', shape: [1, 1, 28, 28], base64 } }
  })
  return {
    batch: () => ({ kind: 'batch', model: 'digits@1', items }),
    judgeBatch({ items: results }) {
      expect(results).toHaveLength(ITEMS)
      const wrong = results.filter((item: Answer['body'], index: number) => {
        const [output] = Object.values<Answer['body']>(item.outputs)
        return output.data.some(
          (value: number, at: number) =>
            Math.abs(value - answers.readFloatLE(((index % COUNT) * 10 + at) * 4)) > 1e-4,
        )
      })
      expect(wrong, 'items with the answer of another').toEqual([])
    },
  }
}
