import type { FileBytes } from '../file-bytes'
import { Rejection } from '../rejection'

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Messages within messages; protobuf's own readers stop at 100. */
const DEEPEST = 100

/**
 * A cursor over one protobuf message in a file. Every length is checked against the enclosing message before it is
 * believed, and what is not asked for is jumped over, never read.
 * Format: https://protobuf.dev/programming-guides/encoding
 */
export class ProtoReader {
  field = 0
  wire = 0
  readonly #bytes: FileBytes
  readonly #end: number
  readonly #depth: number
  #position: number
  /** Value of a varint or fixed field; start of the content of a `bytes` field, which ends at `#position`. */
  #value: number | bigint = 0
  #start = 0

  constructor(bytes: FileBytes, start = 0, end = bytes.size, depth = 0) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
    this.#depth = depth
    if (depth > DEEPEST) throw this.malformed('messages are nested too deeply')
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false
    const tag = Number(this.#varint())
    this.field = Math.floor(tag / 8)
    this.wire = tag % 8
    if (this.field === 0 || tag > 0xffffffff) throw this.malformed('a field has no valid number')
    if (this.wire === WIRE.varint) this.#value = this.#varint()
    else if (this.wire === WIRE.bytes) this.#skip(Number(this.#varint()))
    else if (this.wire === WIRE.fixed64) this.#skip(8)
    else if (this.wire === WIRE.fixed32) this.#skip(4)
    else throw this.malformed(`a field has the unknown wire type ${this.wire}`)
    return true
  }

  /** The field as a signed 64-bit integer. Beyond 2^53 it is a rejection: no count or size is that large. */
  integer(): number {
    this.#expect(WIRE.varint)
    const value = typeof this.#value === 'bigint' ? Number(BigInt.asIntN(64, this.#value)) : this.#value
    if (!Number.isSafeInteger(value)) throw this.malformed('a number is larger than any model needs')
    return value
  }

  /** The field as text of at most `limit` bytes. */
  text(limit = 4096): string {
    if (this.length > limit) throw this.malformed(`a name is ${this.length} bytes long`)
    return this.#bytes.slice(this.#start, this.length).toString('utf8')
  }

  /** The beginning of a text that may be long, such as a description. */
  excerpt(limit: number): string {
    const text = this.#bytes.slice(this.#start, Math.min(this.length, limit)).toString('utf8')
    // A cut may split the last character.
    return this.length > limit ? text.replace(/\uFFFD+$/, '') : text
  }

  /** The field as an embedded message. */
  message(): ProtoReader {
    this.#expect(WIRE.bytes)
    return new ProtoReader(this.#bytes, this.#start, this.#position, this.#depth + 1)
  }

  /** Repeated integers, packed or one by one, as both are legal. */
  *integers(): Generator<number> {
    if (this.wire === WIRE.varint) {
      yield this.integer()
      return
    }
    const packed = this.message()
    while (packed.#position < packed.#end) {
      packed.wire = WIRE.varint
      packed.#value = packed.#varint()
      yield packed.integer()
    }
  }

  /** Bytes of a length-delimited field. */
  get length(): number {
    this.#expect(WIRE.bytes)
    return this.#position - this.#start
  }

  malformed(what: string): Rejection {
    return new Rejection(
      'storage.unreadable',
      `The file is damaged: ${what}. Export or download it again.`,
      this.#bytes.file,
    )
  }

  #expect(wire: number): void {
    if (this.wire !== wire) throw this.malformed(`field ${this.field} has another type than the format says`)
  }

  #skip(length: number): void {
    if (length > this.#end - this.#position) {
      throw new Rejection(
        'storage.unreadable',
        'The file ends before its data does. It was probably not copied or downloaded completely; get it again.',
        this.#bytes.file,
      )
    }
    this.#start = this.#position
    this.#position += length
  }

  /** Up to 10 bytes of 7 bits; a bigint only where a number would lose bits. */
  #varint(): number | bigint {
    let value = 0
    let scale = 1
    for (let count = 0; count < 7; count++) {
      const byte = this.#take()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    let large = BigInt(value)
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#take()
      large |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, large)
    }
    throw this.malformed('a number has more than 64 bits')
  }

  #take(): number {
    if (this.#position >= this.#end) throw this.malformed('a number is cut short')
    return this.#bytes.byte(this.#position++)
  }
}
