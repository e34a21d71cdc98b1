import { type Block, type Blocks, Hdf5Error } from './bytes'
import { readHeap } from './fractal-heap'

const HEADER_BYTES = 34
/** Signature, version, type and checksum of each node. */
const NODE_BYTES = 10
const BY_NAME = 5
const DEEPEST_TREE = 16

/** The link messages of a large group: a version 2 B-tree of their hashes, and a fractal heap that holds them (IV.A.2.c). */
export function readDenseLinks(info: Block, blocks: Blocks): Block[] {
  info.skip(1)
  const flags = info.u8()
  info.skip(flags & 0x01 ? 8 : 0)
  const [heap, names] = [info.address(), info.address()]
  if (heap === null || names === null) return []
  const read = readHeap(blocks, heap)
  return readRecords(blocks, names).map((record) => read(record.skip(4)))
}

interface Level {
  records: number
  total: number
}

/** All records of a version 2 B-tree (III.A.2). */
function readRecords(blocks: Blocks, address: number): Block[] {
  const head = blocks.signed(address, HEADER_BYTES, 'BTHD').skip(1)
  if (head.u8() !== BY_NAME) throw new Hdf5Error('a tree of links is of another kind')
  const [nodeBytes, recordBytes, depth] = [head.u32(), head.u16(), head.u16()]
  const root = head.skip(2).address()
  const count = head.u16()
  if (root === null || count === 0) return []
  if (depth > DEEPEST_TREE || recordBytes < 11) throw new Hdf5Error('a tree of links is damaged')
  const leafMost = Math.floor((nodeBytes - NODE_BYTES) / recordBytes)
  const countBytes = bytesFor(leafMost)
  /** How wide the pointers of each level are follows from how much may lie below. */
  const levels: Level[] = [{ records: leafMost, total: leafMost }]
  const pointerBytes = (level: number) =>
    8 + countBytes + (level > 1 ? bytesFor(levels[level - 1]?.total ?? 0) : 0)
  for (let level = 1; level <= depth; level++) {
    const width = pointerBytes(level)
    const records = Math.floor((nodeBytes - NODE_BYTES - width) / (recordBytes + width))
    levels.push({ records, total: (records + 1) * (levels[level - 1]?.total ?? 0) + records })
  }
  const seen = new Set<number>()
  const visit = (place: number, records: number, level: number): Block[] => {
    if (seen.has(place)) throw new Hdf5Error('a tree of links leads back to itself')
    seen.add(place)
    if (records > (levels[level]?.records ?? 0)) throw new Hdf5Error('a tree of links is damaged')
    const node = blocks.signed(place, nodeBytes, level === 0 ? 'BTLF' : 'BTIN').skip(2)
    const found = Array.from({ length: records }, () => {
      blocks.item()
      return node.part(recordBytes)
    })
    if (level === 0) return found
    const width = pointerBytes(level)
    for (let i = 0; i <= records; i++) {
      const pointer = node.part(width)
      const child = pointer.address()
      if (child === null) throw new Hdf5Error('a tree of links is damaged')
      for (const record of visit(child, pointer.number(countBytes), level - 1)) found.push(record)
    }
    return found
  }
  return visit(root, count, depth)
}

function bytesFor(value: number): number {
  return Math.floor(Math.log2(Math.max(1, value)) / 8) + 1
}
