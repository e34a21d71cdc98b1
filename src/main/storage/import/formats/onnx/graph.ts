import type { TensorInfo } from '../../../../../shared/contract'
import { type ProtoReader, WIRE } from '../protobuf'
import { elementTypeName, readTensor, readValueInfo, type TensorHead, type ValueInfo } from './tensor'

const MOST_NAMES = 1_000_000
const MOST_OPERATORS = 5_000
/** More weights than any model has that people look through. */
const MOST_LISTED = 50_000
const MOST_AXES = 64

/** What a model's graphs hold, subgraphs and functions included. */
export interface GraphContent {
  inputs: ValueInfo[]
  outputs: ValueInfo[]
  /** The weights of the model's own graph. */
  tensors: TensorInfo[]
  parameters: number
  /** Values of weights by ONNX element type. */
  valuesByType: Map<number, number>
  /** Nodes by operator. */
  operators: Map<string, number>
  /** Operators with their domains, by {@link operatorKey}. */
  used: Map<string, { domain: string; operator: string }>
  /** Those that the model itself defines as functions, by the same key. */
  defined: Set<string>
}

export function operatorKey(domain: string, operator: string): string {
  return `${domain}\0${operator}`
}

/** Walks graphs without reading values of tensors; `onTensor` sees each one, wherever it hides. */
export class GraphWalker {
  readonly content: GraphContent = {
    inputs: [],
    outputs: [],
    tensors: [],
    parameters: 0,
    valuesByType: new Map(),
    operators: new Map(),
    used: new Map(),
    defined: new Set(),
  }
  readonly #initializers = new Set<string>()
  readonly #onTensor: (tensor: TensorHead, reader: ProtoReader) => void

  constructor(onTensor: (tensor: TensorHead, reader: ProtoReader) => void) {
    this.#onTensor = onTensor
  }

  /** The model's own graph: its inputs and outputs are the model's. */
  mainGraph(reader: ProtoReader): void {
    this.#graph(reader, true)
    this.content.inputs = this.content.inputs.filter((input) => !this.#initializers.has(input.name))
  }

  /** `TrainingInfoProto`: two graphs. */
  trainingInfo(reader: ProtoReader): void {
    while (reader.next()) if (reader.field === 1 || reader.field === 2) this.#graph(reader.message(), false)
  }

  /** `FunctionProto`. */
  ownFunction(reader: ProtoReader): void {
    let name = ''
    let domain = ''
    while (reader.next()) {
      if (reader.field === 1) name = reader.text(1024)
      else if (reader.field === 7) this.#node(reader.message())
      else if (reader.field === 10) domain = reader.text(1024)
      else if (reader.field === 11) this.#attribute(reader.message(), false)
    }
    this.content.defined.add(operatorKey(domain, name))
  }

  #graph(reader: ProtoReader, isMain: boolean): void {
    while (reader.next()) {
      if (reader.field === 1) this.#node(reader.message())
      else if (reader.field === 5) this.#initializer(reader.message(), isMain)
      else if (reader.field === 11 && isMain) this.#value(reader, this.content.inputs)
      else if (reader.field === 12 && isMain) this.#value(reader, this.content.outputs)
      else if (reader.field === 15) this.#sparse(reader.message(), isMain)
    }
  }

  #value(reader: ProtoReader, into: ValueInfo[]): void {
    // Old files list every weight as an input too, so the bound is wide.
    if (into.length >= MOST_NAMES) throw reader.malformed('the graph has too many inputs')
    into.push(readValueInfo(reader.message()))
  }

  #initializer(reader: ProtoReader, isMain: boolean): void {
    const tensor = readTensor(reader)
    this.#onTensor(tensor, reader)
    this.#count(tensor, reader)
    if (!isMain) return
    if (this.#initializers.size >= MOST_NAMES) throw reader.malformed('the graph has too many weights')
    this.#initializers.add(tensor.name)
    const { tensors } = this.content
    const { name, shape, elementType } = tensor
    if (tensors.length < MOST_LISTED && shape.length <= MOST_AXES)
      tensors.push({ name, dtype: elementTypeName(elementType), shape })
  }

  /** `SparseTensorProto`: values, indices. */
  #sparse(reader: ProtoReader, isWeight: boolean): void {
    while (reader.next()) {
      if (reader.field !== 1 && reader.field !== 2) continue
      const tensor = readTensor(reader.message())
      this.#onTensor(tensor, reader)
      if (reader.field === 1 && isWeight) this.#count(tensor, reader)
    }
  }

  #count(tensor: TensorHead, reader: ProtoReader): void {
    this.content.parameters += tensor.elements
    if (!Number.isSafeInteger(this.content.parameters))
      throw reader.malformed('it claims more weights than can exist')
    const { valuesByType } = this.content
    valuesByType.set(tensor.elementType, (valuesByType.get(tensor.elementType) ?? 0) + tensor.elements)
  }

  #node(reader: ProtoReader): void {
    let operator = ''
    let domain = ''
    while (reader.next()) {
      if (reader.field === 4) operator = reader.text(256)
      else if (reader.field === 7) domain = reader.text(1024)
      else if (reader.field === 5) this.#attribute(reader.message(), true)
    }
    const { operators, used } = this.content
    const key = operatorKey(domain, operator)
    if (used.size >= MOST_OPERATORS && !used.has(key)) throw reader.malformed('it uses too many operators')
    operators.set(operator, (operators.get(operator) ?? 0) + 1)
    used.set(key, { domain, operator })
  }

  #attribute(reader: ProtoReader, isOfNode: boolean): void {
    while (reader.next()) {
      if (reader.wire !== WIRE.bytes) continue
      if (reader.field === 5 || reader.field === 10) {
        const tensor = readTensor(reader.message())
        this.#onTensor(tensor, reader)
        // Exporters also keep weights in the `value` of Constant nodes.
        if (isOfNode && reader.field === 5) this.#count(tensor, reader)
      } else if (reader.field === 6 || reader.field === 11) this.#graph(reader.message(), false)
      else if (reader.field === 22 || reader.field === 23) this.#sparse(reader.message(), false)
    }
  }
}

/** `OperatorSetIdProto`. */
export function readOpset(reader: ProtoReader): { domain: string; version: number } {
  let domain = ''
  let version = 0
  while (reader.next()) {
    if (reader.field === 1) domain = reader.text(1024)
    else if (reader.field === 2) version = reader.integer()
  }
  return { domain, version }
}
