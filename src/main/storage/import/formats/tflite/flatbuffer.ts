import type { FileBytes } from '../../file-bytes'
import type { Rejection } from '../../rejection'

const MOST_ITEMS = 1_000_000

/**
 * A table of a FlatBuffer (flatbuffers.dev, "Internals"): a vtable says where each field lies. Every offset is held against
 * the file, and items are read by index only, so that no cycle can be followed.
 */
export class Table {
  readonly #bytes: FileBytes
  readonly #at: number
  readonly #fields: Buffer
  readonly #malformed: (what: string) => Rejection

  constructor(bytes: FileBytes, at: number, malformed: (what: string) => Rejection) {
    this.#bytes = bytes
    this.#at = at
    this.#malformed = malformed
    const vtableAt = at - this.#read(at, 4).readInt32LE()
    const size = this.#read(vtableAt, 4).readUInt16LE()
    if (size < 4 || size % 2 !== 0) throw malformed('the description of a table is impossible')
    this.#fields = this.#read(vtableAt, size).subarray(4)
  }

  byte(field: number): number {
    const at = this.#place(field)
    return at === null ? 0 : this.#read(at, 1).readUInt8()
  }

  u32(field: number): number {
    const at = this.#place(field)
    return at === null ? 0 : this.#read(at, 4).readUInt32LE()
  }

  /** @throws Rejection beyond 2^53: no file has so many bytes */
  u64(field: number): number {
    const at = this.#place(field)
    const value = at === null ? 0n : this.#read(at, 8).readBigUInt64LE()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#malformed('a number is larger than any file')
    return Number(value)
  }

  has(field: number): boolean {
    return this.#place(field) !== null
  }

  text(field: number, limit = 1000): string {
    const vector = this.#vector(field, 1)
    return vector ? this.#read(vector.at, Math.min(vector.length, limit)).toString('utf8') : ''
  }

  /** Bytes of a vector of bytes. */
  length(field: number): number {
    return this.#vector(field, 1)?.length ?? 0
  }

  integers(field: number): number[] {
    const vector = this.#vector(field, 4)
    if (!vector) return []
    const bytes = this.#read(vector.at, vector.length * 4)
    return Array.from({ length: vector.length }, (_, i) => bytes.readInt32LE(i * 4))
  }

  count(field: number): number {
    return this.#vector(field, 4)?.length ?? 0
  }

  /** A table of a vector of tables. */
  item(field: number, index: number): Table {
    const vector = this.#vector(field, 4)
    if (!vector || index < 0 || index >= vector.length) throw this.#malformed('an index names nothing')
    const at = vector.at + index * 4
    return new Table(this.#bytes, at + this.#read(at, 4).readUInt32LE(), this.#malformed)
  }

  #vector(field: number, bytesEach: number): { at: number; length: number } | null {
    const place = this.#place(field)
    if (place === null) return null
    const at = place + this.#read(place, 4).readUInt32LE()
    const length = this.#read(at, 4).readUInt32LE()
    if (at + 4 + length * bytesEach > this.#bytes.size || (bytesEach > 1 && length > MOST_ITEMS))
      throw this.#malformed('a list is longer than the file')
    return { at: at + 4, length }
  }

  #place(field: number): number | null {
    const offset = field * 2 + 2 <= this.#fields.length ? this.#fields.readUInt16LE(field * 2) : 0
    return offset === 0 ? null : this.#at + offset
  }

  #read(at: number, length: number): Buffer {
    if (!(at >= 0 && at + length <= this.#bytes.size)) throw this.#malformed('a place lies outside the file')
    return this.#bytes.slice(at, length)
  }
}
