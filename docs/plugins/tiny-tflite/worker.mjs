// A runtime for small TensorFlow Lite models, as an example: fully connected layers in float32 and what follows them.
// This file is the worker of docs/worker-protocol.md; model.mjs knows TensorFlow Lite.

import { connect } from 'node:net'
import { formOf, loadModel, Refused } from './model.mjs'

const { LLMAGENTOS_WORKER_PROBE, LLMAGENTOS_WORKER_SOCKET, LLMAGENTOS_WORKER_TOKEN } = process.env
const PROGRESS_EVERY_MS = 250

if (LLMAGENTOS_WORKER_PROBE === '1') {
  // Whether it works here: one line of JSON, and the end.
  const answer = { available: true, version: '1.0.0', backend: 'cpu', reason: null }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
} else {
  // The standard input ends when the system dies.
  process.stdin.on('end', () => process.exit(0)).resume()
  serve(connect(LLMAGENTOS_WORKER_SOCKET))
}

function serve(socket) {
  const waiting = []
  const cancelled = new Set()
  let model = null
  let busy = false

  socket.on('close', () => process.exit(0))
  socket.on('error', () => process.exit(1))
  send({ type: 'hello', protocol: 1, token: LLMAGENTOS_WORKER_TOKEN })
  readFrames(socket, (header, body) => {
    if (header.type === 'exit') process.exit(0)
    if (header.type === 'cancel') cancelled.add(header.id)
    else waiting.push({ header, body })
    void work()
  })

  /** Answers go out in the order of the requests. */
  async function work() {
    if (busy) return
    busy = true
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { id } = next.header
      const { reply, body } = await answer(next).catch((error) => ({
        reply: {
          type: 'failed',
          reason: error instanceof Refused ? 'input' : 'runtime',
          message: error.message,
        },
      }))
      cancelled.delete(id)
      send({ id, rssBytes: process.memoryUsage.rss(), ...reply }, body)
    }
    busy = false
  }

  async function answer({ header, body }) {
    const { id, type } = header
    if (type === 'load') {
      model = loadModel(header.files[0].absolutePath)
      return { reply: { type: 'loaded' } }
    }
    if (!model) throw new Error('No model is loaded.')
    const items = unpack(body)
    if (type === 'run') {
      const start = performance.now()
      const outputs = []
      for (const item of items) {
        if (await isCancelled(id)) return { reply: { type: 'cancelled' } }
        outputs.push(model.run(item))
      }
      return { reply: { type: 'done', computeMs: performance.now() - start }, body: pack(outputs) }
    }
    if (type === 'benchmark') return benchmark(id, header, items[0] ?? {})
    throw new Error(`This worker cannot do "${type}".`)
  }

  async function benchmark(id, { iterations, warmup }, item) {
    const samples = []
    let toldAt = performance.now()
    for (let i = 0; i < warmup + iterations; i++) {
      const start = performance.now()
      model.run(item)
      if (i >= warmup) samples.push(performance.now() - start)
      if (performance.now() - toldAt < PROGRESS_EVERY_MS) continue
      toldAt = performance.now()
      send({ type: 'progress', id, fraction: (i + 1) / (warmup + iterations) })
      if (await isCancelled(id)) return { reply: { type: 'cancelled' } }
    }
    const sorted = samples.toSorted?.((a, b) => a - b) ?? [...samples].sort((a, b) => a - b)
    const rank = (p) => sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)]
    const computeMs = samples.reduce((sum, sample) => sum + sample, 0)
    const latencyMs = { p50: rank(50), p95: rank(95), p99: rank(99), mean: computeMs / iterations }
    return {
      reply: {
        type: 'measured',
        computeMs,
        iterations,
        latencyMs,
        throughput: (1000 * iterations) / computeMs,
      },
    }
  }

  /** A turn of the event loop, in which a `cancel` can arrive. */
  async function isCancelled(id) {
    await new Promise((resolve) => setImmediate(resolve))
    return cancelled.has(id)
  }

  function send(header, body = Buffer.alloc(0)) {
    const text = Buffer.from(JSON.stringify(header))
    const sizes = Buffer.alloc(8)
    sizes.writeUInt32LE(text.length, 0)
    sizes.writeUInt32LE(body.length, 4)
    socket.write(Buffer.concat([sizes, text, body]))
  }
}

/** Frames: u32 header length, u32 body length, header, body. */
function readFrames(socket, onFrame) {
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 8) {
      const bodyAt = 8 + received.readUInt32LE(0)
      const end = bodyAt + received.readUInt32LE(4)
      if (received.length < end) return
      onFrame(JSON.parse(received.toString('utf8', 8, bodyAt)), received.subarray(bodyAt, end))
      received = received.subarray(end)
    }
  })
}

const padded = (size) => Math.ceil(size / 8) * 8

/** The items of a body, each `{name: {dtype, shape, data}}`. */
function unpack(body) {
  if (body.length === 0) return []
  const headerSize = body.readUInt32LE(0)
  const groups = JSON.parse(body.toString('utf8', 4, 4 + headerSize))
  let at = padded(4 + headerSize)
  return groups.flatMap(([count, specs]) =>
    Array.from({ length: count }, () => {
      const item = {}
      for (const [name, dtype, shape, size] of specs) {
        const bytes = Uint8Array.from(body.subarray(at, at + size)).buffer
        at += padded(size)
        if (dtype !== 'float32')
          throw new Refused(`Input "${name}" wants float32, got ${formOf({ dtype, shape })}.`)
        item[name] = { dtype, shape, data: new Float32Array(bytes) }
      }
      return item
    }),
  )
}

/** The inverse, for outputs in float32; a group for each item. */
function pack(items) {
  const pieces = []
  const groups = items.map((item) => {
    const specs = Object.entries(item).map(([name, { shape, data }]) => {
      pieces.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
      pieces.push(Buffer.alloc(padded(data.byteLength) - data.byteLength))
      return [name, 'float32', shape, data.byteLength]
    })
    return [1, specs]
  })
  const header = Buffer.from(JSON.stringify(groups))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(header.length, 0)
  const gap = Buffer.alloc(padded(4 + header.length) - 4 - header.length)
  return Buffer.concat([size, header, gap, ...pieces])
}
