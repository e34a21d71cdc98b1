import type { Finding, ModelFormat, ModelVersion } from '../../../shared/contract'
import { type ModelDescription, topCounts } from './description'
import type { FileBytes } from './file-bytes'
import { isObject, type JsonObject, listAt, objectAt, textAt } from './json'
import { quoted, Rejection } from './rejection'
import { assertSafePath, type SourceFile } from './source'
import { graphSignature } from './tfjs-graph'
import { layersSignature } from './tfjs-layers'

/** The largest `model.json` that is read: weights lie elsewhere, and the largest real ones have a few megabytes. */
const LARGEST_JSON = 32 * 1024 * 1024

/** Bytes of one value in a shard, by dtype of the weight or of its quantization; tfjs-core/src/io/types.ts. */
const WEIGHT_BYTES: Record<string, number> = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  uint8: 1,
  uint16: 2,
  float16: 2,
}

/** @returns null for JSON that is no TensorFlow.js model @throws Rejection for what is no JSON */
export function parseTfjs(bytes: FileBytes): { format: ModelFormat; model: JsonObject } | null {
  if (bytes.size > LARGEST_JSON) {
    const message = `The file looks like JSON but has ${bytes.size} bytes, more than any model description.`
    throw new Rejection('storage.unreadable', message, bytes.file)
  }
  const text = bytes
    .slice(0, bytes.size)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
  let model: unknown
  try {
    model = JSON.parse(text)
  } catch {
    const message = 'The file is damaged JSON, perhaps cut short. Export or download the model again.'
    throw new Rejection('storage.unreadable', message, bytes.file)
  }
  if (!isObject(model)) return null
  const topology = objectAt(model, 'modelTopology')
  const format = textAt(model, 'format')
  if (!topology && !listAt(model, 'weightsManifest')) return null
  if (format === 'graph-model' || (format === null && listAt(topology, 'node')))
    return { format: 'tfjs-graph', model }
  if (format === 'layers-model' || (format === null && topology)) return { format: 'tfjs-layers', model }
  const message =
    format === null
      ? 'The model has weights but no topology.'
      : `The TensorFlow.js format ${quoted(format)} is not known.`
  throw new Rejection('storage.unknown_format', message, bytes.file)
}

/**
 * Reads signature and metadata of a TensorFlow.js model and checks that its shards are there and whole.
 * @throws Rejection
 */
export function readTfjs(
  { format, model }: { format: ModelFormat; model: JsonObject },
  file: string,
  find: (path: string) => SourceFile,
): ModelDescription {
  const topology = objectAt(model, 'modelTopology')
  if (!topology) throw new Rejection('storage.incomplete', 'The model has no topology, only weights.', file)
  const weights = checkWeights(model, file, find)
  const findings: Finding[] = []
  const described =
    format === 'tfjs-graph' ? graphSignature(model, topology, file) : layersSignature(topology)
  findings.push(...described.findings)
  const { signature } = described
  if (signature.inputs.length === 0 || signature.outputs.length === 0) {
    const message = `The model does not say what its ${signature.inputs.length === 0 ? 'inputs' : 'outputs'} are.`
    findings.push({ severity: 'warn', code: 'storage.no_signature', message, file })
  }
  const metadata: ModelVersion['metadata'] = {
    parameters: weights.parameters,
    operators: topCounts(described.operators),
  }
  if (weights.precision) metadata['precision'] = weights.precision
  for (const key of ['generatedBy', 'convertedBy']) {
    const value = textAt(model, key)
    if (value) metadata[key] = value.slice(0, 200)
  }
  for (const [key, value] of Object.entries(objectAt(model, 'userDefinedMetadata') ?? {}).slice(0, 50)) {
    if (Object.hasOwn(metadata, key)) continue
    if (typeof value === 'string') metadata[key.slice(0, 200)] = value.slice(0, 4000)
    else if (typeof value === 'number' || typeof value === 'boolean') metadata[key.slice(0, 200)] = value
  }
  return { signature, metadata, findings, companions: weights.shards }
}

interface Weights {
  shards: SourceFile[]
  parameters: number
  precision: string | null
}

function checkWeights(model: JsonObject, file: string, find: (path: string) => SourceFile): Weights {
  const groups = listAt(model, 'weightsManifest')
  if (!groups)
    throw new Rejection('storage.incomplete', 'The model does not name its weights (weightsManifest).', file)
  const shards = new Map<string, SourceFile>()
  const valuesByType = new Map<string, number>()
  let parameters = 0
  for (const group of groups) {
    const held = groupFiles(group, file, find)
    for (const shard of held) shards.set(shard.path, shard)
    const needed = neededBytes(group, file)
    const sizeBytes = held.reduce((sum, shard) => sum + shard.sizeBytes, 0)
    assertSize(held, sizeBytes, needed, file)
    parameters += needed.values
    for (const [type, values] of needed.valuesByType)
      valuesByType.set(type, (valuesByType.get(type) ?? 0) + values)
  }
  if (!Number.isSafeInteger(parameters)) throw malformed('it claims more weights than can exist', file)
  const [precision] = [...valuesByType].sort((a, b) => b[1] - a[1])
  return { shards: [...shards.values()], parameters, precision: precision?.[0] ?? null }
}

function groupFiles(group: unknown, file: string, find: (path: string) => SourceFile): SourceFile[] {
  const paths = listAt(group, 'paths')
  if (!paths) throw malformed('a group of weights names no files', file)
  if (paths.length > 5000) throw malformed('its weights lie in too many files', file)
  return paths.map((path) => {
    if (typeof path !== 'string') throw malformed('a name of a weight file is no text', file)
    assertSafePath(path, file)
    return find(path)
  })
}

interface Needed {
  bytes: number
  /** False when texts are among the weights: they have no fixed size. */
  exact: boolean
  values: number
  valuesByType: Map<string, number>
}

function neededBytes(group: unknown, file: string): Needed {
  const needed: Needed = { bytes: 0, exact: true, values: 0, valuesByType: new Map() }
  for (const weight of listAt(group, 'weights') ?? []) {
    const quantized = textAt(objectAt(weight, 'quantization'), 'dtype')
    const type = quantized ?? textAt(weight, 'dtype') ?? ''
    const values = valueCount(listAt(weight, 'shape'), file)
    if (type === 'string') {
      needed.exact = false
      // Each text begins with its length in four bytes.
      needed.bytes += values * 4
    } else {
      const size = Object.hasOwn(WEIGHT_BYTES, type) ? WEIGHT_BYTES[type] : undefined
      if (size === undefined) throw malformed(`a weight has the unknown type ${quoted(type)}`, file)
      needed.bytes += values * size
    }
    needed.values += values
    needed.valuesByType.set(type, (needed.valuesByType.get(type) ?? 0) + values)
    if (!Number.isSafeInteger(needed.bytes)) throw malformed('it claims more weights than can exist', file)
  }
  return needed
}

function valueCount(shape: unknown[] | null, file: string): number {
  if (!shape) throw malformed('a weight has no shape', file)
  let values = 1
  for (const dimension of shape) {
    if (typeof dimension !== 'number' || !Number.isSafeInteger(dimension) || dimension < 0) {
      throw malformed('a weight has an impossible shape', file)
    }
    values *= dimension
    if (!Number.isSafeInteger(values)) throw malformed('a weight claims more values than can exist', file)
  }
  return values
}

function assertSize(held: SourceFile[], sizeBytes: number, needed: Needed, file: string): void {
  if (needed.exact ? sizeBytes === needed.bytes : sizeBytes >= needed.bytes) return
  const names = held.map((shard) => quoted(shard.path)).slice(0, 5)
  const who = names.length === 0 ? 'A group of weights without files' : names.join(', ')
  throw new Rejection(
    'storage.incomplete',
    `${who} ${names.length > 1 ? 'have' : 'has'} ${sizeBytes} bytes together, but the weights need ${needed.bytes}. Get the files again.`,
    held[0]?.path ?? file,
  )
}

function malformed(what: string, file: string): Rejection {
  return new Rejection(
    'storage.unreadable',
    `The model is damaged: ${what}. Export or download it again.`,
    file,
  )
}
