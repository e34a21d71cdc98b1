/** The bytes of a pickle, read in their order. */
export class PickleBytes {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get left(): number {
    return this.#bytes.length - this.at
  }

  take(length: number): Buffer {
    if (!(length >= 0 && length <= this.left)) throw new PickleError('it ends in the middle of a value')
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  u8(): number {
    return this.take(1).readUInt8()
  }

  u16(): number {
    return this.take(2).readUInt16LE()
  }

  u32(): number {
    return this.take(4).readUInt32LE()
  }

  u64(): number {
    const value = this.take(8).readBigUInt64LE()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new PickleError('it claims more bytes than can exist')
    return Number(value)
  }

  /** A text of the old protocols, up to the end of its line. */
  line(): string {
    const end = this.#bytes.indexOf(10, this.at)
    if (end < 0) throw new PickleError('it ends in the middle of a line')
    const text = this.take(end - this.at).toString('latin1')
    this.at++
    return text.replace(/\r$/, '')
  }
}

/** The pickle cannot be followed; the words say why. */
export class PickleError extends Error {
  override readonly name = 'PickleError'
}
