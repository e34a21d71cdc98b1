import type { DType } from '../../../shared/domain/tensor'

/** `TensorProto.DataType` of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export const ONNX_TYPES: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
}

type Field = Buffer

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
const number = (field: number, value: number): Field => Buffer.concat([varint(field * 8), varint(value)])
function message(field: number, ...parts: Field[]): Field {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body])
}
const text = (field: number, value: string): Field => message(field, Buffer.from(value))

function valueInfo(field: number, name: string, type: number, shape: readonly number[]): Field {
  const dims = shape.map((size) => message(1, number(1, size)))
  return message(field, text(1, name), message(2, message(1, number(1, type), message(2, ...dims))))
}

function model(...graph: Field[]): Buffer {
  return Buffer.concat([number(1, 8), message(7, ...graph, text(2, 'g')), message(8, number(2, 13))])
}

/** `y = x` for any dtype. */
export function identityModel(dtype: DType, shape: readonly number[]): Buffer {
  const type = ONNX_TYPES[dtype]
  const node = message(1, text(1, 'x'), text(2, 'y'), text(4, 'Identity'))
  return model(node, valueInfo(11, 'x', type, shape), valueInfo(12, 'y', type, shape))
}

/** `y = a + b` in float32. */
export function sumModel(shape: readonly number[]): Buffer {
  const node = message(1, text(1, 'a'), text(1, 'b'), text(2, 'y'), text(4, 'Add'))
  const inputs = ['a', 'b'].map((name) => valueInfo(11, name, ONNX_TYPES.float32, shape))
  return model(node, ...inputs, valueInfo(12, 'y', ONNX_TYPES.float32, shape))
}

/** `y = x + w` in float32, where the `size` numbers of `w` lie in another file. */
export function externalModel(location: string, size: number): Buffer {
  const entry = (key: string, value: string) => message(13, text(1, key), text(2, value))
  const weights = message(
    5,
    number(1, size),
    number(2, 1),
    text(8, 'w'),
    entry('location', location),
    entry('offset', '0'),
    entry('length', String(size * 4)),
    number(14, 1),
  )
  const node = message(1, text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'Add'))
  return model(node, weights, valueInfo(11, 'x', 1, [size]), valueInfo(12, 'y', 1, [size]))
}
