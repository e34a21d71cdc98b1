import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { FrameReader, frameHead, writeFrame } from '../frames'
import { Request, WORKER_ENV } from '../protocol'

let hasTalked = false

/** Items of which the header says what it likes, and whose bytes are zeros. */
function answerZeros(socket: Socket, id: number, items: unknown, bytes: number): void {
  const header = Buffer.from(JSON.stringify(items))
  const body = Buffer.alloc(Math.ceil((4 + header.length) / 8) * 8 + bytes)
  body.writeUInt32LE(header.length, 0)
  header.copy(body, 4)
  writeFrame(socket, { type: 'done', id, computeMs: 1 }, body)
}

function takeMemory(): void {
  const taken: Buffer[] = []
  setInterval(() => taken.push(Buffer.alloc(32 * 2 ** 20, 1)), 50)
}

/** The same frame, as fast as they are taken. */
function flood(socket: Socket, header: unknown): void {
  const frames = Buffer.concat(new Array(1000).fill(frameHead(header, 0)))
  const more = () => socket.write(frames, () => setImmediate(more))
  more()
}

/**
 * A worker that lies, for tests. It loads like any other; what it does next stands in the `path` of the version's first
 * file.
 */
const TRICKS: Record<string, (socket: Socket, id: number, stack: number, body: Uint8Array) => void> = {
  garbage: (socket) => void socket.write(Buffer.from('Segmentation fault (core dumped)\n'.repeat(9))),
  'endless-body': (socket) => {
    const prefix = Buffer.alloc(8)
    prefix.writeUInt32LE(2, 0)
    prefix.writeUInt32LE(0xffffffff, 4)
    socket.write(prefix)
  },
  'wrong-items': (socket, id) => {
    const none = Buffer.from([2, 0, 0, 0, 0x5b, 0x5d, 0, 0])
    writeFrame(socket, { type: 'done', id, computeMs: 1 }, none)
  },
  'million-items': (socket, id) => {
    const names = Array.from({ length: 100 }, (_, i) => [`s${i}`, 'string', [0], 0])
    answerZeros(socket, id, [[1_000_000, names]], 0)
  },
  'endless-header': (socket, id) => {
    const name = 'x'.repeat(8 * 2 ** 20)
    answerZeros(socket, id, [[1, [[name, 'uint8', [8], 8]]]], 8)
  },
  'endless-strings': (socket, id) => {
    answerZeros(socket, id, [[1, [['y', 'string', [5_000_000], 20_000_000]]]], 20_000_000)
  },
  'torn-tensors': (socket, id) =>
    writeFrame(socket, { type: 'done', id, computeMs: 1 }, Buffer.from('not tensors')),
  'progress-without-end': (socket, id) => flood(socket, { type: 'progress', id, fraction: 0.5 }),
  'long-progress': (socket, id) =>
    writeFrame(socket, { type: 'progress', id, fraction: 0.5, words: 'x'.repeat(2 ** 19) }),
  'empty-texts': (socket, id) => flood(socket, { type: 'text', id, completion: 0, text: '' }),
  'texts-without-end': (socket, id) => flood(socket, { type: 'text', id, completion: 0, text: 'x' }),
  'wrong-id': (socket, id) => writeFrame(socket, { type: 'done', id: id + 7, computeMs: 1 }),
  'closes-and-stays': (socket) => void socket.destroy(),
  'takes-memory': () => takeMemory(),
  'takes-512-mib': (socket, id, _stack, body) => {
    const taken = Buffer.alloc(2 ** 29, 1)
    setTimeout((_taken: Buffer) => writeFrame(socket, { type: 'done', id, computeMs: 1 }, body), 1500, taken)
  },
  'takes-memory-in-company.onnx': (socket, id, stack, body) => {
    const taken = stack < 4 ? null : Buffer.alloc(2 ** 30, 1)
    const answer = () => writeFrame(socket, { type: 'done', id, computeMs: 100 }, body)
    // A timer keeps what it is given.
    setTimeout((_taken: Buffer | null) => answer(), taken ? 20_000 : 600, taken)
  },
  'leaves-a-child': (socket, id, _stack, body) => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    process.stderr.write(`${child.pid}\n`, () => writeFrame(socket, { type: 'done', id, computeMs: 1 }, body))
  },
  'talks-and-dies-later': (socket, id, _stack, body) => {
    if (hasTalked) process.exit(1)
    hasTalked = true
    // Without the end of a line, as bars of progress are.
    process.stderr.write('a secret', () => writeFrame(socket, { type: 'done', id, computeMs: 1 }, body))
  },
  'talks-without-end': (socket, id) => {
    const lines = Array.from({ length: 3000 }, (_, i) => `line ${i} ${'x'.repeat(3000)}\n`)
    process.stderr.write(lines.join(''), () => {
      writeFrame(socket, { type: 'failed', id, reason: 'runtime', message: 'tired' })
    })
  },
}

if (process.env[WORKER_ENV.probe] === '1') {
  process.stdout.write(
    `${JSON.stringify({ available: true, version: '0', backend: 'none', reason: null })}\n`,
  )
} else {
  process.stdin.on('end', () => process.exit(0)).resume()
  const socket = connect(process.env[WORKER_ENV.socket] ?? '')
  const reader = new FrameReader()
  let trick = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    for (const frame of reader.push(chunk)) {
      const request = Request.parse(frame.header)
      if (request.type === 'load') {
        trick = request.files[0]?.path ?? ''
        if (trick === 'dies-loading') process.exit(3)
        if (trick === 'takes-memory-loading') return takeMemory()
        const boast = trick === 'boasts' ? { rssBytes: 2 ** 50 } : {}
        if (trick !== 'never-loads') writeFrame(socket, { type: 'loaded', id: request.id, ...boast })
      } else if (request.type !== 'exit' && request.type !== 'cancel')
        TRICKS[trick]?.(socket, request.id, request.type === 'run' ? request.stack : 1, frame.body)
    }
  })
  writeFrame(socket, { type: 'hello', protocol: 1, token: process.env[WORKER_ENV.token] })
}
