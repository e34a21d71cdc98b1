import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { digitsAsNpy } from '../support/digits'
import { type Answer, fixtures, type Serve } from '../support/serve'

const COUNT = 100

/** A batch of known digits: the answer to each item says which item it was. */
export interface Batch {
  spec: object
  /** None lost, none doubled, each in its place. */
  judge(this: void, result: Answer['body']): void
}

/** Imports a data set of the hundred digits over and over. @returns the batch of them, and the digest of the data set */
export async function importDigits(serve: Serve, folder: string, name: string, items: number) {
  const path = await digitsAsNpy(folder, items / COUNT)
  await serve.import(path, name)
  const { digest } = (await serve.call('GET', `/datasets/${name}/versions/1`)).body
  const answers = await readFile(join(fixtures, 'ref100.f32'))
  const batch: Batch = {
    spec: { kind: 'batch', model: 'digits@1', dataset: `${name}@1` },
    judge({ items: results }) {
      expect(results).toHaveLength(items)
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
  return { batch, digest: digest as string }
}
