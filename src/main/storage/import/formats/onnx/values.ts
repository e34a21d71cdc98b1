import { type ProtoReader, WIRE } from '../protobuf'

/** Fields of `TensorProto` that hold values one by one; onnx.proto. */
const FLOATS = 4
const INT32S = 5
const TEXTS = 6
const INT64S = 7
const DOUBLES = 10
const UINT64S = 11
/** Where the values of an element type are: all others are 32-bit integers. Complex numbers take two each. */
const FIELD_OF: Record<number, number> = {
  1: FLOATS,
  7: INT64S,
  8: TEXTS,
  11: DOUBLES,
  12: UINT64S,
  13: UINT64S,
  14: FLOATS,
  15: DOUBLES,
}
const COMPLEX = new Set([14, 15])
const LONGEST_VARINT = 10

/** Counts the values that a tensor carries without reading them: exactly, or within bounds where each may be of any length. */
export class ValueCount {
  readonly #least = new Map<number, number>()
  readonly #most = new Map<number, number>()

  /** A field of the tensor, whichever it is. */
  add(reader: ProtoReader): void {
    const { field, wire } = reader
    if (wire !== WIRE.bytes || field === TEXTS) this.#count(field, 1, 1)
    else if (field === FLOATS) this.#count(field, reader.length / 4, reader.length / 4)
    else if (field === DOUBLES) this.#count(field, reader.length / 8, reader.length / 8)
    else this.#count(field, Math.ceil(reader.length / LONGEST_VARINT), reader.length)
  }

  /** Whether it may be so many elements. @param bits of one; below 8 several share a value */
  fits(elementType: number, elements: number, bits: number | null): boolean {
    if (elements === 0 || elementType === 0) return true
    const field = FIELD_OF[elementType] ?? INT32S
    const values = COMPLEX.has(elementType) ? elements * 2 : elements
    const fewest = bits !== null && bits < 8 ? Math.ceil((elements * bits) / 8) : values
    return (this.#least.get(field) ?? 0) <= values && (this.#most.get(field) ?? 0) >= fewest
  }

  #count(field: number, least: number, most: number): void {
    this.#least.set(field, (this.#least.get(field) ?? 0) + least)
    this.#most.set(field, (this.#most.get(field) ?? 0) + most)
  }
}
