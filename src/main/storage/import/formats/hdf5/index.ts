import type { TensorInfo } from '../../../../../shared/contract'
import { Blocks, type ByteRange, Hdf5Error, Hdf5Truncated, Hdf5Unfollowed } from './bytes'
import { readDataset } from './dataset'
import { readLinks } from './group'
import { readObject } from './object'

export { type ByteRange, Hdf5Error, Hdf5Outside, Hdf5Truncated, Hdf5Unfollowed } from './bytes'

export const HDF5_MAGIC = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')

const DEEPEST = 32
const MOST_OBJECTS = 200_000

/**
 * Name, type and shape of each data set of an HDF5 file, by its structure alone (HDF5 File Format Specification 3.0).
 * @throws Hdf5Error for what is damaged or not known, Hdf5Outside for what lies in other files
 */
export function readTensors(range: ByteRange): TensorInfo[] {
  const blocks = new Blocks(range)
  const tensors: TensorInfo[] = []
  // A group may be linked from several places, also from within itself: it is read once.
  const seen = new Set<number>()
  const visit = (address: number, path: readonly string[]): void => {
    if (seen.has(address)) return
    seen.add(address)
    if (seen.size > MOST_OBJECTS || path.length > DEEPEST)
      throw new Hdf5Unfollowed('its groups go on without end')
    const messages = readObject(blocks, address)
    const tensor = readDataset(messages, blocks)
    if (tensor) tensors.push({ name: path.join('/').slice(0, 300), ...tensor })
    else for (const link of readLinks(messages, blocks)) visit(link.address, [...path, link.name])
  }
  visit(readRoot(blocks), [])
  return tensors
}

/** Where the root group is, by the superblock (II.A). */
function readRoot(blocks: Blocks): number {
  const head = blocks.upTo(0, 96)
  const version = head.skip(HDF5_MAGIC.length).u8()
  if (version > 3) throw new Hdf5Error(`its version ${version} is not known`)
  const isFirst = version < 2
  if (isFirst) head.skip(4)
  const widths = [head.u8(), head.u8()]
  if (widths.some((width) => width !== 8)) {
    const isPossible = widths.every((width) => [2, 4, 8, 16, 32].includes(width))
    throw new (isPossible ? Hdf5Unfollowed : Hdf5Error)('its addresses are not of 64 bits')
  }
  head.skip(isFirst ? 9 + (version === 1 ? 4 : 0) : 1)
  const base = head.address()
  const end = head.skip(8).address()
  if (isFirst) head.skip(16)
  const root = head.address()
  if (base !== 0) throw new Hdf5Unfollowed('it does not begin at its beginning')
  if (root === null || end === null) throw new Hdf5Error('it has no first group')
  if (end > blocks.size) throw new Hdf5Truncated('it ends before its end')
  return root
}
