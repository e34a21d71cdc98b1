import type { Tensor, Tensors } from '../../../shared/domain/tensor'

/** Two ways to compute the same differ by no more than this part of the value (or of 1). */
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

function isAlike(a: Tensors, b: Tensors | undefined, step: number): boolean {
  const names = Object.keys(a)
  return (
    b !== undefined &&
    names.length === Object.keys(b).length &&
    names.every((name) => isAlikeTensor(a[name], b[name], step))
  )
}

function isAlikeTensor(a: Tensor | undefined, b: Tensor | undefined, step: number): boolean {
  if (!a || !b || a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false
  if (a.dtype === 'string' || b.dtype === 'string')
    return a.dtype === 'string' && b.dtype === 'string' && a.strings.join('\0') === b.strings.join('\0')
  if (a.dtype !== 'float32') return Buffer.compare(a.bytes, b.bytes) === 0
  return areAlikeFloats(floatsOf(a.bytes), floatsOf(b.bytes), step)
}

function areAlikeFloats(a: Float32Array, b: Float32Array, step: number): boolean {
  for (let i = 0; i < a.length; i += step) {
    const value = a[i] ?? Number.NaN
    const other = b[i] ?? Number.NaN
    const isNear = Math.abs(value - other) <= TOLERANCE * Math.max(1, Math.abs(value))
    if (!isNear && !Object.is(value, other)) return false
  }
  return true
}

function floatBytesOf(tensor: Tensor): number {
  return tensor.dtype === 'float32' ? tensor.bytes.byteLength : 0
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const isAligned = bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0
  const { buffer, byteOffset, byteLength } = isAligned ? bytes : bytes.slice()
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
}
