import type { Socket } from 'node:net'
import { AppError } from '../../../shared/errors'
import {
  type Body,
  type Frame,
  FrameReader,
  MAX_BODY_BYTES,
  ProtocolError,
  writeFrame,
} from '../../runtimes/frames'
import { Reply } from '../../runtimes/protocol'
import type { Work } from '../../runtimes/worker'

type WithoutId<R> = R extends { id: number } ? Omit<R, 'id'> : never
export type WorkWithoutId = WithoutId<Work>
type Final = Exclude<Reply, { type: 'progress' | 'text' }>
export interface FinalReply {
  reply: Final
  body: Uint8Array
}

interface Pending {
  id: number
  type: Work['type']
  /** By `performance.now()`. */
  sentAt: number
  cancelled: boolean
  heard: Heard
  resolve(answer: FinalReply): void
  reject(error: unknown): void
}

/** What is heard of a request before its answer. */
export interface Heard {
  progress?: (fraction: number) => void
  text?: (completion: number, text: string) => void
}

export interface ConnectionEvents {
  /** Once: `why` is null when the worker just closed the connection. */
  onBroken(why: string | null): void
  /** The worker's resident memory, as it says. */
  onMemory(bytes: number): void
}

/** Which answer ends which request. */
const ANSWER: Record<Work['type'], Final['type']> = {
  load: 'loaded',
  run: 'done',
  synthetic: 'done',
  benchmark: 'measured',
  generate: 'generated',
}

/**
 * A body has all its room at once: where it grows, copying it holds up everything else for seconds. Memory that nothing
 * has been written to costs nothing, but on Windows, so that a worker that only claims to send it takes none.
 */
const LIMITS = process.platform === 'win32' ? {} : { roomBytes: MAX_BODY_BYTES }

/** Of progress so many in so many milliseconds, though they may come in one go: a worker tells a few times a second. */
const MOST_PROGRESS = 1000
const PROGRESS_MS = 10_000
/** Of progress, and of a text beside its characters. */
const TOLD_BYTES = 1024
/** The most that JSON writes a character in. */
const CHARACTER_BYTES = 6

/**
 * The system's end of a worker's socket. Requests go out at once and are answered in their order; whatever a worker says
 * that does not fit breaks the connection, and nothing of it is believed.
 */
export class Connection {
  readonly #socket: Socket
  readonly #pending: Pending[] = []
  readonly #events: ConnectionEvents
  #nextId = 1
  #broken = false
  #failure: { error: unknown } | null = null
  readonly #onDrained: (() => void)[] = []
  #progress = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 }

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket
    this.#events = events
    const reader = new FrameReader(LIMITS)
    socket.on('data', (chunk) => {
      try {
        for (const frame of reader.push(chunk)) this.#receive(frame)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        this.break(error.message)
      }
    })
    socket.on('error', () => this.break(null))
    socket.on('close', () => this.break(null))
  }

  get isBroken(): boolean {
    return this.#broken
  }

  get pending(): number {
    return this.#pending.length
  }

  /** Resolves when no request waits for an answer. */
  drained(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#onDrained.push(resolve))
  }

  /**
   * Sends a request. The answer is rejected only by {@link failAll}, also by one that was called before, and with
   * `compute.invalid_input` for what no frame can carry.
   */
  request(work: WorkWithoutId, body?: Body, heard: Heard = {}): Promise<FinalReply> {
    if (this.#failure) return Promise.reject(this.#failure.error)
    if (body && body.byteLength > MAX_BODY_BYTES) return Promise.reject(tooMuch())
    const id = this.#nextId++
    const sentAt = performance.now()
    try {
      if (!this.#broken) writeFrame(this.#socket, { id, ...work }, body)
    } catch (error) {
      // Nothing has gone out: the worker lives on, and no answer is waited for.
      return Promise.reject(error instanceof ProtocolError ? tooManyNames(error) : error)
    }
    return new Promise<FinalReply>((resolve, reject) => {
      this.#pending.push({ id, type: work.type, sentAt, cancelled: false, heard, resolve, reject })
    })
  }

  /** The requests that `send` makes leave in one write. */
  atOnce<T>(send: () => T): T {
    this.#socket.cork()
    try {
      return send()
    } finally {
      this.#socket.uncork()
    }
  }

  /** Asks the worker to end every request it has; each is answered all the same. @param keep as `cancel` in the protocol */
  cancelAll(keep = false): void {
    for (const pending of this.#pending) {
      if (pending.cancelled || this.#broken) continue
      pending.cancelled = true
      writeFrame(this.#socket, { type: 'cancel', id: pending.id, ...(keep ? { keep } : {}) })
    }
  }

  /** Asks the worker to end. */
  exit(): void {
    if (!this.#broken) writeFrame(this.#socket, { type: 'exit' })
  }

  /** The worker is gone: rejects what waits for it. */
  failAll(error: unknown): void {
    this.#failure ??= { error }
    for (const pending of this.#pending.splice(0)) pending.reject(error)
    this.#wakeDrained()
  }

  /** Closes the connection for a reason, once. */
  break(why: string | null): void {
    if (this.#broken) return
    this.#broken = true
    this.#socket.destroy()
    this.#events.onBroken(why)
  }

  #receive({ header, headerBytes, body }: Frame): void {
    const parsed = Reply.safeParse(header)
    if (!parsed.success) throw new ProtocolError('An answer of an unknown form.')
    const reply = parsed.data
    const [first] = this.#pending
    if (!first || reply.id !== first.id) throw new ProtocolError('An answer that nobody asked for.')
    if (body.byteLength > 0 && reply.type !== 'done') throw new ProtocolError('A body where none belongs.')
    if (reply.type === 'progress' || reply.type === 'text') this.#bound(reply, headerBytes)
    if (reply.type === 'progress') {
      first.heard.progress?.(reply.fraction)
      return
    }
    if (reply.type === 'text') {
      if (!first.heard.text) throw new ProtocolError('A text where none belongs.')
      first.heard.text(reply.completion, reply.text)
      return
    }
    const fits =
      reply.type === ANSWER[first.type] ||
      reply.type === 'failed' ||
      (reply.type === 'cancelled' && first.cancelled)
    if (!fits) throw new ProtocolError(`The answer "${reply.type}" to "${first.type}".`)
    this.#pending.shift()
    // What jobs take is foretold from it, for all who wait.
    if ('computeMs' in reply) reply.computeMs = Math.min(reply.computeMs, performance.now() - first.sentAt)
    if ('rssBytes' in reply && reply.rssBytes !== undefined) this.#events.onMemory(reply.rssBytes)
    first.resolve({ reply, body })
    if (this.#pending.length === 0) this.#wakeDrained()
  }

  /** What is told before an answer is read by the thread that serves everybody. @throws ProtocolError for too much of it */
  #bound(reply: Extract<Reply, { type: 'progress' | 'text' }>, headerBytes: number): void {
    const characters = reply.type === 'text' ? reply.text.length : 0
    if (headerBytes > TOLD_BYTES + characters * CHARACTER_BYTES)
      throw new ProtocolError(`${headerBytes} bytes of ${reply.type}.`)
    // Texts are counted by who asked for them.
    if (reply.type === 'text') return
    const now = performance.now()
    if (now - this.#progress.sinceMs > PROGRESS_MS) this.#progress = { sinceMs: now, count: 0 }
    if (++this.#progress.count > MOST_PROGRESS) throw new ProtocolError('Progress without end.')
  }

  #wakeDrained(): void {
    for (const resolve of this.#onDrained.splice(0)) resolve()
  }
}

/** Of all requests only `load` can have such a header: it names every file. */
function tooManyNames(cause: ProtocolError): AppError {
  return new AppError(
    'compute.invalid_input',
    'The names and paths of the files of this model are more than 1 MiB together, which no worker is told. Import it in fewer files.',
    {},
    { cause },
  )
}

function tooMuch(): AppError {
  return new AppError(
    'compute.invalid_input',
    'These inputs are more than 2 GiB together. Send them in several jobs.',
  )
}
