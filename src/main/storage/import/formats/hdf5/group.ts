import { type Block, type Blocks, Hdf5Error, Hdf5Outside } from './bytes'
import { readDenseLinks } from './dense-links'
import { MESSAGE, type Message } from './object'

export interface Link {
  name: string
  address: number
}

const ENTRY_BYTES = 40
const NODE_BYTES = 24
const DEEPEST_TREE = 32
const LONGEST_NAME = 4096
const HARD = 0
/** The kinds from here on are of whoever defined them; this one leads to another file. */
const EXTERNAL = 64

/** What a group links to, however it was written; links by name are passed over. @throws Hdf5Outside for one to another file */
export function readLinks(messages: readonly Message[], blocks: Blocks): Link[] {
  return messages.flatMap(({ type, block }) => {
    if (type === MESSAGE.symbolTable) return readSymbolTable(block, blocks)
    if (type === MESSAGE.linkInfo) return readDenseLinks(block, blocks).flatMap(readLink)
    return type === MESSAGE.link ? readLink(block) : []
  })
}

/** IV.A.2.g; none for one that is no plain link to an object of this file. */
function readLink(block: Block): Link[] {
  if (block.u8() !== 1) throw new Hdf5Error('a link has a version that is not known')
  const flags = block.u8()
  const kind = flags & 0x08 ? block.u8() : HARD
  block.skip((flags & 0x04 ? 8 : 0) + (flags & 0x10 ? 1 : 0))
  const name = block.text(block.number(1 << (flags & 3)))
  if (kind >= EXTERNAL) throw new Hdf5Outside(`the link "${name}" leads to another file`)
  const address = kind === HARD ? block.address() : null
  return address === null ? [] : [{ name, address }]
}

/** Groups as HDF5 1.6 and h5py by default write them: a B-tree of symbol table nodes, and their names in a heap. */
function readSymbolTable(block: Block, blocks: Blocks): Link[] {
  const [tree, heap] = [block.address(), block.address()]
  if (tree === null || heap === null) return []
  const names = blocks.signed(heap, 32, 'HEAP').skip(4)
  const namesBytes = names.number()
  const namesAt = names.skip(8).address() ?? 0
  const { bytes } = blocks.at(namesAt, namesBytes)
  const nameOf = (offset: number) => {
    const name = bytes.subarray(offset, offset + LONGEST_NAME)
    const end = name.indexOf(0)
    if (end < 0) throw new Hdf5Error('a name lies outside its heap')
    return name.toString('utf8', 0, end)
  }
  const seen = new Set<number>()
  return leavesOf(blocks, tree, null, seen).flatMap((leaf) => readSymbols(blocks, leaf, nameOf))
}

/** Symbol table nodes below a node of a version 1 B-tree (III.A.1). */
function leavesOf(blocks: Blocks, address: number, level: number | null, seen: Set<number>): number[] {
  if (seen.has(address)) throw new Hdf5Error('a tree of names leads back to itself')
  seen.add(address)
  const head = blocks.signed(address, NODE_BYTES, 'TREE')
  const [kind, depth, count] = [head.u8(), head.u8(), head.u16()]
  if (kind !== 0 || depth > DEEPEST_TREE || (level !== null && depth !== level - 1))
    throw new Hdf5Error('a tree of names is damaged')
  const body = blocks.at(address + NODE_BYTES, count * 16)
  const children = Array.from({ length: count }, () => body.skip(8).address() ?? 0)
  return depth === 0 ? children : children.flatMap((child) => leavesOf(blocks, child, depth, seen))
}

/** III.B and III.C */
function readSymbols(blocks: Blocks, address: number, nameOf: (offset: number) => string): Link[] {
  const count = blocks.signed(address, 8, 'SNOD').skip(2).u16()
  const entries = blocks.at(address + 8, count * ENTRY_BYTES)
  const links: Link[] = []
  for (let i = 0; i < count; i++) {
    blocks.item()
    const entry = entries.part(ENTRY_BYTES)
    const name = nameOf(entry.number())
    const target = entry.address()
    // Links by name have no object of their own.
    if (target !== null) links.push({ name, address: target })
  }
  return links
}
