import type { DType } from '../../../../../shared/domain/tensor'

/** Fields of the tables, in the order of TensorFlow Lite's schema.fbs. */
export const MODEL = { version: 0, operatorCodes: 1, subgraphs: 2, description: 3, buffers: 4 }
export const GRAPH = { tensors: 0, inputs: 1, outputs: 2, operators: 3 }
export const TENSOR = { shape: 0, type: 1, buffer: 2, name: 3, sparsity: 6, shapeSignature: 7 }
export const OPERATOR = { code: 0, inputs: 1, outputs: 2, intermediates: 8 }
export const OPERATOR_CODE = { customCode: 1 }
export const BUFFER = { data: 0, offset: 1, size: 2 }

/** `TensorType`: its name, bits of a value (null: varies), and our dtype where jobs carry such tensors. */
export const TYPES: { name: string; bits: number | null; dtype: DType | null }[] = [
  { name: 'float32', bits: 32, dtype: 'float32' },
  { name: 'float16', bits: 16, dtype: 'float16' },
  { name: 'int32', bits: 32, dtype: 'int32' },
  { name: 'uint8', bits: 8, dtype: 'uint8' },
  { name: 'int64', bits: 64, dtype: 'int64' },
  { name: 'string', bits: null, dtype: 'string' },
  { name: 'bool', bits: 8, dtype: 'bool' },
  { name: 'int16', bits: 16, dtype: 'int16' },
  { name: 'complex64', bits: 64, dtype: null },
  { name: 'int8', bits: 8, dtype: 'int8' },
  { name: 'float64', bits: 64, dtype: 'float64' },
  { name: 'complex128', bits: 128, dtype: null },
  { name: 'uint64', bits: 64, dtype: null },
  { name: 'resource', bits: null, dtype: null },
  { name: 'variant', bits: null, dtype: null },
  { name: 'uint32', bits: 32, dtype: null },
  { name: 'uint16', bits: 16, dtype: null },
  { name: 'int4', bits: 4, dtype: null },
  { name: 'bfloat16', bits: 16, dtype: null },
]
