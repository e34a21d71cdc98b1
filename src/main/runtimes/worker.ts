import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { formatBytes } from '../../shared/domain/units'
import { type Body, FrameReader, MAX_BODY_BYTES, writeFrame } from './frames'
import { PROTOCOL_VERSION, type Probe, type Reply, Request, WORKER_ENV } from './protocol'

type WithoutId<R> = R extends { id: number } ? Omit<R, 'id'> : never
export type Answer = { reply: WithoutId<Reply>; body?: Body }
/** The requests that do work, each answered once. */
export type Work = Exclude<Request, { type: 'cancel' | 'exit' }>

export interface WorkContext {
  /** Aborted when the request is cancelled; look at it between items. */
  readonly signal: AbortSignal
  /** Once it is aborted: whether what it has done so far should be kept. */
  readonly isPause: () => boolean
  progress(fraction: number): void
  /** What follows in one of the texts that are being written. */
  text(completion: number, text: string): void
}

export interface WorkerDefinition {
  /** Whether the runtime works here; called in a process of its own, which may crash. */
  probe(): Promise<Probe>
  /** @throws InputError when what was sent does not fit; Cancelled; anything else is the runtime's failure */
  work(request: Work, body: Uint8Array, context: WorkContext): Promise<Answer>
}

/** What was sent does not fit the model. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** The request was cancelled and has stopped. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled'
}

/** Lets the event loop turn, so that a `cancel` can arrive. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const RSS_EVERY_MS = 250
const READ_BYTES = 256 * 1024
const MAX_MESSAGE = 4000

/**
 * The life of every worker: connect, say hello, answer requests in their order, end when told to or when the system
 * dies. `docs/worker-protocol.md` describes it from the outside.
 */
export function serveWorker(definition: WorkerDefinition): void {
  if (process.env[WORKER_ENV.probe] === '1') {
    endWithParent()
    void answerProbe(definition)
    return
  }
  const path = process.env[WORKER_ENV.socket]
  const token = process.env[WORKER_ENV.token]
  if (!path || !token) {
    process.stderr.write('This is a worker of LLMAgentOS; the system starts it.\n')
    process.exitCode = 2
    return
  }
  // What the runtime or a model's code may start later has no business with it.
  delete process.env[WORKER_ENV.token]
  endWithParent()
  let server: Server | null = null
  // One buffer for all that arrives, read in large pieces: with one for each piece a batch is felt to be slower.
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  const onread = {
    buffer,
    callback(length: number): boolean {
      server?.receive(buffer.subarray(0, length))
      return true
    },
  }
  const socket = connect({ path, onread })
  socket.on('error', (error) => end(1, `The connection to the system failed: ${error.message}`))
  socket.on('close', () => end(0))
  writeFrame(socket, { type: 'hello', protocol: PROTOCOL_VERSION, token })
  server = new Server(definition, socket)
}

async function answerProbe(definition: WorkerDefinition): Promise<void> {
  const probe = await definition.probe()
  process.stdout.write(`${JSON.stringify(probe)}\n`, () => process.exit(0))
}

function end(code: number, why?: string): void {
  if (why) process.stderr.write(`${why}\n`)
  process.exit(code)
}

/** Stdin ends when the system dies. A worker that is busy in native code does not hear it, so a thread watches too. */
function endWithParent(): void {
  process.stdin.on('end', () => end(0))
  process.stdin.on('error', () => end(0))
  process.stdin.resume()
  const parent = Number(process.env[WORKER_ENV.parent])
  if (!Number.isInteger(parent) || parent <= 0) return
  const watch = `
    const { workerData: parent } = require('node:worker_threads')
    setInterval(() => {
      let gone = process.platform !== 'win32' && process.ppid !== parent
      try { process.kill(parent, 0) } catch (error) { gone ||= error.code === 'ESRCH' }
      if (gone) process.kill(process.pid, 'SIGKILL')
    }, 1000)`
  const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 }
  const watcher = new Worker(watch, { eval: true, workerData: parent, resourceLimits: limits, stdin: false })
  watcher.on('error', (error) => process.stderr.write(`The watch over the system ended: ${error.message}\n`))
  watcher.unref()
}

interface Pending {
  request: Work
  body: Uint8Array
  controller: AbortController
  keep: boolean
}

class Server {
  readonly #definition: WorkerDefinition
  readonly #socket: Socket
  readonly #pending: Pending[] = []
  readonly #reader = new FrameReader()
  #busy = false
  #rssAt = 0

  constructor(definition: WorkerDefinition, socket: Socket) {
    this.#definition = definition
    this.#socket = socket
  }

  receive(chunk: Buffer): void {
    for (const frame of this.#reader.push(chunk)) this.#take(Request.parse(frame.header), frame.body)
  }

  #take(request: Request, body: Uint8Array): void {
    if (request.type === 'exit') end(0)
    else if (request.type === 'cancel') {
      const cancelled = this.#pending.find((pending) => pending.request.id === request.id)
      if (!cancelled) return
      cancelled.keep = request.keep === true
      cancelled.controller.abort()
    } else {
      this.#pending.push({ request, body, controller: new AbortController(), keep: false })
      if (!this.#busy) void this.#drain()
    }
  }

  async #drain(): Promise<void> {
    this.#busy = true
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      const { reply, body } = await this.#answer(next)
      this.#pending.shift()
      writeFrame(this.#socket, { id: next.request.id, ...reply }, body)
    }
    this.#busy = false
  }

  async #answer(pending: Pending): Promise<Answer> {
    const { request, body, controller } = pending
    if (controller.signal.aborted) return { reply: { type: 'cancelled' } }
    try {
      const answer = await this.#definition.work(request, body, {
        signal: controller.signal,
        isPause: () => pending.keep,
        progress: (fraction) => writeFrame(this.#socket, { type: 'progress', id: request.id, fraction }),
        text: (completion, text) => {
          if (text !== '') writeFrame(this.#socket, { type: 'text', id: request.id, completion, text })
        },
      })
      const bytes = answer.body?.byteLength ?? 0
      if (bytes > MAX_BODY_BYTES)
        throw new InputError(
          `The outputs are ${formatBytes(bytes)} together, and an answer holds at most 2 GiB. Ask for less at once, for example with a smaller batchSize.`,
        )
      return { ...answer, reply: { ...answer.reply, ...this.#rss() } }
    } catch (error) {
      if (error instanceof Cancelled) return { reply: { type: 'cancelled' } }
      const reason = error instanceof InputError ? 'input' : 'runtime'
      return { reply: { type: 'failed', reason, message: wordsOf(error) } }
    }
  }

  #rss(): { rssBytes?: number } {
    const now = performance.now()
    if (this.#rssAt > 0 && now - this.#rssAt < RSS_EVERY_MS) return {}
    this.#rssAt = now
    return { rssBytes: process.memoryUsage.rss() }
  }
}

function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.slice(0, MAX_MESSAGE) || 'no words'
}
