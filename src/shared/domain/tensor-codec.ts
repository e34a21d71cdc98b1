import { AppError } from '../errors'
import { fromBase64, toBase64 } from './base64'
import { fromFloat16Bits, toFloat16Bits } from './float16'
import { DTYPE_BYTES, type DType, type JsonTensor, type Tensor } from './tensor'
import { checkedCount, type Elements, elementsOf, tooLarge, wrongCount } from './tensor-elements'

export { assertFits } from './tensor-fits'
export { type Pieces, packTensorPieces, packTensors, unpackTensors } from './tensor-pack'

type JsonElement = number | string | boolean
type FixedDType = Exclude<DType, 'string'>

/** The least and the most that whole numbers of a type can be. */
export const INTEGER_RANGES = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
} as const

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** What JSON numbers cannot say is said by these strings, in both directions. */
const NOT_FINITE: Record<string, number> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}

/**
 * Reads a tensor as it comes in JSON. Floats take numbers and the strings `NaN`, `Infinity`, `-Infinity`; int64 takes
 * integers and decimal strings; bool takes booleans, 0 and 1. Nothing is rounded into range: an element that its dtype
 * cannot hold is refused. `base64` holds row-major little endian bytes, not for strings.
 * @throws AppError `compute.invalid_input` naming `name`, what it wants and what it got
 */
export function fromJsonTensor(name: string, tensor: JsonTensor): Tensor {
  const { dtype, shape } = tensor
  const count = checkedCount(shape, dtype === 'string' ? 4 : DTYPE_BYTES[dtype])
  if (count === null) throw tooLarge(name, tensor)
  if ('base64' in tensor) {
    if (dtype === 'string') throw refuse(name, 'strings in `data`', '`base64`')
    const bytes = fromBase64(tensor.base64)
    if (!bytes) throw refuse(name, 'padded base64 (RFC 4648)', 'text that is not base64')
    const has = bytes.byteLength / DTYPE_BYTES[dtype]
    if (has !== count) throw wrongCount(name, tensor, count, has)
    if (dtype === 'bool') {
      const wrong = bytes.findIndex((byte) => byte > 1)
      if (wrong >= 0) throw wrongElement(name, dtype, wrong, bytes[wrong])
    }
    return { dtype, shape: [...shape], bytes }
  }
  const { data } = tensor
  if (data.length !== count) throw wrongCount(name, tensor, count, data.length)
  if (dtype === 'string') {
    const wrong = data.findIndex((text) => typeof text !== 'string')
    if (wrong >= 0) throw wrongElement(name, dtype, wrong, data[wrong])
    return { dtype, shape: [...shape], strings: data as string[] }
  }
  const bytes = new Uint8Array(count * DTYPE_BYTES[dtype])
  const wrong = fill(dtype, bytes, data)
  if (wrong >= 0) throw wrongElement(name, dtype, wrong, data[wrong])
  return { dtype, shape: [...shape], bytes }
}

/**
 * The JSON form of a tensor. `data`: numbers, with `NaN`, `Infinity`, `-Infinity` and each int64 beyond 2^53 as a
 * string (the sign of -0 is lost); `base64`: the exact bytes. Strings are always `data`.
 */
export function toJsonTensor(tensor: Tensor, form: 'data' | 'base64' = 'data'): JsonTensor {
  const { dtype, shape } = tensor
  if (dtype === 'string') return { dtype, shape, data: tensor.strings }
  if (form === 'base64') return { dtype, shape, base64: toBase64(tensor.bytes) }
  return { dtype, shape, data: toElements(dtype, tensor.bytes) }
}

/** Writes the elements as bytes; the index of the first that does not fit, or -1. */
function fill(dtype: FixedDType, bytes: Uint8Array, data: readonly JsonElement[]): number {
  switch (dtype) {
    case 'float32':
    case 'float64':
      return fillFloats(elementsOf(dtype, bytes), data)
    case 'float16':
      return fillHalves(elementsOf(dtype, bytes), data)
    case 'int64':
      return fillBig(elementsOf(dtype, bytes), data)
    case 'bool':
      return fillBooleans(bytes, data)
    default:
      return fillIntegers(elementsOf(dtype, bytes), data, INTEGER_RANGES[dtype])
  }
}

function floatOf(value: JsonElement | undefined): number | null {
  if (typeof value === 'number') return value
  return typeof value === 'string' && Object.hasOwn(NOT_FINITE, value) ? (NOT_FINITE[value] ?? null) : null
}

function fillFloats(out: Float32Array | Float64Array, data: readonly JsonElement[]): number {
  for (let i = 0; i < out.length; i++) {
    const value = floatOf(data[i])
    if (value === null) return i
    out[i] = value
    // A finite number that float32 can only hold as infinite.
    if (!Number.isFinite(out[i]) && Number.isFinite(value)) return i
  }
  return -1
}

function fillHalves(out: Uint16Array, data: readonly JsonElement[]): number {
  for (let i = 0; i < out.length; i++) {
    const value = floatOf(data[i])
    if (value === null) return i
    const half = toFloat16Bits(value)
    if ((half & 0x7fff) === 0x7c00 && Number.isFinite(value)) return i
    out[i] = half
  }
  return -1
}

function fillIntegers(
  out: Int8Array | Uint8Array | Int16Array | Int32Array,
  data: readonly JsonElement[],
  [least, most]: readonly [number, number],
): number {
  for (let i = 0; i < out.length; i++) {
    const value = data[i]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) return i
    out[i] = value
  }
  return -1
}

function fillBig(out: BigInt64Array, data: readonly JsonElement[]): number {
  for (let i = 0; i < out.length; i++) {
    const value = data[i]
    if (typeof value === 'number' && Number.isSafeInteger(value)) out[i] = BigInt(value)
    else if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) {
      const big = BigInt(value)
      if (big < INT64_MIN || big > INT64_MAX) return i
      out[i] = big
    } else return i
  }
  return -1
}

function fillBooleans(out: Uint8Array, data: readonly JsonElement[]): number {
  for (let i = 0; i < out.length; i++) {
    const value = data[i]
    if (value !== true && value !== false && value !== 0 && value !== 1) return i
    out[i] = value ? 1 : 0
  }
  return -1
}

function toElements(dtype: FixedDType, bytes: Uint8Array): JsonElement[] {
  switch (dtype) {
    case 'bool':
      return Array.from(bytes, (byte) => byte !== 0)
    case 'int64':
      return Array.from(elementsOf(dtype, bytes), (big) => {
        const value = Number(big)
        return Number.isSafeInteger(value) ? value : big.toString()
      })
    case 'float16':
      return numbersOf(Float64Array.from(elementsOf(dtype, bytes), fromFloat16Bits))
    default:
      return numbersOf(elementsOf(dtype, bytes))
  }
}

// A plain loop: `Array.from` goes through the iterator, four times as slow.
function numbersOf(values: Exclude<Elements, BigInt64Array>): JsonElement[] {
  const out = new Array<JsonElement>(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    out[i] = Number.isFinite(value) ? value : String(value)
  }
  return out
}

/** @param value from outside: it may be anything that JSON can say */
function wrongElement(name: string, dtype: DType, index: number, value: unknown): AppError {
  const ranges: Partial<Record<DType, readonly [number, number]>> = INTEGER_RANGES
  const range = ranges[dtype]
  const wants = range ? `${dtype} (whole numbers from ${range[0]} to ${range[1]})` : dtype
  const shown = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing')
  const short = shown.length > 40 ? `${shown.slice(0, 39)}…` : shown
  return refuse(name, wants, `${short} at element ${index}`)
}

function refuse(name: string, wants: string, got: string): AppError {
  return new AppError('compute.invalid_input', `"${name}" wants ${wants}, got ${got}.`, {
    input: name,
    wants,
    got,
  })
}
