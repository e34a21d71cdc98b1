import type { TensorInfo } from '../../../../../shared/contract'
import { elementCount } from '../../../../../shared/domain/tensor'
import { type Block, type Blocks, Hdf5Error, Hdf5Outside, Hdf5Truncated } from './bytes'
import { MESSAGE, type Message } from './object'

const CLASS = { fixed: 0, float: 1, text: 3, opaque: 5, enumeration: 8, variable: 9 } as const
const LAYOUT = { compact: 0, contiguous: 1, virtual: 3 } as const
const HIGHEST_RANK = 32
/** What deflate can compress to at best: no values take less of the file. */
const LARGEST_RATIO = 1032

/** Type and shape of a data set; null where the object is none. */
export function readDataset(messages: readonly Message[], { size }: Blocks): Omit<TensorInfo, 'name'> | null {
  const find = (type: number) => messages.find((message) => message.type === type)
  const [space, type, layout] = [MESSAGE.dataspace, MESSAGE.datatype, MESSAGE.layout].map(find)
  if (!space || !type || !layout) return null
  // Keras never writes either: its loader could be made to read any file (CVE-2026-1669).
  if (find(MESSAGE.externalFiles)) throw new Hdf5Outside('a tensor has its values elsewhere')
  const shape = readShape(space.block)
  const { dtype, itemBytes } = type.isShared ? { dtype: 'unknown', itemBytes: 1 } : readType(type.block)
  const bytes = elementCount(shape) * itemBytes
  if (!(bytes <= size * LARGEST_RATIO))
    throw new Hdf5Truncated('a tensor claims more values than the file holds')
  assertWithin(layout.block, bytes, type.isShared, size)
  return { dtype, shape }
}

/** IV.A.2.b */
function readShape(block: Block): number[] {
  const version = block.u8()
  const rank = block.u8()
  if ((version !== 1 && version !== 2) || rank > HIGHEST_RANK)
    throw new Hdf5Error('a tensor has an impossible shape')
  block.skip(version === 1 ? 6 : 2)
  return Array.from({ length: rank }, () => block.number())
}

/** IV.A.2.d */
function readType(block: Block): { dtype: string; itemBytes: number } {
  const kind = block.u8() & 0x0f
  const flags = block.u8()
  const itemBytes = block.skip(2).u32()
  return { dtype: nameOf(kind, flags, itemBytes, block), itemBytes }
}

function nameOf(kind: number, flags: number, itemBytes: number, block: Block): string {
  const bits = itemBytes * 8
  if (kind === CLASS.fixed) return `${flags & 0x08 ? 'int' : 'uint'}${bits}`
  // NumPy's truth values are an enumeration of one byte.
  if (kind === CLASS.enumeration) return itemBytes === 1 ? 'bool' : `int${bits}`
  if (kind === CLASS.text || kind === CLASS.variable) return 'string'
  // HDF5 has no name for bfloat16: Keras writes two opaque bytes.
  if (kind === CLASS.opaque && itemBytes === 2) return 'bfloat16'
  if (kind !== CLASS.float) return 'unknown'
  const exponentBits = block.skip(5).u8()
  return itemBytes === 2 && exponentBits === 8 ? 'bfloat16' : `float${bits}`
}

/** Values that lie in one piece lie within the file (IV.A.2.i). */
function assertWithin(block: Block, bytes: number, isOpen: boolean, size: number): void {
  if (block.u8() < 3) return
  const kind = block.u8()
  if (kind === LAYOUT.virtual) throw new Hdf5Outside('a tensor is put together from other files')
  if (kind !== LAYOUT.compact && kind !== LAYOUT.contiguous) return
  const address = kind === LAYOUT.compact ? 0 : block.address()
  const length = kind === LAYOUT.compact ? block.u16() : block.number()
  const isWhole = address === null || (address + length <= size && (isOpen || length >= bytes))
  if (!isWhole) throw new Hdf5Truncated('a tensor lies behind its end')
}
