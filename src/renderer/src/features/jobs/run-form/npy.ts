import { fromFloat16Bits } from '@shared/domain/float16'
import type { DType } from '@shared/domain/tensor'
import { InputProblem } from './input-problem'

export interface NpyArray {
  dtype: DType
  shape: number[]
  /** Row-major. Numbers; int64 beyond 2^53 as strings. */
  data: (number | string | boolean)[]
}

type Reader = (view: DataView, offset: number, little: boolean) => number | string | boolean

function int64(value: bigint): number | string {
  const near = Number(value)
  return Number.isSafeInteger(near) ? near : value.toString()
}

const KINDS: Record<string, { dtype: DType; bytes: number; read: Reader }> = {
  f2: { dtype: 'float16', bytes: 2, read: (v, o, le) => fromFloat16Bits(v.getUint16(o, le)) },
  f4: { dtype: 'float32', bytes: 4, read: (v, o, le) => v.getFloat32(o, le) },
  f8: { dtype: 'float64', bytes: 8, read: (v, o, le) => v.getFloat64(o, le) },
  i1: { dtype: 'int8', bytes: 1, read: (v, o) => v.getInt8(o) },
  u1: { dtype: 'uint8', bytes: 1, read: (v, o) => v.getUint8(o) },
  i2: { dtype: 'int16', bytes: 2, read: (v, o, le) => v.getInt16(o, le) },
  i4: { dtype: 'int32', bytes: 4, read: (v, o, le) => v.getInt32(o, le) },
  i8: { dtype: 'int64', bytes: 8, read: (v, o, le) => int64(v.getBigInt64(o, le)) },
  b1: { dtype: 'bool', bytes: 1, read: (v, o) => v.getUint8(o) !== 0 },
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/**
 * NumPy's `.npy`, versions 1 to 3 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): numbers and
 * booleans, either byte order, C or Fortran order.
 * @throws InputProblem `npy` with what does not fit
 */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new InputProblem('npy', { reason: 'magic' })
  const wide = (bytes[6] ?? 0) >= 2
  const start = wide ? 12 : 10
  if (bytes.length < start) throw new InputProblem('npy', { reason: 'header' })
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true))
  if (end > bytes.length) throw new InputProblem('npy', { reason: 'header' })
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, end))
  const descr = /'descr'\s*:\s*'([<>|=])([a-z]\d+)'/.exec(header)
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)
  const shapeText = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header)
  const kind = KINDS[descr?.[2] ?? '']
  if (!descr || !kind)
    throw new InputProblem('npy', { reason: /'descr'\s*:\s*([^,]{1,40})/.exec(header)?.[1] ?? 'descr' })
  if (!order || !shapeText) throw new InputProblem('npy', { reason: 'header' })
  const shape = (shapeText[1] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => Number.parseInt(part, 10))
  const count = shape.reduce((product, size) => product * size, 1)
  if (!Number.isSafeInteger(count) || count * kind.bytes !== bytes.length - end) {
    throw new InputProblem('fileSize', { wants: count * kind.bytes, got: bytes.length - end })
  }
  const data: (number | string | boolean)[] = new Array(count)
  const little = descr[1] !== '>'
  for (let i = 0; i < count; i++) data[i] = kind.read(view, end + i * kind.bytes, little)
  return { dtype: kind.dtype, shape, data: order[1] === 'True' ? toRowMajor(data, shape) : data }
}

/** Column-major to row-major. */
function toRowMajor<Item>(data: readonly Item[], shape: readonly number[]): Item[] {
  const strides: number[] = []
  let stride = 1
  for (const size of shape) {
    strides.push(stride)
    stride *= size
  }
  const index = new Array<number>(shape.length).fill(0)
  return data.map(() => {
    const from = index.reduce((sum, at, axis) => sum + at * (strides[axis] ?? 0), 0)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next
        break
      }
      index[axis] = 0
    }
    return data[from] as Item
  })
}
