import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { readBody } from './body'

test('memory blow-up: a body of tiny pieces is held in one', async () => {
  const incoming = Object.assign(new PassThrough(), { headers: {} }) as unknown as IncomingMessage
  let taken = 0
  const body = readBody(incoming, 2 ** 20, (bytes) => {
    taken += bytes
  })
  const text = 'abc'.repeat(2 ** 15)
  for (const letter of text) incoming.push(letter)
  incoming.push(null)
  expect(String(await body)).toBe(text)
  expect((await body).buffer.byteLength).toBeLessThan(2.1 * text.length)
  expect(taken).toBe((await body).buffer.byteLength)
})

test('who hangs up in the middle of a body has cancelled, which is no failure of ours', async () => {
  const incoming = Object.assign(new PassThrough(), { headers: {} })
  const body = readBody(incoming as unknown as IncomingMessage, 2 ** 20, () => undefined)
  incoming.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
  await expect(body).rejects.toMatchObject({ code: 'compute.interrupted' })
})
