import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fixtures, Serve } from './support/serve'

const STORY =
  'The control room hums at night. One model wakes, reads the queue, and answers. Two models wait; three models sleep. When the light turns amber, the watcher saves a checkpoint. When the light turns red, the watcher stops the run and writes the reason in the log. At dawn the board is green again, and every answer has a name, a time and a source.'

let serve: Serve
test.beforeAll(async () => {
  serve = await Serve.start()
  await serve.import(join(fixtures, 'tiny-story.gguf'), 'story')
})
test.afterAll(() => serve.dispose())

const generate = (more: object) =>
  serve.call('POST', '/jobs', { kind: 'generate', model: 'story@1', temperature: 0, ...more })

const openStream = (job: string): Promise<Response> =>
  fetch(`${serve.url}/api/jobs/${job}/text`, {
    headers: { authorization: `Bearer ${serve.ownerKey}`, accept: 'text/event-stream' },
  })

test('the story comes back word for word, whole and piece by piece', async () => {
  const spec = { prompt: 'The control room', maxTokens: 400 }
  const { body: job } = await generate({ ...spec, hold: true })
  expect(job).toMatchObject({ kind: 'generate', state: 'held' })
  const stream = await openStream(job.id)
  expect((await serve.call('POST', `/jobs/${job.id}/resume`)).status).toBe(200)
  let text = ''
  let pieces = 0
  for (const line of (await stream.text()).split('\n')) {
    if (!line.startsWith('data: ') || line === 'data: ') continue
    const piece = JSON.parse(line.slice(6)) as { at: number; text: string }
    text = text.slice(0, piece.at) + piece.text
    pieces++
  }
  expect(`The control room${text}`.trimEnd()).toBe(STORY)
  expect(pieces).toBeGreaterThan(3)
  const { body: result } = await serve.call('GET', `/jobs/${job.id}/result?waitMs=20000`)
  expect(result).toMatchObject({ text, finishReason: 'stop', tokens: expect.any(Number) })
  expect(result.timings.computeMs).toBeGreaterThan(0)

  const again = await serve.call('POST', `/jobs/${job.id}/retry`)
  const copy = await serve.call('GET', `/jobs/${again.body.id}/result?waitMs=20000`)
  expect(copy.body.text).toBe(text)
})

test('what a language model cannot do is refused in words', async () => {
  const refused = async (more: object, words: RegExp) => {
    const { status, body } = await generate(more)
    expect([status, body.error.message]).toEqual([422, expect.stringMatching(words)])
  }
  await refused({ prompt: 'The', contextSize: 100_000 }, /context/)
  await refused({}, /prompt or messages/)
  await refused({ prompt: 'The', messages: [{ role: 'user', content: 'a' }] }, /prompt or messages/)
  const infer = await serve.call('POST', '/jobs', { kind: 'infer', model: 'story@1', inputs: {} })
  expect(infer.body.error.message).toContain('"generate"')
  const chat = await generate({ messages: [{ role: 'user', content: 'Hello' }], waitMs: 20_000 })
  expect(chat.body).toMatchObject({ state: 'failed', error: { code: 'compute.invalid_input' } })
  expect(await (await openStream(chat.body.id)).text()).not.toContain('error')
})
