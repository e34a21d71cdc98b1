import type { TensorInfo } from '../../../../../shared/contract'
import { elementCount } from '../../../../../shared/domain/tensor'
import type { FileBytes } from '../../file-bytes'
import { ProtoReader } from '../protobuf'
import { isWeightType } from '../weights'
import { DTYPES, readShape } from './graph'
import { readTable } from './table'

/** Types that variables have and jobs have not; types.proto. */
const OTHER_DTYPES: Record<number, string> = {
  8: 'complex64',
  14: 'bfloat16',
  17: 'uint16',
  18: 'complex128',
  22: 'uint32',
  23: 'uint64',
}
const ITEM_BYTES: Record<string, number> = { bool: 1, complex64: 8, complex128: 16, bfloat16: 2 }
const VALUE = '/.ATTRIBUTES/VARIABLE_VALUE'
/** What training keeps beside the weights: TensorFlow 2 by place, TensorFlow 1 by the last part of the name. */
const STATE =
  /^(?:optimizer\/(?!_trainable_variables\/)|keras_api\/metrics\/|save_counter|_CHECKPOINTABLE_OBJECT_GRAPH)|\/\.OPTIMIZER_SLOT\/|^(?:global_step|beta[12]_power)$|\/(?:Adam|Adagrad|Adadelta|Ftrl|Momentum|RMSProp|ExponentialMovingAverage)(?:_\d+)?$/
/** Keras exports each variable a second time under a private name. */
const PUBLIC = /^variables\//
const PRIVATE = /^_\w*variables\//

/** What the index of a checkpoint says of its weights. */
export interface Bundle {
  shardCount: number
  /** All variables except the state of the optimizer, of metrics and of random generators. */
  weights: TensorInfo[]
  /** How long each shard must be at least, by its number. */
  shardBytes: Map<number, number>
}

/** Reads `variables.index`: names, types and shapes (tensor_bundle.proto). @throws Rejection `storage.unreadable` */
export function readBundle(bytes: FileBytes): Bundle {
  const shardBytes = new Map<number, number>()
  const variables: TensorInfo[] = []
  let shardCount = 1
  for (const { key, valueAt, valueEnd } of readTable(bytes)) {
    const reader = new ProtoReader(bytes, valueAt, valueEnd)
    if (key.length === 0) {
      while (reader.next()) if (reader.field === 1) shardCount = reader.integer()
      continue
    }
    const entry = readEntry(reader)
    shardBytes.set(entry.shard, Math.max(shardBytes.get(entry.shard) ?? 0, entry.end))
    // Pieces of a variable that was cut up have binary names; the variable itself is listed too.
    if (key[0] === 0 || entry.shape === null) continue
    assertFits(entry, reader)
    variables.push({
      name: key.toString('utf8').replace(VALUE, '').slice(0, 300),
      dtype: entry.dtype,
      shape: entry.shape,
    })
  }
  const isPublic = variables.some(({ name }) => PUBLIC.test(name))
  const weights = variables.filter(
    ({ name, dtype }) => isWeightType(dtype) && !STATE.test(name) && !(isPublic && PRIVATE.test(name)),
  )
  return { shardCount, weights, shardBytes }
}

interface Entry {
  dtype: string
  /** Null where it is open. */
  shape: number[] | null
  shard: number
  bytes: number
  end: number
  isSliced: boolean
}

function readEntry(reader: ProtoReader): Entry {
  const entry: Entry = { dtype: 'unknown', shape: [], shard: 0, bytes: 0, end: 0, isSliced: false }
  let offset = 0
  while (reader.next()) {
    if (reader.field === 1) {
      const type = reader.integer()
      entry.dtype = DTYPES[type] ?? OTHER_DTYPES[type] ?? 'unknown'
    } else if (reader.field === 2) {
      const shape = readShape(reader.message())
      entry.shape = shape.every((size) => typeof size === 'number') ? shape : null
    } else if (reader.field === 3) entry.shard = reader.integer()
    else if (reader.field === 4) offset = reader.integer()
    else if (reader.field === 5) entry.bytes = reader.integer()
    else if (reader.field === 7) entry.isSliced = true
  }
  if (offset < 0 || entry.bytes < 0) throw reader.malformed('a weight has a negative place or size')
  entry.end = offset + entry.bytes
  return entry
}

function assertFits({ dtype, shape, bytes, isSliced }: Entry, reader: ProtoReader): void {
  const itemBytes = ITEM_BYTES[dtype] ?? Number(/^u?(?:int|float)(\d+)$/.exec(dtype)?.[1] ?? 0) / 8
  const values = elementCount(shape ?? [])
  const isSound = itemBytes === 0 || isSliced ? Number.isSafeInteger(values) : values * itemBytes === bytes
  if (!isSound) throw reader.malformed('a weight has another size than its shape says')
}
