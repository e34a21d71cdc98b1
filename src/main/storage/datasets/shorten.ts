import type { ShownCell } from '../../../shared/contract'
import { DTYPE_BYTES, elementCount, type JsonTensor } from '../../../shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '../../../shared/domain/tensor-codec'
import type { RawRow, ShownRow } from './table'

/** Up to so many elements a tensor is whole: a small picture of 32 by 32 is. */
const WHOLE = 1_024
const HEAD = 8

/** A row to look at: of long tensors the first elements. */
export function shortened(row: RawRow): ShownRow {
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, shortCell(cell)]))
}

function shortCell(cell: RawRow[string]): ShownCell {
  if (typeof cell !== 'object' || cell === null || elementCount(cell.shape) <= WHOLE) return cell
  const { dtype, shape } = cell
  const first = toJsonTensor(fromJsonTensor('head', headOf(cell)))
  return { dtype, shape, head: 'data' in first ? first.data : [] }
}

/** The first elements as a tensor of their own; of base64 only what is needed is decoded. */
function headOf(tensor: JsonTensor): JsonTensor {
  const { dtype } = tensor
  if ('data' in tensor) return { dtype, shape: [HEAD], data: tensor.data.slice(0, HEAD) }
  const bytes = Buffer.from(tensor.base64.slice(0, 88), 'base64')
  const width = dtype === 'string' ? 0 : DTYPE_BYTES[dtype]
  return { dtype, shape: [HEAD], base64: bytes.subarray(0, HEAD * width).toString('base64') }
}
