import type { DType, TensorSpec } from '../../../../../shared/domain/tensor'
import type { ProtoReader } from '../protobuf'

/** `DataType` of TensorFlow's types.proto, as far as tensors of jobs can have it. */
export const DTYPES: Record<number, DType> = {
  1: 'float32',
  2: 'float64',
  3: 'int32',
  4: 'uint8',
  5: 'int16',
  6: 'int8',
  7: 'string',
  9: 'int64',
  10: 'bool',
  19: 'float16',
}
const MOST_OPERATORS = 10_000
const MOST_SIGNATURES = 100

export interface SavedSignature {
  name: string
  inputs: TensorSpec[]
  outputs: TensorSpec[]
}

export interface MetaGraph {
  tags: string[]
  tensorflowVersion: string
  /** By name, in the graph and in every function of its library. */
  operators: Map<string, number>
  signatures: SavedSignature[]
  /** Files of `assets/` that it names. */
  assets: string[]
}

/** Reads a `MetaGraphDef` (meta_graph.proto); constants are jumped over. @throws Rejection for what is malformed */
export function readMetaGraph(reader: ProtoReader): MetaGraph {
  const graph: MetaGraph = {
    tags: [],
    tensorflowVersion: '',
    operators: new Map(),
    signatures: [],
    assets: [],
  }
  while (reader.next()) {
    if (reader.field === 1) readMetaInfo(reader.message(), graph)
    else if (reader.field === 2) readGraph(reader.message(), graph)
    else if (reader.field === 5 && graph.signatures.length < MOST_SIGNATURES) {
      const { key, value } = readSignatureEntry(reader.message())
      graph.signatures.push({ name: key, ...value })
    } else if (reader.field === 6 && graph.assets.length < 1000)
      graph.assets.push(readAsset(reader.message()))
  }
  return graph
}

function readMetaInfo(reader: ProtoReader, graph: MetaGraph): void {
  while (reader.next()) {
    if (reader.field === 4 && graph.tags.length < 20) graph.tags.push(reader.excerpt(100))
    else if (reader.field === 5) graph.tensorflowVersion = reader.excerpt(50)
  }
}

function readGraph(reader: ProtoReader, graph: MetaGraph): void {
  while (reader.next()) {
    if (reader.field === 1) readNode(reader.message(), graph)
    else if (reader.field === 2) readLibrary(reader.message(), graph)
  }
}

/** `FunctionDefLibrary`: graphs within the graph. */
function readLibrary(reader: ProtoReader, graph: MetaGraph): void {
  while (reader.next()) {
    if (reader.field !== 1) continue
    const definition = reader.message()
    while (definition.next()) if (definition.field === 3) readNode(definition.message(), graph)
  }
}

function readNode(reader: ProtoReader, graph: MetaGraph): void {
  while (reader.next()) {
    if (reader.field !== 2) continue
    const name = reader.excerpt(200)
    if (graph.operators.size < MOST_OPERATORS || graph.operators.has(name))
      graph.operators.set(name, (graph.operators.get(name) ?? 0) + 1)
    else throw reader.malformed('it uses more kinds of operators than there are')
  }
}

function readAsset(reader: ProtoReader): string {
  let name = ''
  while (reader.next()) if (reader.field === 2) name = reader.text()
  return name
}

function readSignatureEntry(reader: ProtoReader): {
  key: string
  value: { inputs: TensorSpec[]; outputs: TensorSpec[] }
} {
  let key = ''
  const value: { inputs: TensorSpec[]; outputs: TensorSpec[] } = { inputs: [], outputs: [] }
  while (reader.next()) {
    if (reader.field === 1) key = reader.excerpt(200)
    else if (reader.field === 2) {
      const signature = reader.message()
      while (signature.next()) {
        if (signature.field !== 1 && signature.field !== 2) continue
        const list = signature.field === 1 ? value.inputs : value.outputs
        const spec = readTensorEntry(signature.message())
        if (spec && list.length < 1000) list.push(spec)
      }
    }
  }
  return { key, value }
}

/** One entry of a map from names to `TensorInfo`. */
function readTensorEntry(reader: ProtoReader): TensorSpec | null {
  let name = ''
  let dtype: DType | null = null
  let shape: TensorSpec['shape'] = ['...']
  while (reader.next()) {
    if (reader.field === 1) name = reader.excerpt(200)
    else if (reader.field === 2) {
      const info = reader.message()
      while (info.next()) {
        if (info.field === 2) dtype = DTYPES[info.integer()] ?? null
        else if (info.field === 3) shape = readShape(info.message())
      }
    }
  }
  return dtype === null ? null : { name, dtype, shape }
}

/** A `TensorShapeProto`; null where any size will do. */
export function readShape(reader: ProtoReader): TensorSpec['shape'] {
  const shape: TensorSpec['shape'] = []
  while (reader.next()) {
    if (reader.field === 3 && reader.integer() !== 0) return ['...']
    if (reader.field !== 2 || shape.length >= 64) continue
    let size: number | null = 0
    const dimension = reader.message()
    while (dimension.next()) if (dimension.field === 1) size = dimension.integer()
    shape.push(size < 0 ? null : size)
  }
  return shape
}
