import { AppError } from '../errors'
import { DTYPE_BYTES, type DType, type Tensor } from './tensor'

/** float16 has no array of its own: its bits, two bytes each. */
export type Elements =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | BigInt64Array

type FixedDType = Exclude<DType, 'string'>

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const

/** Bytes of one tensor at most: what one frame to a worker carries. */
export const MAX_TENSOR_BYTES = 2 ** 31 - 1

/**
 * The bytes as an array of their type: a view where they are aligned, else a copy. All machines we run on are little
 * endian, as the bytes are.
 */
export function elementsOf<D extends FixedDType>(
  dtype: D,
  bytes: Uint8Array,
): InstanceType<(typeof ARRAYS)[D]>
export function elementsOf(dtype: FixedDType, bytes: Uint8Array): Elements {
  const size = DTYPE_BYTES[dtype]
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes)
  return new ARRAYS[dtype](
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    Math.floor(aligned.byteLength / size),
  )
}

/** The bytes of an array, without a copy. */
export function bytesOf(elements: ArrayBufferView): Uint8Array {
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength)
}

/** The number of elements of a shape, or null when no tensor can be so large. */
export function checkedCount(shape: readonly number[], bytesEach: number): number | null {
  let count = 1
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return null
    count *= size
  }
  return count * bytesEach <= MAX_TENSOR_BYTES ? count : null
}

/** `float32 [1, 576]`; a dimension of any size is `?`. */
export function describeTensor(tensor: { dtype: DType; shape: readonly (number | string | null)[] }): string {
  return `${tensor.dtype} [${tensor.shape.map((size) => size ?? '?').join(', ')}]`
}

/** @throws AppError `compute.invalid_input` when the shape is impossible or does not fit the number of elements */
export function assertWellFormed(name: string, tensor: Tensor): void {
  const each = tensor.dtype === 'string' ? 1 : DTYPE_BYTES[tensor.dtype]
  const count = checkedCount(tensor.shape, each)
  const has = tensor.dtype === 'string' ? tensor.strings.length : tensor.bytes.byteLength / each
  if (count === null) throw tooLarge(name, tensor)
  if (has !== count) throw wrongCount(name, tensor, count, has)
}

export function tooLarge(name: string, tensor: { dtype: DType; shape: readonly number[] }): AppError {
  const what = describeTensor(tensor)
  return new AppError(
    'compute.invalid_input',
    `"${name}" is ${what}: more than 2 GiB in one tensor. Split it.`,
    {
      input: name,
      wants: 'at most 2 GiB',
      got: what,
    },
  )
}

export function wrongCount(
  name: string,
  tensor: { dtype: DType; shape: readonly number[] },
  wants: number,
  got: number,
): AppError {
  const what = describeTensor(tensor)
  return new AppError(
    'compute.invalid_input',
    `"${name}" is ${what}, which is ${wants} elements, but holds ${got}.`,
    {
      input: name,
      wants: `${wants} elements`,
      got: `${got} elements`,
    },
  )
}
