import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { digitsAsNpy } from '../support/digits'
import { type Answer, fixtures, type Serve } from '../support/serve'
import type { Ledger } from './ledger'

const COUNT = 100

/** A job that takes its time, and the judge of what comes of it. */
export interface LongJob {
  spec: object
  judge(this: void, result: Answer['body']): void
}

/** Brings models and data. @returns a batch, and longer jobs that others may displace */
export async function prepareJobs(
  serve: Serve,
  ledger: Ledger,
  folder: string,
): Promise<{ batch: LongJob; victims: LongJob[] }> {
  await imported(serve, ledger, 'models', join(fixtures, 'mnist_cnn.onnx'), 'digits')
  await imported(serve, ledger, 'models', join(fixtures, 'tiny-story.gguf'), 'story')
  const load = { spec: { kind: 'synthetic', durationMs: 2000 }, judge: () => undefined }
  return {
    batch: await digits(serve, ledger, folder, 'digits', 1500),
    victims: [await digits(serve, ledger, folder, 'many-digits', 6000), await story(serve), load],
  }
}

async function imported(
  serve: Serve,
  ledger: Ledger,
  collection: 'models' | 'datasets',
  path: string,
  name: string,
): Promise<void> {
  await serve.import(path, name)
  const { digest } = (await serve.call('GET', `/${collection}/${name}/versions/1`)).body
  ledger.versions.set(`${collection}/${name}@1`, digest)
}

/** A batch of known digits: the answer to each item says which item it was, none lost, none doubled, each in its place. */
async function digits(
  serve: Serve,
  ledger: Ledger,
  folder: string,
  name: string,
  items: number,
): Promise<LongJob> {
  await imported(serve, ledger, 'datasets', await digitsAsNpy(folder, items / COUNT), name)
  const answers = await readFile(join(fixtures, 'ref100.f32'))
  return {
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
}

/** A text in the words of the model without chance, as it is written when nobody comes between. */
async function story(serve: Serve): Promise<LongJob> {
  const spec = {
    ...{ kind: 'generate', model: 'story@1', prompt: 'The control room', stop: [] },
    ...{ maxTokens: 480, contextSize: 512, temperature: 2, topP: 1, topK: 0, seed: 32 },
  }
  const { status, body: job } = await serve.call('POST', '/jobs', spec)
  expect(status).toBe(201)
  await serve.until(`/jobs/${job.id}`, ({ state }) => state === 'succeeded')
  const { text } = (await serve.call('GET', `/jobs/${job.id}/result`)).body
  return { spec, judge: (result) => expect(result.text, 'another text').toBe(text) }
}
