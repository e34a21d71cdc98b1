import type { Tensor, Tensors } from '../../../shared/domain/tensor'

/** Two ways to compute the same differ by no more than this part of the greatest number of a tensor. */
const TOLERANCE = 1e-3
/** Numbers beyond this are compared by a sample. */
const WHOLE_BYTES = 2 ** 20

/** Whether two ways to compute the same items came to the same, as far as numbers of 32 bits can. */
export function areAlike(a: readonly Tensors[], b: readonly Tensors[]): boolean {
  const floatBytes = a.flatMap(Object.values).reduce((sum, tensor: Tensor) => sum + floatBytesOf(tensor), 0)
  // This runs where the window and all jobs wait for it. A run that mixes its items up does so in all of their numbers,
  // so a sample shows it. The step is odd, since most rows are even: one that divides a row would look at few columns.
  const step = floatBytes <= WHOLE_BYTES ? 1 : Math.ceil(floatBytes / WHOLE_BYTES) | 1
  return a.length === b.length && a.every((tensors, i) => isAlike(tensors, b[i], step))
}

/** Whether two items are the same to the last byte. */
export function isSame(a: Tensors, b: Tensors): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => isSameTensor(a[name], b[name]))
}

function isAlike(a: Tensors, b: Tensors | undefined, step: number): boolean {
  const names = Object.keys(a)
  return (
    b !== undefined &&
    names.length === Object.keys(b).length &&
    names.every((name) => isAlikeTensor(a[name], b[name], step))
  )
}

function isAlikeTensor(a: Tensor | undefined, b: Tensor | undefined, step: number): boolean {
  if (a?.dtype !== 'float32' || b?.dtype !== 'float32') return isSameTensor(a, b)
  return a.shape.join() === b.shape.join() && areAlikeFloats(floatsOf(a.bytes), floatsOf(b.bytes), step)
}

function isSameTensor(a: Tensor | undefined, b: Tensor | undefined): boolean {
  if (!a || !b || a.shape.join() !== b.shape.join()) return false
  if (a.dtype === 'string') return b.dtype === 'string' && a.strings.every((text, i) => text === b.strings[i])
  return a.dtype === b.dtype && Buffer.compare(a.bytes, b.bytes) === 0
}

function areAlikeFloats(a: Float32Array, b: Float32Array, step: number): boolean {
  const most = TOLERANCE * greatest(a, step)
  for (let i = 0; i < a.length; i += step) {
    const value = a[i] ?? Number.NaN
    const other = b[i] ?? Number.NaN
    if (!(Math.abs(value - other) <= most) && !Object.is(value, other)) return false
  }
  return true
}

/** Of the absolute values that are finite; what rounds is of its order, also where some of them are near nothing. */
function greatest(values: Float32Array, step: number): number {
  let most = 0
  for (let i = 0; i < values.length; i += step) {
    const size = Math.abs(values[i] ?? 0)
    if (size > most && size < Number.POSITIVE_INFINITY) most = size
  }
  return most
}

function floatBytesOf(tensor: Tensor): number {
  return tensor.dtype === 'float32' ? tensor.bytes.byteLength : 0
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const isAligned = bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0
  const { buffer, byteOffset, byteLength } = isAligned ? bytes : bytes.slice()
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
}
