import type { Finding, ModelVersion, TensorInfo } from '../../../../../shared/contract'
import { type FileBytes, withBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import { assertSafePath, type SourceFile } from '../../source'
import { describeFromBeside, filesBeside } from '../hub-files'
import { type JsonObject, LARGEST_JSON, objectAt, readJson } from '../json'
import type { ModelDescription, ModelReader, Surroundings } from '../reader'
import { assertTemplatesBeside } from '../templates'
import { beginsAsSafetensors, readHeader, type SafetensorsHeader } from './header'

const MOST_SHARDS = 1_000
const SHARD = /-\d{5}-of-\d{5}\.safetensors$/

/** Hugging Face's safetensors, one file or shards named by an index. */
export const safetensorsReader: ModelReader = {
  label: 'safetensors',
  recognise(bytes) {
    if (beginsAsSafetensors(bytes)) return 'yes'
    const index = readJson(bytes, LARGEST_JSON)
    return index && index !== 'damaged' && isIndex(index) ? 'yes' : 'no'
  },
  first: (files) =>
    files.find((file) => file.path.endsWith('.safetensors.index.json')) ??
    files.find((file) => file.path === 'model.safetensors') ??
    null,
  async read(bytes, surroundings) {
    const index = beginsAsSafetensors(bytes) ? null : readJson(bytes, LARGEST_JSON)
    const { headers, shards } =
      index && index !== 'damaged'
        ? await readShards(index, bytes.file, surroundings)
        : { headers: [readHeader(bytes)], shards: [] }
    if (shards.length === 0 && SHARD.test(bytes.file)) {
      const message = `${quoted(bytes.file)} is one of several shards. Import the folder with all of them and their index.`
      throw new Rejection('storage.incomplete', message, bytes.file)
    }
    await assertTemplatesBeside(surroundings)
    return describeModel(bytes, headers, shards, surroundings)
  },
}

function isIndex(json: JsonObject): boolean {
  const map = objectAt(json, 'weight_map')
  return map !== null && Object.values(map).every((name) => typeof name === 'string')
}

async function readShards(
  index: JsonObject,
  file: string,
  { find }: Surroundings,
): Promise<{ headers: SafetensorsHeader[]; shards: SourceFile[] }> {
  const map = objectAt(index, 'weight_map') ?? {}
  const names = [...new Set(Object.values(map).map(String))].sort()
  if (names.length === 0 || names.length > MOST_SHARDS)
    throw new Rejection('storage.unreadable', 'The index names no shards, or too many.', file)
  const headers: SafetensorsHeader[] = []
  const shards: SourceFile[] = []
  for (const name of names) {
    assertSafePath(name, file)
    const shard = find(name)
    const header = await withBytes(shard, readHeader)
    const present = new Set(header.tensors.map((tensor) => tensor.name))
    const absent = Object.keys(map).find(
      (tensor) => map[tensor] === name && !present.has(tensor.slice(0, 300)),
    )
    if (absent !== undefined) {
      const message = `The index says that ${quoted(name)} holds ${quoted(absent)}, but it does not. Get the files again.`
      throw new Rejection('storage.incomplete', message, name)
    }
    headers.push(header)
    shards.push(shard)
  }
  return { headers, shards }
}

async function describeModel(
  { file }: FileBytes,
  headers: SafetensorsHeader[],
  shards: SourceFile[],
  surroundings: Surroundings,
): Promise<ModelDescription> {
  const elements = new Map<string, number>()
  const metadata: ModelVersion['metadata'] = { ...(await describeFromBeside(surroundings)) }
  const tensors: TensorInfo[] = []
  for (const header of headers) {
    for (const tensor of header.tensors) tensors.push(tensor)
    for (const [type, count] of header.elements) elements.set(type, (elements.get(type) ?? 0) + count)
    for (const [key, value] of [...header.metadata].slice(0, 50))
      metadata[key.slice(0, 200)] = value.slice(0, 4000)
  }
  const [precision] = [...elements].sort((a, b) => b[1] - a[1])
  metadata['parameters'] = [...elements.values()].reduce((sum, count) => sum + count, 0)
  if (precision) metadata['precision'] = precision[0]
  return {
    format: 'safetensors',
    framework: 'safetensors',
    signature: { inputs: [], outputs: [] },
    metadata,
    tensors,
    findings: [weightsAlone(file)],
    companions: [...shards, ...filesBeside(surroundings)],
  }
}

function weightsAlone(file: string): Finding {
  const message =
    'These are weights without a graph. To run them, name the TorchScript model whose weights they are as their architecture, or convert the whole model to ONNX.'
  return { severity: 'info', code: 'storage.no_graph', message, file }
}
