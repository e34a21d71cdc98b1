import { fromBase64 } from '@shared/domain/base64'
import { fromFloat16Bits } from '@shared/domain/float16'
import { DTYPE_BYTES, type DType, elementCount, type JsonTensor } from '@shared/domain/tensor'

export type Element = number | string | boolean

/** What a person sees of a tensor: facts and its first values, never all of a large one. */
export interface TensorView {
  dtype: DType
  shape: number[]
  count: number
  /** Of the finite numbers; null for text, and where there is no number. */
  range: { min: number; max: number; mean: number } | null
  /** NaN and infinite elements. */
  oddCount: number
  /** Where the largest element stands; for numeric vectors (at most one dimension longer than 1) of 2 and more. */
  argmax: { index: number; value: number } | null
  /** The first rows and columns of the last two dimensions at index 0 of the others. */
  grid: Element[][]
  /** True when the grid leaves something out. */
  cut: boolean
}

const GRID_ROWS = 8
const GRID_COLUMNS = 8

type Read = (view: DataView, index: number) => Element

const READERS: Record<Exclude<DType, 'string'>, Read> = {
  float32: (v, i) => v.getFloat32(i * 4, true),
  float64: (v, i) => v.getFloat64(i * 8, true),
  float16: (v, i) => fromFloat16Bits(v.getUint16(i * 2, true)),
  int8: (v, i) => v.getInt8(i),
  uint8: (v, i) => v.getUint8(i),
  int16: (v, i) => v.getInt16(i * 2, true),
  int32: (v, i) => v.getInt32(i * 4, true),
  int64: (v, i) => {
    const exact = v.getBigInt64(i * 8, true)
    const near = Number(exact)
    return Number.isSafeInteger(near) ? near : exact.toString()
  },
  bool: (v, i) => v.getUint8(i) !== 0,
}

/** Elements by index, whichever form the tensor came in. */
function elementsOf(tensor: JsonTensor): { length: number; at: (index: number) => Element } {
  if ('data' in tensor) return { length: tensor.data.length, at: (index) => tensor.data[index] ?? '' }
  if (tensor.dtype === 'string') return { length: 0, at: () => '' }
  const bytes = fromBase64(tensor.base64) ?? new Uint8Array()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = READERS[tensor.dtype]
  // A tensor shorter than its shape says is shown as far as it goes.
  const length = Math.min(elementCount(tensor.shape), Math.floor(bytes.length / DTYPE_BYTES[tensor.dtype]))
  return { length, at: (index) => read(view, index) }
}

export function viewTensor(tensor: JsonTensor): TensorView {
  const elements = elementsOf(tensor)
  const { shape, dtype } = tensor
  let oddCount = 0
  let sum = 0
  let finite = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let maxAt = -1
  if (dtype !== 'string' && dtype !== 'bool') {
    for (let i = 0; i < elements.length; i++) {
      const value = Number(elements.at(i))
      if (!Number.isFinite(value)) {
        oddCount++
        continue
      }
      finite++
      sum += value
      if (value < min) min = value
      if (value > max) {
        max = value
        maxAt = i
      }
    }
  }
  const isVector = shape.filter((size) => size > 1).length === 1 && elements.length >= 2
  return {
    dtype,
    shape,
    count: elements.length,
    range: finite > 0 ? { min, max, mean: sum / finite } : null,
    oddCount,
    argmax: isVector && maxAt >= 0 ? { index: maxAt, value: max } : null,
    ...gridOf(elements, shape),
  }
}

function gridOf(
  elements: { length: number; at: (index: number) => Element },
  shape: readonly number[],
): { grid: Element[][]; cut: boolean } {
  const columns = shape.at(-1) ?? 1
  const rows = shape.at(-2) ?? 1
  const grid: Element[][] = []
  for (let row = 0; row < Math.min(rows, GRID_ROWS); row++) {
    const line: Element[] = []
    for (let column = 0; column < Math.min(columns, GRID_COLUMNS); column++) {
      const index = row * columns + column
      if (index < elements.length) line.push(elements.at(index))
    }
    if (line.length > 0) grid.push(line)
  }
  const seen = grid.reduce((count, line) => count + line.length, 0)
  return { grid, cut: seen < elements.length }
}

/** An element for a narrow cell: six significant digits. */
export function elementText(element: Element): string {
  if (typeof element !== 'number') return String(element)
  if (Number.isInteger(element) || !Number.isFinite(element)) return String(element)
  const magnitude = Math.abs(element)
  return magnitude >= 1e6 || magnitude < 1e-4
    ? element.toExponential(3)
    : String(Number(element.toPrecision(6)))
}
