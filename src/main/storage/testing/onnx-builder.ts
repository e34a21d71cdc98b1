/** Writes ONNX files for tests: a protobuf writer and the few messages of onnx.proto that the tests need. */

export type Field = Uint8Array

export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return bytes
}

export function number(field: number, value: number | bigint): Field {
  return Uint8Array.from([...varint(field * 8), ...varint(value)])
}

export function bytes(field: number, content: Uint8Array | string): Field {
  const data = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(data.length)]), data])
}

export function message(field: number, ...fields: Field[]): Field {
  return bytes(field, Buffer.concat(fields))
}

/** The head of a `bytes` field whose content of `length` bytes follows somewhere else: for files with holes. */
export function bytesHead(field: number, length: number): Field {
  return Uint8Array.from([...varint(field * 8 + 2), ...varint(length)])
}

export interface TensorOptions {
  field?: number
  type?: number
  raw?: Uint8Array
  external?: Record<string, string>
}

/** A `TensorProto`, by default as an initializer of a graph with float32 zeros. */
export function tensor(name: string, dims: (number | bigint)[], options: TensorOptions = {}): Field {
  const { field = 5, type = 1, external } = options
  const raw = options.raw ?? (type === 1 && !external ? zeros(dims) : undefined)
  return message(
    field,
    ...dims.map((dim) => number(1, dim)),
    number(2, type),
    bytes(8, name),
    ...(raw ? [bytes(9, raw)] : []),
    ...Object.entries(external ?? {}).map(([key, value]) => message(13, bytes(1, key), bytes(2, value))),
    ...(external ? [number(14, 1)] : []),
  )
}

/** None where the dimensions are made to do harm. */
function zeros(dims: readonly (number | bigint)[]): Uint8Array | undefined {
  const values = dims.reduce<number>((product, dim) => product * Number(dim), 1)
  return values >= 0 && values <= 2 ** 20 ? new Uint8Array(values * 4) : undefined
}

/** A `ValueInfoProto`: field 11 an input, 12 an output. */
export function value(
  field: number,
  name: string,
  shape: (number | string | null)[] | null,
  type = 1,
): Field {
  const dims = (shape ?? []).map((dim) =>
    typeof dim === 'number'
      ? message(1, number(1, dim))
      : dim === null
        ? message(1)
        : message(1, bytes(2, dim)),
  )
  const tensorType = message(1, number(1, type), ...(shape ? [message(2, ...dims)] : []))
  return message(field, bytes(1, name), message(2, tensorType))
}

export function node(operator: string, domain = '', ...attributes: Field[]): Field {
  return message(1, bytes(4, operator), ...attributes, ...(domain ? [bytes(7, domain)] : []))
}

/** An `AttributeProto` of a node. */
export function attribute(...fields: Field[]): Field {
  return message(5, bytes(1, 'a'), ...fields)
}

export interface ModelOptions {
  graph?: Field[]
  /** Fields of the model beside version, producer, graph and opset. */
  extra?: Field[]
}

/** A `ModelProto` around the fields of its graph. */
export function model({ graph = plainGraph(), extra = [] }: ModelOptions = {}): Buffer {
  return Buffer.concat([
    number(1, 8),
    bytes(2, 'test'),
    message(7, ...graph),
    message(8, number(2, 17)),
    ...extra,
  ])
}

export function plainGraph(): Field[] {
  return [node('Identity'), bytes(2, 'g'), value(11, 'x', [1, 4]), value(12, 'y', [1, 4])]
}
