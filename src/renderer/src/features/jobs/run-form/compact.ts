import type { JsonTensor } from '@shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '@shared/domain/tensor-codec'

/** Lists up to this length travel as they are, so that a job can be read; longer ones as base64. */
const READABLE = 64

/** The same tensor in the form that travels best: short lists readable, long ones and those with NaN as base64. */
export function compact(name: string, tensor: JsonTensor): JsonTensor {
  if (!('data' in tensor) || tensor.dtype === 'string') return tensor
  const odd = tensor.data.some((value) => typeof value === 'number' && !Number.isFinite(value))
  if (tensor.data.length <= READABLE && !odd) return tensor
  return toJsonTensor(fromJsonTensor(name, tensor), 'base64')
}

/** About how many bytes a tensor takes in a message. */
export function weight(tensor: JsonTensor): number {
  return 'data' in tensor ? tensor.data.length * 8 : tensor.base64.length
}
