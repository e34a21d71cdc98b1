import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Frame, FrameReader, frameHead, MAX_HEADER_BYTES, ProtocolError } from './frames'

function encode(frames: readonly { header: unknown; body: Uint8Array }[]): Buffer {
  return Buffer.concat(frames.flatMap(({ header, body }) => [frameHead(header, body.byteLength), body]))
}

function readIn(pieces: readonly Buffer[], reader = new FrameReader()): Frame[] {
  return pieces.flatMap((piece) => reader.push(piece))
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((to, i) => bytes.subarray(cuts[i], to))
}

const frames = fc.array(
  fc.record({ header: fc.jsonValue().map((value) => ({ value })), body: fc.uint8Array({ maxLength: 200 }) }),
  { maxLength: 5 },
)

describe('FrameReader', () => {
  it('gives the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (sent, cuts) => {
        const got = readIn(cut(encode(sent), cuts))
        expect(got.map((frame) => JSON.stringify(frame.header))).toEqual(
          sent.map((frame) => JSON.stringify(frame.header)),
        )
        expect(got.map((frame) => [...frame.body])).toEqual(sent.map((frame) => [...frame.body]))
      }),
    )
  })

  it('answers any bytes with frames or a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (bytes, cuts) => {
          try {
            readIn(cut(Buffer.from(bytes), cuts))
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses a header or a body over the limits before any of it has come', () => {
    const prefix = (header: number, body: number) => {
      const bytes = Buffer.alloc(8)
      bytes.writeUInt32LE(header, 0)
      bytes.writeUInt32LE(body, 4)
      return bytes
    }
    expect(() => readIn([prefix(MAX_HEADER_BYTES + 1, 0)])).toThrow(ProtocolError)
    expect(() => readIn([prefix(2, 2 ** 31)])).toThrow(ProtocolError)
    expect(() => readIn([prefix(0, 0)])).toThrow(ProtocolError)
    expect(() => readIn([prefix(2, 1)], new FrameReader({ headerBytes: 10, bodyBytes: 0 }))).toThrow(
      ProtocolError,
    )
  })

  it('gives no room for bytes that are only claimed', () => {
    const reader = new FrameReader()
    const before = process.memoryUsage().arrayBuffers
    reader.push(frameHead({}, 2 ** 31 - 1))
    reader.push(Buffer.alloc(10))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(65 * 2 ** 20)
  })

  it('grows with a large body and keeps every byte', () => {
    const body = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => i % 251))
    const pieces = cut(
      encode([{ header: { a: 1 }, body }]),
      Array.from({ length: 40 }, (_, i) => i * 2501),
    )
    const [frame] = readIn(pieces, new FrameReader({ roomBytes: 1000 }))
    expect(Buffer.compare(frame?.body ?? new Uint8Array(), body)).toBe(0)
  })

  it('refuses UTF-8 and JSON that are none', () => {
    const head = frameHead('ab', 0)
    head[8] = 0xff
    expect(() => readIn([head])).toThrow('not JSON')
  })
})
