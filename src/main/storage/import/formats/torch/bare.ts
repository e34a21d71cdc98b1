import type { FileBytes } from '../../file-bytes'
import { Rejection } from '../../rejection'
import { plainValues, readPickle, weightsOnly } from '../pickle'
import type { ModelDescription, ModelReader } from '../reader'
import { collectTensors } from './tensors'
import { asRejection, describeTensors, weightsAlone } from './torch'

/** The first pickle of torch.save before version 1.6, a number of ten bytes, in any protocol; torch/serialization.py. */
const LEGACY = /^800[2-5](?:95.{16})?8a0a6cfc9c46f9206aa850192e/
const LEGACY_BYTES = 24
const LARGEST = 128 * 1024 * 1024

/** Pickles that lie in a file of their own: old weights of PyTorch, and anything else that Python saves. */
export const pickleReader: ModelReader = {
  label: 'old PyTorch weights',
  recognise(bytes) {
    if (bytes.size < 3) return 'no'
    const [first, protocol] = bytes.slice(0, 2)
    return first === 0x80 && protocol !== undefined && protocol >= 2 && protocol <= 5 ? 'yes' : 'no'
  },
  read(bytes) {
    const head = bytes.slice(0, Math.min(bytes.size, LEGACY_BYTES)).toString('hex')
    return LEGACY.test(head) ? readLegacy(bytes) : readBare(bytes)
  },
}

/** Magic number, protocol, facts of the machine, the weights, the order of the storages; then their bytes. */
function readLegacy(bytes: FileBytes): ModelDescription {
  const pickles = bytes.slice(0, Math.min(bytes.size, LARGEST))
  try {
    let at = 0
    const [, , , data] = Array.from({ length: 5 }, () => {
      const reading = readPickle(pickles, weightsOnly, at)
      at = reading.end
      return reading
    })
    const found = collectTensors(data?.value ?? { kind: 'plain' })
    const needed = [...found.storages.values()].reduce((sum, storage) => sum + 8 + storage.bytes, at)
    if (found.problem || needed > bytes.size) {
      const why = found.problem ?? `its weights need ${needed} bytes, but it has ${bytes.size}`
      throw new Rejection('storage.unreadable', `The model is damaged: ${why}.`, bytes.file)
    }
    const signature = { inputs: [], outputs: [] }
    return {
      ...describeTensors(found),
      format: 'torch-state',
      signature,
      findings: [weightsAlone(data?.globals ?? new Set(), bytes.file)],
    }
  } catch (error) {
    throw asRejection(error, bytes.file, bytes.file)
  }
}

function readBare(bytes: FileBytes): ModelDescription {
  if (bytes.size > LARGEST) {
    const message = 'This pickle is larger than any that can be judged without opening it.'
    throw new Rejection('storage.unsafe', message, bytes.file)
  }
  const pickle = bytes.slice(0, bytes.size)
  try {
    const { end } = readPickle(pickle, plainValues)
    if (end !== pickle.length) {
      const message = 'This pickle goes on behind its end, where something may be hidden.'
      throw new Rejection('storage.unsafe', message, bytes.file)
    }
  } catch (error) {
    throw asRejection(error, bytes.file, bytes.file)
  }
  const message =
    'This is a Python pickle. It holds plain values and NumPy arrays only, so it does no harm, but it is no model that runs here: pickles are kept and never opened.'
  return {
    format: 'pickle',
    framework: 'Python',
    signature: { inputs: [], outputs: [] },
    metadata: {},
    tensors: [],
    findings: [{ severity: 'warn', code: 'storage.pickle', message, file: bytes.file }],
    companions: [],
  }
}
