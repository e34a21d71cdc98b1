import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { os, type RouterClient } from '@orpc/server'
import pino from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Caller } from '../../security'
import type { Router } from '../router'
import { createWebSocketTransport } from './websocket'

const CHUNK = 'x'.repeat(2 ** 20)

let yielded = 0
const router = {
  changes: os.handler(async function* () {
    for (;;) {
      yielded++
      yield CHUNK
      await new Promise(setImmediate)
    }
  }),
  answer: os.handler(() => CHUNK),
}

let server: WebSocketServer
let client: WebSocket
let calls: RouterClient<typeof router>

beforeEach(async () => {
  yielded = 0
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const transport = createWebSocketTransport(router as unknown as Router, pino({ level: 'silent' }))
  server.on('connection', (socket) => transport(socket, {} as Caller, () => socket.bufferedAmount > 2 ** 27))
  await once(server, 'listening')
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await once(client, 'open')
  calls = createORPCClient(new RPCLink({ websocket: client }))
})
afterEach(() => {
  client.terminate()
  server.close()
})

it('memory blow-up: a live view waits for a reader that does not read, and goes on with it', async () => {
  const changes = await calls.changes()
  await changes.next()
  client.pause()
  let before = -1
  // What the buffers of both ends hold; then nothing more is asked for.
  while (before !== yielded) {
    before = yielded
    expect(yielded).toBeLessThan(100)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  client.resume()
  for (let i = 0; i < before + 10; i++) await changes.next()
  expect(yielded).toBeGreaterThan(before)
}, 30_000)

it('memory blow-up: who calls on and on without reading the answers is cut off', async () => {
  const closed = once(client, 'close')
  client.pause()
  for (let i = 0; i < 300; i++) calls.answer().catch(() => undefined)
  await once([...server.clients][0] as WebSocket, 'close')
  client.resume()
  await closed
}, 30_000)

it('memory blow-up: what a call does not take ends the connection', async () => {
  for (const message of [
    '{"i":"1","t":3,"p":{"e":"message","d":"x"}}',
    '{"p":{},"\\u0074":3}',
    Buffer.from('{}'),
  ]) {
    const other = new WebSocket(client.url)
    await once(other, 'open')
    other.send('{"i":"1","p":{"u":"/answer"}}')
    await once(other, 'message')
    other.send(message)
    await once(other, 'close')
  }
})
