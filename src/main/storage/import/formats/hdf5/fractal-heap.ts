import { type Block, type Blocks, Hdf5Error, Hdf5Unfollowed } from './bytes'

const HEADER_BYTES = 142
const MANAGED = 0
const DEEPEST = 32

interface Heap {
  width: number
  startBytes: number
  largestBytes: number
  offsetBytes: number
}

/** Reads objects of a fractal heap by their id (III.G); those of filtered heaps and huge ones are not known here. */
export function readHeap(blocks: Blocks, address: number): (id: Block) => Block {
  const head = blocks.signed(address, HEADER_BYTES, 'FRHP').skip(1)
  const idBytes = head.u16()
  if (head.u16() !== 0) throw new Hdf5Unfollowed('a heap of names is compressed')
  head.skip(1 + 4 + 12 * 8)
  const width = head.u16()
  const [startBytes, largestBytes] = [head.number(), head.number()]
  const offsetBytes = Math.ceil(head.u16() / 8)
  const root = head.skip(2).address()
  const rows = head.u16()
  const isSound = width > 0 && isPowerOfTwo(startBytes) && isPowerOfTwo(largestBytes) && offsetBytes < 8
  if (root === null || !isSound) throw new Hdf5Error('a heap of names is damaged')
  const heap = { width, startBytes, largestBytes, offsetBytes }
  return (id) => {
    const kind = (id.u8() >> 4) & 3
    if (kind !== MANAGED) throw new Hdf5Unfollowed('a heap of names holds what is not known here')
    const offset = id.number(offsetBytes)
    const length = id.number(Math.min(id.left, idBytes - 1 - offsetBytes))
    const direct = rows === 0 ? { place: root, begin: 0 } : find(blocks, heap, root, rows, offset, 0, 0)
    return blocks.at(direct.place + offset - direct.begin, length)
  }
}

/** The direct block that an offset lies in. @param begin offset of the indirect block itself */
function find(
  blocks: Blocks,
  heap: Heap,
  place: number,
  rows: number,
  offset: number,
  begin: number,
  depth: number,
): { place: number; begin: number } {
  const { width, startBytes, largestBytes, offsetBytes } = heap
  const directRows = Math.log2(largestBytes / startBytes) + 2
  let rowBegin = begin
  for (let row = 0; row < rows; row++) {
    const blockBytes = row === 0 ? startBytes : startBytes * 2 ** (row - 1)
    const rowEnd = rowBegin + blockBytes * width
    if (offset < rowEnd) {
      const column = Math.floor((offset - rowBegin) / blockBytes)
      // Both kinds of children are addresses of 8 bytes, those of direct blocks first.
      const entry = place + 13 + offsetBytes + (row * width + column) * 8
      blocks.signed(place, 4, 'FHIB')
      const child = blocks.at(entry, 8).address()
      if (child === null || depth > DEEPEST) break
      const childBegin = rowBegin + column * blockBytes
      if (row < directRows) return { place: child, begin: childBegin }
      const childRows = Math.log2(blockBytes / (startBytes * width)) + 1
      return find(blocks, heap, child, childRows, offset, childBegin, depth + 1)
    }
    rowBegin = rowEnd
  }
  throw new Hdf5Error('a heap of names has no such place')
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value))
}
