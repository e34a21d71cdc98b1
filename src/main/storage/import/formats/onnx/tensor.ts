import type { DType, TensorSpec } from '../../../../../shared/domain/tensor'
import { quoted } from '../../rejection'
import type { ProtoReader } from '../protobuf'
import { ValueCount } from './values'

/** `TensorProto.DataType` of onnx.proto: its name, bits of an element (null: varies), and our dtype where we have one. */
const ELEMENT_TYPES: Record<number, { name: string; bits: number | null; dtype: DType | null }> = {
  1: { name: 'float32', bits: 32, dtype: 'float32' },
  2: { name: 'uint8', bits: 8, dtype: 'uint8' },
  3: { name: 'int8', bits: 8, dtype: 'int8' },
  4: { name: 'uint16', bits: 16, dtype: null },
  5: { name: 'int16', bits: 16, dtype: 'int16' },
  6: { name: 'int32', bits: 32, dtype: 'int32' },
  7: { name: 'int64', bits: 64, dtype: 'int64' },
  8: { name: 'string', bits: null, dtype: 'string' },
  9: { name: 'bool', bits: 8, dtype: 'bool' },
  10: { name: 'float16', bits: 16, dtype: 'float16' },
  11: { name: 'float64', bits: 64, dtype: 'float64' },
  12: { name: 'uint32', bits: 32, dtype: null },
  13: { name: 'uint64', bits: 64, dtype: null },
  14: { name: 'complex64', bits: 64, dtype: null },
  15: { name: 'complex128', bits: 128, dtype: null },
  16: { name: 'bfloat16', bits: 16, dtype: null },
  17: { name: 'float8e4m3fn', bits: 8, dtype: null },
  18: { name: 'float8e4m3fnuz', bits: 8, dtype: null },
  19: { name: 'float8e5m2', bits: 8, dtype: null },
  20: { name: 'float8e5m2fnuz', bits: 8, dtype: null },
  21: { name: 'uint4', bits: 4, dtype: null },
  22: { name: 'int4', bits: 4, dtype: null },
  23: { name: 'float4e2m1', bits: 4, dtype: null },
  24: { name: 'float8e8m0', bits: 8, dtype: null },
  25: { name: 'uint2', bits: 2, dtype: null },
  26: { name: 'int2', bits: 2, dtype: null },
}

export function elementTypeName(type: number): string {
  return ELEMENT_TYPES[type]?.name ?? `type ${type}`
}

export interface TensorHead {
  name: string
  shape: number[]
  elements: number
  elementType: number
  /** Bytes of the values by dtype and shape; null where the type does not say. */
  valueBytes: number | null
  /** Set when the values lie in another file: `external_data` as written. */
  external: Map<string, string> | null
}

/** Reads a `TensorProto` without its values. */
export function readTensor(reader: ProtoReader): TensorHead {
  let name = ''
  const shape: number[] = []
  let elements = 1
  let elementType = 0
  let rawBytes: number | null = null
  let isExternal = false
  const external = new Map<string, string>()
  const values = new ValueCount()
  while (reader.next()) {
    if (reader.field === 1) {
      for (const dimension of reader.integers()) {
        if (dimension < 0) throw reader.malformed('a tensor has a negative dimension')
        shape.push(dimension)
        elements *= dimension
        if (!Number.isSafeInteger(elements))
          throw reader.malformed('a tensor claims more values than can exist')
      }
    } else if (reader.field === 2) elementType = reader.integer()
    else if (reader.field === 8) name = reader.text()
    else if (reader.field === 9) rawBytes = reader.length
    else if (reader.field === 13) readPlace(reader.message(), external)
    else if (reader.field === 14) isExternal = reader.integer() === 1
    else values.add(reader)
  }
  const bits = ELEMENT_TYPES[elementType]?.bits ?? null
  const valueBytes = bits === null ? null : Math.ceil((elements * bits) / 8)
  if (rawBytes !== null && !isExternal && valueBytes !== null && rawBytes !== valueBytes) {
    throw reader.malformed(`a tensor says it has ${valueBytes} bytes of values and carries ${rawBytes}`)
  }
  if (rawBytes === null && !isExternal && external.size === 0 && !values.fits(elementType, elements, bits))
    throw reader.malformed(`a tensor says it has ${elements} values and does not carry as many`)
  // Some writers leave `data_location` out; a place is a place.
  return {
    name,
    shape,
    elements,
    elementType,
    valueBytes,
    external: isExternal || external.size > 0 ? external : null,
  }
}

/** Of two places readers take different ones, and one that is passed over here would not be there. */
function readPlace(reader: ProtoReader, external: Map<string, string>): void {
  const before = external.size
  const key = readEntry(reader, external)
  if (external.size === before)
    throw reader.malformed(`a weight that lies in another file says its ${quoted(key)} twice`)
}

/** `StringStringEntryProto`. @returns its key */
export function readEntry(reader: ProtoReader, into: Map<string, string>): string {
  let key = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === 1) key = reader.text(1024)
    else if (reader.field === 2) value = reader.excerpt(4096)
  }
  if (into.size < 200) into.set(key, value)
  return key
}

/** An input or output of a graph. */
export interface ValueInfo {
  name: string
  /** Null for what no tensor of ours can hold: a sequence, a map, or an element type without a dtype. */
  spec: TensorSpec | null
  /** False when the file leaves even the number of dimensions open. */
  ranked: boolean
  /** What it is, in words. */
  kind: string
}

/** Reads a `ValueInfoProto`. */
export function readValueInfo(reader: ProtoReader): ValueInfo {
  let name = ''
  let kind = 'a value without a type'
  let tensor: { elementType: number; shape: TensorSpec['shape'] | null } | null = null
  while (reader.next()) {
    if (reader.field === 1) name = reader.text()
    else if (reader.field === 2) {
      const type = reader.message()
      while (type.next()) {
        if (type.field === 1) tensor = readTensorType(type.message())
        else if (type.field === 4) kind = 'a sequence'
        else if (type.field === 5) kind = 'a map'
        else if (type.field === 8) kind = 'a sparse tensor'
        else if (type.field === 9) kind = 'an optional value'
      }
    }
  }
  if (!tensor) return { name, spec: null, ranked: false, kind }
  const dtype = ELEMENT_TYPES[tensor.elementType]?.dtype ?? null
  return {
    name,
    spec: dtype && { name, dtype, shape: tensor.shape ?? [null] },
    ranked: tensor.shape !== null,
    kind: `a ${elementTypeName(tensor.elementType)} tensor`,
  }
}

function readTensorType(reader: ProtoReader): { elementType: number; shape: TensorSpec['shape'] | null } {
  let elementType = 0
  let shape: TensorSpec['shape'] | null = null
  while (reader.next()) {
    if (reader.field === 1) elementType = reader.integer()
    else if (reader.field === 2) {
      shape = []
      const dimensions = reader.message()
      while (dimensions.next()) {
        if (dimensions.field !== 1) continue
        if (shape.length >= 64) throw reader.malformed('a tensor has more than 64 dimensions')
        shape.push(readDimension(dimensions.message()))
      }
    }
  }
  return { elementType, shape }
}

function readDimension(reader: ProtoReader): TensorSpec['shape'][number] {
  let dimension: TensorSpec['shape'][number] = null
  while (reader.next()) {
    if (reader.field === 1) {
      const size = reader.integer()
      // Some exporters write -1 for a free dimension.
      dimension = size < 0 ? null : size
    } else if (reader.field === 2) dimension = reader.text(1024) || null
  }
  return dimension
}
