import type { Finding } from '../../../../../shared/contract'
import type { DType, Signature, TensorSpec } from '../../../../../shared/domain/tensor'
import { at, type JsonObject, listAt, objectAt, textAt } from '../json'

/**
 * `DataType` of TensorFlow's types.proto by name and number, as TensorFlow.js holds such tensors: it knows fewer types
 * and widens the rest (tfjs-converter, `parseDtypeParam`).
 */
const DTYPES: Record<string, DType> = {
  DT_FLOAT: 'float32',
  1: 'float32',
  DT_DOUBLE: 'float32',
  2: 'float32',
  DT_HALF: 'float32',
  19: 'float32',
  DT_INT32: 'int32',
  3: 'int32',
  DT_UINT8: 'int32',
  4: 'int32',
  DT_INT8: 'int32',
  6: 'int32',
  DT_INT64: 'int32',
  9: 'int32',
  DT_STRING: 'string',
  7: 'string',
  DT_BOOL: 'bool',
  10: 'bool',
}

export interface DescribedTopology {
  signature: Signature
  findings: Finding[]
  operators: Map<string, number>
}

/**
 * The signature of a graph model: as its `signature` says, by the keys it gives; else its placeholders and the nodes that
 * no other consumes, by their names. So do TensorFlow.js and our runtime.
 */
export function graphSignature(model: JsonObject, topology: JsonObject, file: string): DescribedTopology {
  const nodes = listAt(topology, 'node') ?? []
  const operators = new Map<string, number>()
  for (const node of nodes) {
    const operator = textAt(node, 'op')?.slice(0, 200) ?? ''
    operators.set(operator, (operators.get(operator) ?? 0) + 1)
  }
  const findings: Finding[] = []
  const written =
    objectAt(model, 'signature') ?? objectAt(objectAt(model, 'userDefinedMetadata'), 'signature')
  const inputs = objectAt(written, 'inputs')
  const outputs = objectAt(written, 'outputs')
  const isWritten = hasEntries(inputs) && hasEntries(outputs)
  return {
    signature: {
      inputs: isWritten ? signatureSpecs(inputs, nodes) : placeholders(nodes, file, findings),
      outputs: isWritten ? signatureSpecs(outputs, nodes) : unconsumed(nodes),
    },
    findings,
    operators,
  }
}

function hasEntries(value: JsonObject | null): value is JsonObject {
  return value !== null && Object.keys(value).length > 0
}

function signatureSpecs(entries: JsonObject, nodes: unknown[]): TensorSpec[] {
  return Object.entries(entries).map(([key, info]) => {
    const nodeName = (textAt(info, 'name') ?? key).replace(/:\d+$/, '')
    const node = nodes.find((candidate) => textAt(candidate, 'name') === nodeName)
    return {
      name: key,
      dtype: dtypeOf(at(info, 'dtype') ?? attribute(node, 'dtype', 'type')) ?? 'float32',
      shape: shapeOf(at(info, 'tensorShape')) ?? shapeOf(attribute(node, 'shape', 'shape')) ?? [null],
    }
  })
}

function placeholders(nodes: unknown[], file: string, findings: Finding[]): TensorSpec[] {
  return nodes.flatMap((node) => {
    const name = textAt(node, 'name')
    if (textAt(node, 'op') !== 'Placeholder' || name === null) return []
    const dtype = dtypeOf(attribute(node, 'dtype', 'type'))
    const shape = shapeOf(attribute(node, 'shape', 'shape'))
    if (dtype === null || shape === null) {
      const message = `The input "${name.slice(0, 120)}" does not say ${dtype === null ? 'its type; float32 is assumed' : 'how many dimensions it has'}.`
      findings.push({ severity: 'info', code: 'storage.open_shape', message, file })
    }
    return [{ name, dtype: dtype ?? 'float32', shape: shape ?? [null] }]
  })
}

function unconsumed(nodes: unknown[]): TensorSpec[] {
  const consumed = new Set<string>()
  for (const node of nodes) {
    for (const input of listAt(node, 'input') ?? []) {
      // `^node` is a control dependency, `node:1` one of several outputs.
      if (typeof input === 'string') consumed.add(input.replace(/^\^/, '').replace(/:.*$/, ''))
    }
  }
  return nodes.flatMap((node) => {
    const name = textAt(node, 'name')
    if (name === null || consumed.has(name) || textAt(node, 'op') === 'Const') return []
    const dtype = dtypeOf(attribute(node, 'T', 'type') ?? attribute(node, 'dtype', 'type')) ?? 'float32'
    return [{ name, dtype, shape: [null] }]
  })
}

function attribute(node: unknown, name: string, field: string): unknown {
  return at(objectAt(objectAt(node, 'attr'), name), field)
}

function dtypeOf(type: unknown): DType | null {
  const key = typeof type === 'number' ? String(type) : type
  return typeof key === 'string' && Object.hasOwn(DTYPES, key) ? (DTYPES[key] ?? null) : null
}

/** `TensorShapeProto`; null when even the number of dimensions is open. */
function shapeOf(shape: unknown): TensorSpec['shape'] | null {
  if (at(shape, 'unknownRank') === true || typeof shape !== 'object' || shape === null) return null
  return (listAt(shape, 'dim') ?? []).slice(0, 64).map((dimension) => {
    const size = numberOf(at(dimension, 'size'))
    return size === null || size < 0 ? null : size
  })
}

/** Text or number, as protobuf's JSON writes 64-bit numbers as text. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null
}
