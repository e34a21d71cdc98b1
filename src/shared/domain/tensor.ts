import { z } from 'zod'
import { listOf } from './bounded'

export const DTYPES = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'int32',
  'int64',
  'bool',
  'string',
] as const
export type DType = (typeof DTYPES)[number]

/** Bytes of one element, row-major little endian; strings have no fixed size. */
export const DTYPE_BYTES: Record<Exclude<DType, 'string'>, number> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
}

const Shape = listOf(z.number().int().nonnegative(), { max: 16 })

/** Elements are checked against the dtype when the tensor is read: one pass over what may be millions. */
const Elements = z.custom<(number | string | boolean)[]>((value) => Array.isArray(value), 'must be an array')

/** A tensor in JSON: a scalar has shape `[]`; an int64 beyond 2^53 is a string; `base64` is little endian, row-major. */
export const JsonTensor = z.union([
  z.object({ dtype: z.enum(DTYPES), shape: Shape, data: Elements }).strict(),
  z.object({ dtype: z.enum(DTYPES), shape: Shape, base64: z.string() }).strict(),
])
export type JsonTensor = z.infer<typeof JsonTensor>

/** A tensor inside the system: raw bytes, or strings for dtype `string`. */
export type Tensor =
  | { dtype: Exclude<DType, 'string'>; shape: number[]; bytes: Uint8Array }
  | { dtype: 'string'; shape: number[]; strings: string[] }
export type Tensors = Record<string, Tensor>

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1)
}

/**
 * One input or output of a model. A dimension is a number, or a name (or null) where any size will do. The shape `['...']`
 * is of a tensor of which only the name is known: then neither type nor shape is checked.
 */
export const TensorSpec = z.object({
  name: z.string(),
  dtype: z.enum(DTYPES),
  shape: z.array(z.union([z.number().int().nonnegative(), z.string(), z.null()])),
})
export type TensorSpec = z.infer<typeof TensorSpec>

export const Signature = z.object({ inputs: z.array(TensorSpec), outputs: z.array(TensorSpec) })
export type Signature = z.infer<typeof Signature>
