import { AppError } from '../errors'
import type { JsonTensor, Signature, Tensor, Tensors } from './tensor'

/**
 * Packs lists of named tensors into one buffer: u32 length of the header (little endian), a JSON header, then the raw
 * bytes of each tensor, each at a multiple of 8.
 */
export function packTensors(items: readonly Tensors[]): Uint8Array {
  throw new AppError('internal', `${items.length}`)
}

/** The inverse of {@link packTensors}; every offset and size is checked. @throws AppError `storage.corrupt` */
export function unpackTensors(bytes: Uint8Array): Tensors[] {
  throw new AppError('internal', `${bytes.length}`)
}

/** @throws AppError `compute.invalid_input` naming `name`, what it wants and what it got */
export function fromJsonTensor(name: string, tensor: JsonTensor): Tensor {
  throw new AppError('internal', `${name} ${tensor.dtype}`)
}

export function toJsonTensor(tensor: Tensor, form: 'data' | 'base64' = 'data'): JsonTensor {
  throw new AppError('internal', `${tensor.dtype} ${form}`)
}

/** @throws AppError `compute.invalid_input` for a missing or unknown input, a wrong dtype or a shape that does not fit */
export function assertFits(signature: Signature, inputs: Tensors): void {
  throw new AppError('internal', `${signature.inputs.length} ${Object.keys(inputs).length}`)
}
