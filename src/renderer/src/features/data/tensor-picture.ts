import type { JsonTensor } from '@shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '@shared/domain/tensor-codec'

export interface Picture {
  width: number
  height: number
  /** Four bytes a pixel, row by row. */
  rgba: Uint8ClampedArray<ArrayBuffer>
}

const LEAST_SIDE = 4

/** Height, width and channels of what may be a picture; null for any other shape. */
function sizeOf(shape: readonly number[]): { height: number; width: number; channels: 1 | 3 } | null {
  const from = shape.findIndex((size) => size !== 1)
  const [height = 0, width = 0, channels = 1, ...rest] = from < 0 ? [] : shape.slice(from)
  const isPicture = rest.length === 0 && Math.min(height, width) >= LEAST_SIDE
  return isPicture && (channels === 1 || channels === 3) ? { height, width, channels } : null
}

/** A tensor of height by width, in grey or as the last axis in three colours, drawn from its least to its largest value. */
export function pictureOf(tensor: JsonTensor): Picture | null {
  const size = sizeOf(tensor.shape)
  if (!size || tensor.dtype === 'string') return null
  const plain = toJsonTensor(fromJsonTensor('picture', tensor))
  const values = 'data' in plain ? plain.data.map(Number) : []
  const finite = values.filter(Number.isFinite)
  const least = Math.min(...finite)
  const range = Math.max(...finite) - least
  const rgba = new Uint8ClampedArray(size.width * size.height * 4)
  for (let pixel = 0; pixel < size.width * size.height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[pixel * size.channels + (size.channels === 3 ? channel : 0)] ?? least
      rgba[pixel * 4 + channel] = range > 0 ? ((value - least) / range) * 255 : 0
    }
    rgba[pixel * 4 + 3] = 255
  }
  return { width: size.width, height: size.height, rgba }
}
