import type { Finding, ModelVersion, TensorInfo } from '../../../../shared/contract'
import { elementCount } from '../../../../shared/domain/tensor'

/** How many values the weights have, and the type that most of them have. */
export function countWeights(tensors: readonly TensorInfo[]): ModelVersion['metadata'] {
  const values = new Map<string, number>()
  for (const { dtype, shape } of tensors) values.set(dtype, (values.get(dtype) ?? 0) + elementCount(shape))
  const [precision] = [...values].sort((a, b) => b[1] - a[1])
  return {
    parameters: [...values.values()].reduce((sum, count) => sum + count, 0),
    ...(precision && { precision: precision[0] }),
  }
}

/** Texts, and the integers of counters and random generators: state beside the weights. */
const NO_WEIGHT = /^(?:string|unknown|u?int(?:32|64))$/

/** Whether a variable of this type can be one of the parameters that TensorFlow and Keras train or keep from training. */
export function isWeightType(dtype: string): boolean {
  return !NO_WEIGHT.test(dtype)
}

/** Said of a model whose weights are there, but not in a form that can be listed. */
export function unlisted(why: string, file: string): Finding {
  const message = `Its weights could not be listed (${why}): their number and type are not known.`
  return { severity: 'info', code: 'storage.no_tensors', message, file }
}
