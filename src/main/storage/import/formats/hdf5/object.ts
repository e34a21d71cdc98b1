import { Block, type Blocks, Hdf5Error } from './bytes'

/** HDF5 File Format Specification 3.0, IV.A.2. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  continuation: 0x10,
  symbolTable: 0x11,
} as const

export interface Message {
  type: number
  /** Then it says where the message is, and is not it. */
  isShared: boolean
  block: Block
}

const SHARED = 0x02
const PREFIX_BYTES = 16
const CHECKSUM_BYTES = 4

/** The messages of an object header, version 1 or 2, with those of its continuations (IV.A.1). */
export function readObject(blocks: Blocks, address: number): Message[] {
  const isSecond = blocks.upTo(address, 4).bytes.toString('latin1') === 'OHDR'
  const { messages, parse } = isSecond ? secondVersion(blocks, address) : firstVersion(blocks, address)
  const seen = new Set<number>()
  // The list grows as continuations are met; each place is read once.
  for (const { type, block } of messages) {
    if (type !== MESSAGE.continuation) continue
    const place = block.address()
    const length = block.number()
    if (place === null || seen.has(place)) throw new Hdf5Error('the header of an object goes on without end')
    seen.add(place)
    const next = isSecond
      ? new Block(blocks.signed(place, length, 'OCHK').bytes.subarray(4, length - CHECKSUM_BYTES))
      : blocks.at(place, length)
    for (const message of parse(next)) messages.push(message)
  }
  return messages
}

interface Header {
  messages: Message[]
  parse(block: Block): Message[]
}

function firstVersion(blocks: Blocks, address: number): Header {
  const prefix = blocks.at(address, PREFIX_BYTES)
  if (prefix.u8() !== 1) throw new Hdf5Error('the header of an object has a version that is not known')
  const length = prefix.skip(7).u32()
  const parse = (block: Block) => {
    const messages: Message[] = []
    while (block.left >= 8) {
      const type = block.u16()
      blocks.item()
      const size = block.u16()
      const flags = block.u8()
      messages.push({ type, isShared: (flags & SHARED) !== 0, block: block.skip(3).part(size) })
    }
    return messages
  }
  return { messages: parse(blocks.at(address + PREFIX_BYTES, length)), parse }
}

function secondVersion(blocks: Blocks, address: number): Header {
  const prefix = blocks.upTo(address + 4, 40)
  if (prefix.u8() !== 2) throw new Hdf5Error('the header of an object has a version that is not known')
  const flags = prefix.u8()
  prefix.skip((flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0))
  const length = prefix.number(1 << (flags & 3))
  const orderBytes = flags & 0x04 ? 2 : 0
  const parse = (block: Block) => {
    const messages: Message[] = []
    while (block.left >= 4 + orderBytes) {
      const type = block.u8()
      blocks.item()
      const size = block.u16()
      const isShared = (block.u8() & SHARED) !== 0
      messages.push({ type, isShared, block: block.skip(orderBytes).part(size) })
    }
    return messages
  }
  return { messages: parse(blocks.at(address + 4 + prefix.position, length)), parse }
}
