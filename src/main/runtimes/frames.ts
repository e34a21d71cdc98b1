import type { Socket } from 'node:net'
import type { Pieces } from '../../shared/domain/tensor-codec'

/** Bytes of a header at most. */
export const MAX_HEADER_BYTES = 2 ** 20
/** Bytes of a body at most. */
export const MAX_BODY_BYTES = 2 ** 31 - 1

const PREFIX_BYTES = 8

export interface FrameLimits {
  headerBytes: number
  bodyBytes: number
  /** Room for a body at first; beyond it, as its bytes come: a peer that only claims to send 2 GiB does not get them. */
  roomBytes: number
}

const LIMITS: FrameLimits = {
  headerBytes: MAX_HEADER_BYTES,
  bodyBytes: MAX_BODY_BYTES,
  roomBytes: 64 * 2 ** 20,
}

export interface Frame {
  /** Any JSON: to be parsed by who receives it. */
  header: unknown
  headerBytes: number
  body: Uint8Array
}

/** The peer does not keep to the protocol; nothing more it says can be understood. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

const EMPTY = new Uint8Array(0)

/**
 * Cuts a stream of bytes into frames: u32 header length, u32 body length (little endian), the header as JSON in UTF-8,
 * the body as raw bytes.
 */
export class FrameReader {
  readonly #limits: FrameLimits
  /** The prefix and the header, until they are whole. */
  #head: Buffer = Buffer.allocUnsafeSlow(PREFIX_BYTES)
  #headFilled = 0
  #headerBytes = -1
  #header: unknown
  #body: Buffer | null = null
  #bodyBytes = 0
  #bodyFilled = 0

  constructor(limits: Partial<FrameLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
  }

  /** The frames that end in this chunk. A body is a buffer of its own. @throws ProtocolError */
  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = []
    let at = 0
    while (at < chunk.length) {
      if (!this.#body) {
        at = this.#readHead(chunk, at, frames)
        continue
      }
      at = this.#readBody(chunk, at)
      if (this.#bodyFilled === this.#bodyBytes) this.#emit(frames)
    }
    return frames
  }

  #readHead(chunk: Buffer, from: number, frames: Frame[]): number {
    const wanted = this.#headerBytes < 0 ? PREFIX_BYTES : PREFIX_BYTES + this.#headerBytes
    const taken = Math.min(wanted - this.#headFilled, chunk.length - from)
    chunk.copy(this.#head, this.#headFilled, from, from + taken)
    this.#headFilled += taken
    if (this.#headFilled < wanted) return from + taken
    if (this.#headerBytes < 0) this.#readPrefix()
    else {
      this.#header = parseHeader(this.#head.subarray(PREFIX_BYTES, wanted))
      this.#body = this.#bodyBytes > 0 ? roomFor(Math.min(this.#bodyBytes, this.#limits.roomBytes)) : null
      if (!this.#body) this.#emit(frames)
    }
    return from + taken
  }

  #readPrefix(): void {
    this.#headerBytes = this.#head.readUInt32LE(0)
    this.#bodyBytes = this.#head.readUInt32LE(4)
    if (this.#headerBytes === 0 || this.#headerBytes > this.#limits.headerBytes) {
      throw new ProtocolError(`A header of ${this.#headerBytes} bytes.`)
    }
    if (this.#bodyBytes > this.#limits.bodyBytes)
      throw new ProtocolError(`A body of ${this.#bodyBytes} bytes.`)
    if (this.#head.length < PREFIX_BYTES + this.#headerBytes) {
      this.#head = Buffer.allocUnsafeSlow(PREFIX_BYTES + this.#headerBytes)
    }
  }

  #readBody(chunk: Buffer, from: number): number {
    let body = this.#body ?? Buffer.alloc(0)
    const taken = Math.min(this.#bodyBytes - this.#bodyFilled, chunk.length - from)
    if (this.#bodyFilled + taken > body.length) {
      body = roomFor(Math.min(this.#bodyBytes, Math.max(body.length * 2, this.#bodyFilled + taken)))
      this.#body?.copy(body, 0, 0, this.#bodyFilled)
      this.#body = body
    }
    chunk.copy(body, this.#bodyFilled, from, from + taken)
    this.#bodyFilled += taken
    return from + taken
  }

  #emit(frames: Frame[]): void {
    frames.push({ header: this.#header, headerBytes: this.#headerBytes, body: this.#body ?? EMPTY })
    this.#headFilled = 0
    this.#headerBytes = -1
    this.#header = undefined
    this.#body = null
    this.#bodyBytes = 0
    this.#bodyFilled = 0
    // One long header must not hold its memory for good.
    if (this.#head.length > 65_536) this.#head = Buffer.allocUnsafeSlow(PREFIX_BYTES)
  }
}

function roomFor(bytes: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(bytes)
  } catch (error) {
    throw new ProtocolError(`There is no memory for a body of ${bytes} bytes.`, { cause: error })
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function parseHeader(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch (error) {
    throw new ProtocolError('A header that is not JSON.', { cause: error })
  }
}

/** The prefix and the header of a frame; the body follows as it is. @throws ProtocolError when it is over the limits */
export function frameHead(header: unknown, bodyBytes: number): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  if (json.length > MAX_HEADER_BYTES) throw new ProtocolError(`A header of ${json.length} bytes.`)
  if (bodyBytes > MAX_BODY_BYTES) throw new ProtocolError(`A body of ${bodyBytes} bytes.`)
  const head = Buffer.allocUnsafe(PREFIX_BYTES + json.length)
  head.writeUInt32LE(json.length, 0)
  head.writeUInt32LE(bodyBytes, 4)
  json.copy(head, PREFIX_BYTES)
  return head
}

/** A body in one piece or in several; none of it may change until it has gone out. */
export type Body = Uint8Array | Pieces

/** Writes one frame without copying its body. @throws ProtocolError when it is over the limits */
export function writeFrame(socket: Socket, header: unknown, body: Body = EMPTY): void {
  const head = frameHead(header, body.byteLength)
  if (body.byteLength === 0) {
    socket.write(head)
    return
  }
  socket.cork()
  socket.write(head)
  for (const piece of 'pieces' in body ? body.pieces : [body]) socket.write(piece)
  socket.uncork()
}
