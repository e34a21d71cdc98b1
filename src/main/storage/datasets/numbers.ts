import { fromFloat16Bits } from '../../../shared/domain/float16'
import type { JsonTensor } from '../../../shared/domain/tensor'
import { fromJsonTensor } from '../../../shared/domain/tensor-codec'
import { elementsOf } from '../../../shared/domain/tensor-elements'

/** At most so many elements of one tensor are looked at, evenly spread. */
const MOST = 4_096

/** Elements of a numeric tensor as numbers; none of a tensor of texts. */
export function* numbersOf(json: JsonTensor): Generator<number> {
  const tensor = fromJsonTensor('data', json)
  if (tensor.dtype === 'string') return
  const elements = elementsOf(tensor.dtype, tensor.bytes)
  const step = Math.max(1, Math.floor(elements.length / MOST))
  for (let i = 0; i < elements.length; i += step) {
    const value = Number(elements[i])
    yield tensor.dtype === 'float16' ? fromFloat16Bits(value) : value
  }
}
