import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FrameReader, frameHead, writeFrame } from '../../runtimes/frames'
import { Connection } from './connection'

let server: Server
const path =
  process.platform === 'win32' ? `\\\\.\\pipe\\${randomUUID()}` : join(tmpdir(), `connection-${randomUUID()}`)
const open: Socket[] = []

beforeAll(async () => {
  server = createServer().listen(path)
  await once(server, 'listening')
})
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** Both ends: ours as a Connection, the worker's as a bare socket. */
async function pair() {
  const worker = connect(path)
  const [ours]: Socket[] = await once(server, 'connection')
  if (!ours) throw new Error('no connection')
  open.push(worker, ours)
  worker.on('error', () => worker.destroy())
  let report: (why: string | null) => void = () => {}
  const broken = new Promise<string | null>((resolve) => {
    report = resolve
  })
  const memory: number[] = []
  const connection = new Connection(ours, {
    onBroken: (why) => {
      connection.failAll(new Error('gone'))
      report(why)
    },
    onMemory: (bytes) => memory.push(bytes),
  })
  return { worker, connection, broken, memory }
}

const run = { type: 'run', stack: 1 } as const

describe('Connection', () => {
  it('gives each request its answer, in order', async () => {
    const { worker, connection, memory } = await pair()
    const first = connection.request(run, new Uint8Array(3))
    const progress: number[] = []
    const second = connection.request(
      { type: 'synthetic', durationMs: 1, busy: false, fail: null },
      undefined,
      { progress: (f) => progress.push(f) },
    )
    expect(connection.pending).toBe(2)
    writeFrame(worker, { type: 'done', id: 1, computeMs: 1, rssBytes: 5 }, Uint8Array.of(1, 2, 3))
    writeFrame(worker, { type: 'progress', id: 2, fraction: 0.5 })
    writeFrame(worker, { type: 'done', id: 2, computeMs: 0.001 })
    expect([...(await first).body]).toEqual([1, 2, 3])
    expect((await second).reply).toMatchObject({ computeMs: 0.001 })
    expect(progress).toEqual([0.5])
    expect(memory).toEqual([5])
    await connection.drained()
  })

  it('believes no time that is longer than the one that has passed', async () => {
    const { worker, connection } = await pair()
    const began = performance.now()
    const answers = [connection.request(run), connection.request(run)]
    writeFrame(worker, { type: 'done', id: 1, computeMs: 1e300 })
    writeFrame(worker, { type: 'done', id: 2, computeMs: 0 })
    const times = (await Promise.all(answers)).map(({ reply }) => 'computeMs' in reply && reply.computeMs)
    expect(times[0]).toBeLessThanOrEqual(performance.now() - began)
    expect(times[1]).toBe(0)
  })

  it('sends requests and cancels as the protocol says', async () => {
    const { worker, connection } = await pair()
    const reader = new FrameReader()
    const headers: unknown[] = []
    const answer = connection.request(run, Uint8Array.of(9))
    connection.cancelAll()
    connection.cancelAll()
    while (headers.length < 2) {
      const [chunk]: Buffer[] = await once(worker, 'data')
      headers.push(...reader.push(chunk ?? Buffer.alloc(0)).map((frame) => frame.header))
    }
    expect(headers).toEqual([
      { type: 'run', id: 1, stack: 1 },
      { type: 'cancel', id: 1 },
    ])
    writeFrame(worker, { type: 'cancelled', id: 1 })
    expect((await answer).reply.type).toBe('cancelled')
  })

  it('rejects a request that no header can name, of which nothing is left that could end without anybody', async () => {
    const { worker, connection } = await pair()
    const file = { path: 'x'.repeat(200), absolutePath: 'y'.repeat(200), sizeBytes: 1 }
    const load = { type: 'load', format: 'onnx', files: new Array(3000).fill(file), threads: 1 } as const
    await expect(connection.request(load)).rejects.toMatchObject({
      code: 'compute.invalid_input',
      message: expect.stringContaining('fewer files'),
    })
    expect(connection.pending).toBe(0)
    const answer = connection.request(run)
    writeFrame(worker, { type: 'done', id: 2, computeMs: 0 })
    await answer
  })

  it.runIf(process.platform !== 'win32')('has room for all of a large body, which takes none', async () => {
    const { worker, connection } = await pair()
    const answer = connection.request(run)
    const before = process.memoryUsage()
    const bytes = 2 ** 30
    worker.write(Buffer.concat([frameHead({ type: 'done', id: 1, computeMs: 1 }, bytes), Buffer.alloc(100)]))
    await expect
      .poll(() => process.memoryUsage().arrayBuffers)
      .toBeGreaterThan(before.arrayBuffers + bytes * 0.9)
    expect(process.memoryUsage().rss).toBeLessThan(before.rss + bytes / 4)
    connection.break(null)
    await expect(answer).rejects.toThrow('gone')
  })

  it('takes progress as it comes, and breaks where there is no end of it', async () => {
    const { worker, connection, broken } = await pair()
    const seen: number[] = []
    const answer = connection.request(run, undefined, { progress: (fraction) => seen.push(fraction) })
    const tell = (times: number) => {
      for (let i = 0; i < times; i++) writeFrame(worker, { type: 'progress', id: 1, fraction: 0.5 })
    }
    tell(1000)
    await expect.poll(() => seen.length).toBe(1000)
    expect(connection.isBroken).toBe(false)
    tell(1)
    await expect(answer).rejects.toThrow('gone')
    expect(await broken).toMatch(/progress/i)
    expect(seen).toHaveLength(1000)
  })

  const lies: [string, unknown, number][] = [
    ['an answer of an unknown type', { type: 'hello', id: 1 }, 0],
    ['an answer to another request', { type: 'done', id: 2, computeMs: 1 }, 0],
    ['an answer of the wrong kind', { type: 'loaded', id: 1 }, 0],
    ['a cancel that nobody asked for', { type: 'cancelled', id: 1 }, 0],
    ['a time that is none', { type: 'done', id: 1, computeMs: -1 }, 0],
    ['a body where none belongs', { type: 'failed', id: 1, reason: 'runtime', message: 'x' }, 4],
    [
      'a progress that is longer than any',
      { type: 'progress', id: 1, fraction: 0.5, words: 'x'.repeat(2000) },
      0,
    ],
    ['no object at all', [1], 0],
  ]
  it.each(lies)('breaks on %s', async (_what, header, bodyBytes) => {
    const { worker, connection, broken } = await pair()
    const answer = connection.request(run)
    writeFrame(worker, header, new Uint8Array(bodyBytes))
    await expect(answer).rejects.toThrow('gone')
    expect(await broken).toEqual(expect.any(String))
    await expect(connection.request(run)).rejects.toThrow('gone')
  })

  it('survives whatever a worker sends, and every request ends', async () => {
    const header = fc.oneof(
      fc.jsonValue(),
      fc.record({
        type: fc.constantFrom('done', 'loaded', 'measured', 'failed', 'progress', 'cancelled'),
        id: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.jsonValue()),
        computeMs: fc.oneof(fc.double(), fc.jsonValue()),
        fraction: fc.double(),
        message: fc.string(),
      }),
    )
    const frame = fc
      .tuple(header, fc.uint8Array({ maxLength: 50 }))
      .map(([value, body]) => Buffer.concat([frameHead(value ?? null, body.length), body]))
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(frame, garbage), { maxLength: 6 }), async (pieces) => {
        const { worker, connection, broken } = await pair()
        const answers = [connection.request(run), connection.request(run)]
        for (const piece of pieces) worker.write(piece)
        worker.end()
        await broken
        await Promise.allSettled(answers)
        expect(connection.pending).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})
