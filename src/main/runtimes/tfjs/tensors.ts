import * as tf from '@tensorflow/tfjs'
import { fromFloat16Bits } from '../../../shared/domain/float16'
import type { Tensor } from '../../../shared/domain/tensor'
import { bytesOf, elementsOf } from '../../../shared/domain/tensor-elements'
import { InputError } from '../worker'

/**
 * A tensor of ours as one of TensorFlow.js, which knows float32, int32, bool and string only: smaller and larger types
 * become the one of the two that holds them, an int64 only if int32 can hold it.
 */
export function toTf(name: string, tensor: Tensor): tf.Tensor {
  const { shape } = tensor
  switch (tensor.dtype) {
    case 'string':
      return tf.tensor(tensor.strings, shape, 'string')
    case 'bool':
      return tf.tensor(elementsOf('bool', tensor.bytes), shape, 'bool')
    case 'float32':
      return tf.tensor(elementsOf('float32', tensor.bytes), shape, 'float32')
    case 'float64':
      return tf.tensor(Float32Array.from(elementsOf('float64', tensor.bytes)), shape, 'float32')
    case 'float16':
      return tf.tensor(
        Float32Array.from(elementsOf('float16', tensor.bytes), fromFloat16Bits),
        shape,
        'float32',
      )
    case 'int64':
      return tf.tensor(narrow(name, elementsOf('int64', tensor.bytes)), shape, 'int32')
    default:
      return tf.tensor(Int32Array.from(elementsOf(tensor.dtype, tensor.bytes)), shape, 'int32')
  }
}

/** The bytes of a tensor of TensorFlow.js, as a copy that outlives it. */
export async function fromTf(name: string, tensor: tf.Tensor): Promise<Tensor> {
  const shape = [...tensor.shape]
  if (tensor.dtype === 'string') return { dtype: 'string', shape, strings: await tensor.data<'string'>() }
  const { dtype } = tensor
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new Error(`Output "${name}" is ${dtype}, a type that cannot be passed on.`)
  }
  return { dtype, shape, bytes: bytesOf((await tensor.data()).slice()) }
}

function narrow(name: string, values: BigInt64Array): Int32Array {
  const out = new Int32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0n
    if (value < -2147483648n || value > 2147483647n) {
      throw new InputError(
        `Input "${name}" wants numbers that fit int32, as TensorFlow.js has no int64; got ${value}.`,
      )
    }
    out[i] = Number(value)
  }
  return out
}
