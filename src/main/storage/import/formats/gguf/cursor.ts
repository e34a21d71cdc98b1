import type { FileBytes } from '../../file-bytes'
import { Rejection } from '../../rejection'
import { VALUE_BYTES } from './types'

/** How a file writes its numbers. */
export interface Layout {
  /** The highest byte first. */
  isBigEndian: boolean
  /** Lengths and counts have 32 bits, as in version 1. */
  isNarrow: boolean
}

/** Reads the numbers and texts of a GGUF file in their order. Nothing is believed that the file has no bytes for. */
export class Cursor {
  at: number
  readonly bytes: FileBytes
  readonly #layout: Layout

  constructor(bytes: FileBytes, at: number, layout: Layout) {
    this.bytes = bytes
    this.at = at
    this.#layout = layout
  }

  get left(): number {
    return this.bytes.size - this.at
  }

  u32(): number {
    return this.#take(4).readUInt32LE()
  }

  /** @throws Rejection beyond 2^53: no file has so many bytes */
  u64(what: string): number {
    const value = this.#take(8).readBigUInt64LE()
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw this.malformed(`${what} is ${value}, more than can exist`)
    return Number(value)
  }

  /** A length or size, as wide as the version has it. @throws Rejection */
  length(what: string): number {
    return this.#layout.isNarrow ? this.u32() : this.u64(what)
  }

  /** A count of things that each take `bytesEach` or more. */
  count(what: string, bytesEach: number): number {
    const count = this.length(what)
    if (count * bytesEach > this.left)
      throw this.malformed(`${what} is ${count}, but only ${this.left} bytes are left`)
    return count
  }

  /** @param keep characters kept; the rest is jumped over */
  text(what: string, keep: number): string {
    const length = this.length(`the length of ${what}`)
    if (length > this.left)
      throw this.malformed(`${what} claims ${length} bytes, but only ${this.left} are left`)
    const text = this.bytes
      .slice(this.at, Math.min(length, keep * 4))
      .toString('utf8')
      .slice(0, keep)
    this.at += length
    return text
  }

  /** A value of a fixed size. */
  fixed(type: number): number | boolean {
    const raw = this.#take(VALUE_BYTES[type] ?? 0)
    switch (type) {
      case 0:
        return raw.readUInt8()
      case 1:
        return raw.readInt8()
      case 2:
        return raw.readUInt16LE()
      case 3:
        return raw.readInt16LE()
      case 4:
        return raw.readUInt32LE()
      case 5:
        return raw.readInt32LE()
      case 6:
        return raw.readFloatLE()
      case 7:
        return raw.readUInt8() !== 0
      case 10:
        return Number(raw.readBigUInt64LE())
      case 11:
        return Number(raw.readBigInt64LE())
      default:
        return raw.readDoubleLE()
    }
  }

  skip(bytes: number, what: string): void {
    if (bytes > this.left)
      throw this.malformed(`${what} claims ${bytes} bytes, but only ${this.left} are left`)
    this.at += bytes
  }

  malformed(what: string): Rejection {
    return new Rejection(
      'storage.unreadable',
      `The GGUF file is damaged, or made to do harm: ${what}. Get it again.`,
      this.bytes.file,
    )
  }

  #take(length: number): Buffer {
    if (length > this.left) throw this.malformed('it ends in the middle of its header')
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.bytes.byte(this.at + i)
    this.at += length
    // One number at a time is taken, so its bytes can be turned round.
    return this.#layout.isBigEndian ? bytes.reverse() : bytes
  }
}
