/** What of a file, or of an entry in an archive, can be read by place. */
export interface ByteRange {
  readonly size: number
  /** @throws when the bytes do not lie within */
  slice(position: number, length: number): Buffer
}

/** What cannot be read: damaged, or written in a way that is not known here. */
export class Hdf5Error extends Error {
  override readonly name = 'Hdf5Error'
}

/** It says itself that it was longer, or that it holds more. */
export class Hdf5Truncated extends Hdf5Error {}

/** Written in a way that is not known here, but to HDF5: what is not seen may be anything. */
export class Hdf5Unfollowed extends Hdf5Error {}

/** It takes content from other files. */
export class Hdf5Outside extends Hdf5Error {}

const UNDEFINED = 0xffff_ffff_ffff_ffffn
/** Structure alone, never values: real files have some hundred bytes of it for each tensor. */
const MOST_BYTES = 64 * 1024 * 1024
/** What one read, or one item of a list, costs at least, so that their number is bounded too. */
const ITEM_BYTES = 128

/** Reads blocks of a file that is not trusted: each within the file, and all together no more than a budget. */
export class Blocks {
  readonly size: number
  readonly #range: ByteRange
  #left = MOST_BYTES

  constructor(range: ByteRange) {
    this.#range = range
    this.size = range.size
  }

  at(position: number, length: number): Block {
    if (position + length > this.size) throw new Hdf5Error('a block lies behind its end')
    this.#spend(Math.max(length, ITEM_BYTES))
    return new Block(this.#range.slice(position, length))
  }

  /** Says that an item of a list is kept. */
  item(): void {
    this.#spend(ITEM_BYTES)
  }

  /** A block that must begin with its signature. */
  signed(position: number, length: number, signature: string): Block {
    const block = this.at(position, length)
    if (block.text(4) !== signature) throw new Hdf5Error(`a block "${signature}" is not where it should be`)
    return block
  }

  /** As {@link at}, but of what may be cut by the end of the file. */
  upTo(position: number, length: number): Block {
    return this.at(position, Math.max(0, Math.min(length, this.size - position)))
  }

  #spend(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw new Hdf5Unfollowed('it has more structure than any real one')
  }
}

/** A cursor over the little-endian fields of one block. */
export class Block {
  position = 0
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.position
  }

  skip(count: number): this {
    this.#take(count)
    return this
  }

  u8(): number {
    return this.bytes.readUInt8(this.#take(1))
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.#take(4))
  }

  /** A length or count of `width` bytes. */
  number(width = 8): number {
    const at = this.#take(width)
    let value = 0
    for (let i = width - 1; i >= 0; i--) value = value * 256 + (this.bytes[at + i] ?? 0)
    if (value > Number.MAX_SAFE_INTEGER) throw new Hdf5Error('a number is larger than any file')
    return value
  }

  /** A place in the file; null where it is undefined. */
  address(): number | null {
    const value = this.bytes.readBigUInt64LE(this.#take(8))
    if (value === UNDEFINED) return null
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Hdf5Error('a block lies behind its end')
    return Number(value)
  }

  text(length: number): string {
    const at = this.#take(length)
    return this.bytes.toString('utf8', at, at + length)
  }

  /** The next bytes as a block of their own. */
  part(length: number): Block {
    const at = this.#take(length)
    return new Block(this.bytes.subarray(at, at + length))
  }

  #take(count: number): number {
    if (count > this.left) throw new Hdf5Error('a block is shorter than its content')
    this.position += count
    return this.position - count
  }
}
