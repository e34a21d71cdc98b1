import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createHttpServer, listen } from './http-server'

const SILENCE_MS = 1_000
let server: Server
afterEach(() => server.close())

/** Sends a body a byte at a time, with a pause before each. @returns what was answered until the connection ended */
async function send(pausesMs: number[], contentLength = pausesMs.length): Promise<string> {
  const socket = connect(await listen(server, 0), '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  const closed = once(socket, 'close')
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${contentLength}\r\n\r\n`)
  for (const pauseMs of pausesMs) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    socket.write('x')
  }
  await closed
  return answer
}

it('slow uploads: a body that comes may take any time', async () => {
  // Node would count from the first byte of a request to its last, 5 minutes in all.
  server = createHttpServer(
    (incoming, outgoing) => incoming.resume().on('end', () => outgoing.end('all')),
    SILENCE_MS,
  )
  expect(server.requestTimeout).toBe(0)
  expect(server.headersTimeout).toBeGreaterThan(0)
  expect(await send(Array(40).fill(SILENCE_MS / 20))).toContain('all')
})

it('a body that stops coming ends its connection, while an answer may be silent', async () => {
  let brokenOff = 0
  server = createHttpServer((incoming, outgoing) => {
    incoming.on('aborted', () => brokenOff++)
    incoming.resume().on('end', () => setTimeout(() => outgoing.end('late'), SILENCE_MS * 2))
  }, SILENCE_MS)
  expect(await send([0], 2)).toBe('')
  await expect.poll(() => brokenOff).toBe(1)
  server.close()
  expect(await send([0])).toContain('late')
})

it('descriptors used up: the end of a connection ends also the answers that are in line behind another', async () => {
  const ended: string[] = []
  server = createHttpServer(({ url = '' }, outgoing) => {
    outgoing.once('close', () => ended.push(url))
    if (url === '/behind') outgoing.write('what nobody reads')
  })
  const socket = connect(await listen(server, 0), '127.0.0.1')
  const bothCame = new Promise<void>((resolve) => {
    let came = 0
    server.on('request', () => ++came === 2 && resolve())
  })
  for (const path of ['/first', '/behind']) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await bothCame
  socket.destroy()
  await expect.poll(() => ended.sort()).toEqual(['/behind', '/first'])
})
