import type { Finding, ModelFormat, ModelVersion, TensorInfo } from '../../../../../shared/contract'
import { quoted, Rejection } from '../../rejection'
import { assertSafePath, type SourceFile } from '../../source'
import { type JsonObject, LARGEST_JSON, listAt, objectAt, readJson, textAt } from '../json'
import { judgeConfig } from '../keras'
import { type ModelDescription, type ModelReader, type Surroundings, topCounts } from '../reader'
import { reachesOut } from '../tensorflow-operators'
import { graphSignature } from './graph'
import { layersSignature } from './layers'

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

/** TensorFlow.js graph and layers models. */
export const tfjsReader: ModelReader = {
  label: 'TensorFlow.js (the folder with model.json)',
  recognise(bytes) {
    const model = readJson(bytes, LARGEST_JSON)
    if (model === null || model === 'damaged') return 'no'
    return objectAt(model, 'modelTopology') || listAt(model, 'weightsManifest') ? 'yes' : 'no'
  },
  first: (files) => files.find((file) => file.path === 'model.json') ?? null,
  read(bytes, { find }) {
    const model = readJson(bytes, LARGEST_JSON)
    if (model === null || model === 'damaged') throw malformed('it is no JSON', bytes.file)
    return describeModel(formatOf(model, bytes.file), model, bytes.file, find)
  },
}

function formatOf(model: JsonObject, file: string): ModelFormat {
  const topology = objectAt(model, 'modelTopology')
  const format = textAt(model, 'format')
  if (format === 'graph-model' || (format === null && listAt(topology, 'node'))) return 'tfjs-graph'
  if (format === 'layers-model' || (format === null && topology)) return 'tfjs-layers'
  const message =
    format === null
      ? 'The model has weights but no topology.'
      : `The TensorFlow.js format ${quoted(format)} is not known.`
  throw new Rejection('storage.unknown_format', message, file)
}

/**
 * Reads signature and metadata of a TensorFlow.js model and checks that its shards are there and whole.
 * @throws Rejection
 */
function describeModel(
  format: ModelFormat,
  model: JsonObject,
  file: string,
  find: Surroundings['find'],
): ModelDescription {
  const topology = objectAt(model, 'modelTopology')
  if (!topology) throw new Rejection('storage.incomplete', 'The model has no topology, only weights.', file)
  const weights = checkWeights(model, file, find)
  const findings: Finding[] = []
  const described =
    format === 'tfjs-graph' ? graphSignature(model, topology, file) : layersSignature(topology)
  findings.push(...described.findings)
  assertComputesOnly(topology, described.operators, file)
  // TensorFlow.js has no Lambda, but such a model is converted back to Keras, which has.
  if (format === 'tfjs-layers') findings.push(...judgeConfig(topology, file))
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
  return {
    format,
    framework: 'TensorFlow.js',
    signature,
    metadata,
    tensors: weights.tensors,
    findings,
    companions: weights.shards,
  }
}

/** The graph and the functions of its library. @throws Rejection */
function assertComputesOnly(
  topology: JsonObject,
  operators: ReadonlyMap<string, number>,
  file: string,
): void {
  const nodes = (listAt(objectAt(topology, 'library'), 'function') ?? []).flatMap(
    (definition) => listAt(definition, 'nodeDef') ?? [],
  )
  const used = [...operators.keys(), ...nodes.map((node) => textAt(node, 'op') ?? '')]
  const refused = new Set(used.filter(reachesOut))
  if (refused.size === 0) return
  const names = [...refused].slice(0, 5).join(', ')
  const message = `Its graph uses ${names}, which reaches beyond the model: files, programs or other machines.`
  throw new Rejection('storage.unsafe', message, file)
}

interface Weights {
  shards: SourceFile[]
  parameters: number
  precision: string | null
  tensors: TensorInfo[]
}

function checkWeights(model: JsonObject, file: string, find: (path: string) => SourceFile): Weights {
  const groups = listAt(model, 'weightsManifest')
  if (!groups)
    throw new Rejection('storage.incomplete', 'The model does not name its weights (weightsManifest).', file)
  const shards = new Map<string, SourceFile>()
  const valuesByType = new Map<string, number>()
  const tensors: TensorInfo[] = []
  let parameters = 0
  for (const group of groups) {
    const held = groupFiles(group, file, find)
    for (const shard of held) shards.set(shard.path, shard)
    const needed = neededBytes(group, file)
    const sizeBytes = held.reduce((sum, shard) => sum + shard.sizeBytes, 0)
    assertSize(held, sizeBytes, needed, file)
    parameters += needed.values
    tensors.push(...needed.tensors)
    for (const [type, values] of needed.valuesByType)
      valuesByType.set(type, (valuesByType.get(type) ?? 0) + values)
  }
  if (!Number.isSafeInteger(parameters)) throw malformed('it claims more weights than can exist', file)
  const [precision] = [...valuesByType].sort((a, b) => b[1] - a[1])
  return { shards: [...shards.values()], parameters, precision: precision?.[0] ?? null, tensors }
}

function groupFiles(group: unknown, file: string, find: (path: string) => SourceFile): SourceFile[] {
  const paths = listAt(group, 'paths')
  if (!paths) throw malformed('a group of weights names no files', file)
  if (paths.length > 5000) throw malformed('its weights lie in too many files', file)
  return paths.map((path) => {
    if (typeof path !== 'string') throw malformed('a name of a weight file is no text', file)
    // Some writers say so of what lies beside the model.
    const beside = path.replace(/^(?:\.\/)+/, '')
    assertSafePath(beside, file)
    return find(beside)
  })
}

interface Needed {
  bytes: number
  /** False when texts are among the weights: they have no fixed size. */
  exact: boolean
  values: number
  valuesByType: Map<string, number>
  tensors: TensorInfo[]
}

function neededBytes(group: unknown, file: string): Needed {
  const needed: Needed = { bytes: 0, exact: true, values: 0, valuesByType: new Map(), tensors: [] }
  for (const weight of listAt(group, 'weights') ?? []) {
    const quantized = textAt(objectAt(weight, 'quantization'), 'dtype')
    const type = quantized ?? textAt(weight, 'dtype') ?? ''
    const shape = shapeOf(weight, file)
    const values = valueCount(shape, file)
    needed.tensors.push({
      name: (textAt(weight, 'name') ?? '').slice(0, 300),
      dtype: type.slice(0, 50),
      shape,
    })
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

function shapeOf(weight: unknown, file: string): number[] {
  const shape = listAt(weight, 'shape')
  if (!shape) throw malformed('a weight has no shape', file)
  return shape.map((dimension) => {
    if (typeof dimension === 'number' && Number.isSafeInteger(dimension) && dimension >= 0) return dimension
    throw malformed('a weight has an impossible shape', file)
  })
}

function valueCount(shape: number[], file: string): number {
  let values = 1
  for (const dimension of shape) {
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
