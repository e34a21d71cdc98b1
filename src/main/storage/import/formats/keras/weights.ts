import type { Finding, TensorInfo } from '../../../../../shared/contract'
import type { FileBytes } from '../../file-bytes'
import { Rejection } from '../../rejection'
import { type ByteRange, Hdf5Error, Hdf5Outside, Hdf5Truncated, Hdf5Unfollowed, readTensors } from '../hdf5'
import { isWeightType, unlisted } from '../weights'
import { readEntry, type ZipEntry } from '../zip'

/** Keras stores the weights of an archive as they are; one that was packed anew is inflated up to this size. */
const LARGEST_INFLATED = 64 * 1024 * 1024
/** What Keras keeps beside the weights, by the group that it lies in. */
const STATE = /^(?:optimizer|optimizer_weights|metrics)\/|(?:^|\/)seed_generator\//

/** The weights of a model; empty, with a finding, where they cannot be listed. */
export interface KerasWeights {
  tensors: TensorInfo[]
  findings: Finding[]
}

/**
 * The weights in an HDF5 file of Keras: all of its variables except the state of the optimizer, of metrics and of random
 * generators. @throws Rejection when the file was cut short, or weights lie in other files
 */
export function readKerasWeights(range: ByteRange, file: string): KerasWeights {
  try {
    const tensors = readTensors(range)
      .filter(({ name, dtype }) => isWeightType(dtype) && !STATE.test(name))
      .map((tensor) => ({ ...tensor, name: tensor.name.replace(/^model_weights\//, '') }))
    return { tensors, findings: [] }
  } catch (error) {
    if (error instanceof Hdf5Truncated) {
      const message = `The weights are damaged: ${error.message}. The file was probably not copied or downloaded completely; get it again.`
      throw new Rejection('storage.unreadable', message, file)
    }
    if (error instanceof Hdf5Outside) {
      const message = `Its weights lie in another file of this machine: ${error.message}. Whoever loads it would read that file.`
      throw new Rejection('storage.unsafe', message, file)
    }
    if (error instanceof Hdf5Unfollowed) return { tensors: [], findings: [unseen(error.message, file)] }
    if (error instanceof Hdf5Error) return { tensors: [], findings: [unlisted(error.message, file)] }
    throw error
  }
}

/** Keras writes no such weights; its loader may be made to open other files or pickles by them. */
function unseen(why: string, file: string): Finding {
  const message = `Its weights could not be looked into (${why}), and may hold more than weights. Load it only where that does no harm.`
  return { severity: 'warn', code: 'storage.partly_searched', message, file }
}

/** The same for the weights in an archive. */
export function readArchivedWeights(bytes: FileBytes, entries: readonly ZipEntry[]): KerasWeights {
  const entry = entries.find(({ name }) => name === 'model.weights.h5')
  const why = !entry ? 'they are in the format of NumPy' : 'they are compressed'
  if (!entry || (!entry.isStored && entry.sizeBytes > LARGEST_INFLATED))
    return { tensors: [], findings: [unseen(why, bytes.file)] }
  return readKerasWeights(entry.isStored ? within(bytes, entry) : whole(bytes, entry), bytes.file)
}

function within(bytes: FileBytes, { dataAt, sizeBytes }: ZipEntry): ByteRange {
  return { size: sizeBytes, slice: (position, length) => bytes.slice(dataAt + position, length) }
}

function whole(bytes: FileBytes, entry: ZipEntry): ByteRange {
  const content = readEntry(bytes, entry, LARGEST_INFLATED)
  return {
    size: content.length,
    slice: (position, length) => content.subarray(position, position + length),
  }
}
