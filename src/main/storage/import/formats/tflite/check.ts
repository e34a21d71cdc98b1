import { elementCount } from '../../../../../shared/domain/tensor'
import type { Rejection } from '../../rejection'
import type { Table } from './flatbuffer'
import { BUFFER, GRAPH, MODEL, OPERATOR, TENSOR, TYPES } from './schema'

/** Holds what the tables of a model say of each other against each other, as TensorFlow Lite's own verifier does. @throws Rejection */
export function assertSound(model: Table, sizeBytes: number, malformed: (what: string) => Rejection): void {
  const codes = model.count(MODEL.operatorCodes)
  for (let index = 0; index < model.count(MODEL.subgraphs); index++) {
    const graph = model.item(MODEL.subgraphs, index)
    const tensors = graph.count(GRAPH.tensors)
    const assertIndices = (indices: readonly number[], least: number) => {
      if (!indices.every((tensor) => tensor >= least && tensor < tensors))
        throw malformed('an index names nothing')
    }
    assertIndices(graph.integers(GRAPH.inputs), 0)
    assertIndices(graph.integers(GRAPH.outputs), 0)
    for (let place = 0; place < graph.count(GRAPH.operators); place++) {
      const operator = graph.item(GRAPH.operators, place)
      if (operator.u32(OPERATOR.code) >= codes) throw malformed('an operator is none of its kinds')
      // An input that is left out is -1.
      assertIndices(operator.integers(OPERATOR.inputs), -1)
      assertIndices(operator.integers(OPERATOR.outputs), 0)
      assertIndices(operator.integers(OPERATOR.intermediates), -1)
    }
    for (let place = 0; place < tensors; place++)
      assertTensor(graph.item(GRAPH.tensors, place), model, sizeBytes, malformed)
  }
}

/** Bytes of a buffer: within the tables, or behind them in models beyond 2 GB. */
export function bufferBytes(model: Table, index: number): number {
  const buffer = model.item(MODEL.buffers, index)
  return buffer.length(BUFFER.data) || (buffer.u64(BUFFER.offset) > 1 ? buffer.u64(BUFFER.size) : 0)
}

function assertTensor(
  tensor: Table,
  model: Table,
  sizeBytes: number,
  malformed: (what: string) => Rejection,
): void {
  const index = tensor.u32(TENSOR.buffer)
  if (index === 0) return
  const bytes = bufferBytes(model, index)
  if (bytes === 0) return
  const buffer = model.item(MODEL.buffers, index)
  const end = buffer.length(BUFFER.data) > 0 ? 0 : buffer.u64(BUFFER.offset) + bytes
  if (end > sizeBytes) throw malformed(`the weights end ${end - sizeBytes} bytes after the file`)
  const bits = TYPES[tensor.byte(TENSOR.type)]?.bits ?? null
  if (bits === null || tensor.has(TENSOR.sparsity)) return
  const shape = tensor.integers(TENSOR.shape)
  const needed = Math.ceil((elementCount(shape) * bits) / 8)
  if (shape.some((size) => size < 0)) throw malformed('a tensor has a negative size')
  if (needed !== bytes) throw malformed(`a tensor has ${bytes} bytes, but its shape and type need ${needed}`)
}
