import type { Finding, ModelVersion, TensorInfo } from '../../../../../shared/contract'
import { type FileBytes, withBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import { assertSafePath, type SourceFile } from '../../source'
import { findConfigs, judgeConfig } from '../keras'
import { ProtoReader, WIRE } from '../protobuf'
import {
  type ModelDescription,
  type ModelReader,
  type Recognition,
  type Surroundings,
  topCounts,
} from '../reader'
import { reachesOut } from '../tensorflow-operators'
import { countWeights, unlisted } from '../weights'
import { type Bundle, readBundle } from './bundle'
import { fixedPath, touchesCheckpoints } from './checkpoints'
import { type MetaGraph, readMetaGraph } from './graph'

/** Tables are filled from vocabulary files among the assets: usual, and worth a word. */
const READS_ASSETS = /^InitializeTableFromTextFile(?:V2)?$/
const INDEX = 'variables/variables.index'
const MOST_GRAPHS = 100
/** What Keras says of the layers: it builds them from this, and not from the graph. */
const KERAS_METADATA = 'keras_metadata.pb'
const VARIABLES = /^(?:VarHandleOp|VariableV2|ReadVariableOp)$/

/** TensorFlow SavedModels: a folder with saved_model.pb, variables and assets. */
export const savedModelReader: ModelReader = {
  label: 'TensorFlow SavedModel',
  recognise,
  first: (files) => files.find((file) => file.path === 'saved_model.pb') ?? null,
  read,
}

/** Schema version 1, then meta graphs and nothing else; saved_model.proto. */
function recognise(bytes: FileBytes): Recognition {
  if (bytes.size < 4 || !bytes.slice(0, 3).equals(Buffer.of(8, 1, 0x12))) return 'no'
  try {
    const reader = new ProtoReader(bytes)
    while (reader.next()) {
      const isVersion = reader.field === 1 && reader.wire === WIRE.varint
      if (!isVersion && !(reader.field === 2 && reader.wire === WIRE.bytes)) return 'no'
      if (reader.field === 2 && !looksLikeMetaGraph(reader.message())) return 'no'
    }
    return 'yes'
  } catch (error) {
    if (error instanceof Rejection) return 'broken'
    throw error
  }
}

function looksLikeMetaGraph(reader: ProtoReader): boolean {
  while (reader.next()) if (reader.field > 8 || reader.wire !== WIRE.bytes) return false
  return true
}

async function read(bytes: FileBytes, surroundings: Surroundings): Promise<ModelDescription> {
  const graphs: MetaGraph[] = []
  const reader = new ProtoReader(bytes)
  while (reader.next()) {
    if (reader.field !== 2) continue
    // Which one is loaded is decided by its tags: none may be passed over.
    if (graphs.length >= MOST_GRAPHS) throw reader.malformed('it holds more graphs than any real one')
    const graph = readMetaGraph(reader.message())
    graphs.push(graph)
    const operator = touchesCheckpoints(graph.operators) ? fixedPath(reader.message()) : null
    if (operator === null) continue
    const message = `Its graph uses ${operator} with a path of its own, by which it reads or writes any file of this machine.`
    throw new Rejection('storage.unsafe', message, bytes.file)
  }
  const operators = new Map<string, number>()
  for (const graph of graphs)
    for (const [name, count] of graph.operators) operators.set(name, (operators.get(name) ?? 0) + count)
  const findings = judge(
    operators,
    graphs.some((graph) => graph.assets.length > 0),
    bytes.file,
  )
  for (const file of surroundings.files.filter(({ path }) => path === KERAS_METADATA)) {
    const configs = await withBytes(file, (content) => findConfigs(content).configs)
    findings.push(...configs.flatMap((config) => judgeConfig(config, file.path)))
  }
  const serving = graphs.find((graph) => graph.tags.includes('serve')) ?? graphs[0]
  const signature =
    serving?.signatures.find(({ name }) => name === 'serving_default') ??
    serving?.signatures.find(({ name }) => !name.startsWith('__'))
  if (!signature) {
    const message = 'The model does not say what its inputs and outputs are (it has no serving signature).'
    findings.push({ severity: 'warn', code: 'storage.no_signature', message, file: bytes.file })
  }
  const metadata: ModelVersion['metadata'] = { operators: topCounts(operators) }
  if (serving?.tensorflowVersion) metadata['tensorflowVersion'] = serving.tensorflowVersion
  if (serving && serving.tags.length > 0) metadata['tags'] = serving.tags
  const needsVariables = [...operators.keys()].some((name) => VARIABLES.test(name))
  const message =
    'A SavedModel runs here when the native library of @tensorflow/tfjs-node loads; else convert it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx.'
  const companions = companionsOf(
    surroundings,
    needsVariables,
    graphs.flatMap((graph) => graph.assets),
    bytes.file,
  )
  const weights = await weightsOf(companions)
  if (weights.tensors.length > 0) Object.assign(metadata, countWeights(weights.tensors))
  findings.push(...weights.findings)
  return {
    format: 'savedmodel',
    framework: 'TensorFlow',
    signature: { inputs: signature?.inputs ?? [], outputs: signature?.outputs ?? [] },
    metadata,
    tensors: weights.tensors,
    findings: [...findings, { severity: 'info', code: 'storage.no_runtime', message, file: bytes.file }],
    companions,
  }
}

/** The weights by the index of the checkpoint. @throws Rejection `storage.incomplete` when a shard was cut short */
async function weightsOf(
  companions: readonly SourceFile[],
): Promise<{ tensors: TensorInfo[]; findings: Finding[] }> {
  const index = companions.find(({ path }) => path === INDEX)
  if (!index) return { tensors: [], findings: [] }
  let bundle: Bundle
  try {
    bundle = await withBytes(index, readBundle)
  } catch (error) {
    if (!(error instanceof Rejection)) throw error
    return { tensors: [], findings: [unlisted('their index is damaged', index.path)] }
  }
  for (const [shard, neededBytes] of bundle.shardBytes) {
    const name = `variables/variables.data-${String(shard).padStart(5, '0')}-of-${String(bundle.shardCount).padStart(5, '0')}`
    const sizeBytes = companions.find(({ path }) => path === name)?.sizeBytes ?? 0
    if (sizeBytes >= neededBytes) continue
    const message = `${quoted(name)} has ${sizeBytes} bytes, but the weights need ${neededBytes}. Get the files again.`
    throw new Rejection('storage.incomplete', message, name)
  }
  return { tensors: bundle.weights, findings: [] }
}

function judge(operators: ReadonlyMap<string, number>, hasAssets: boolean, file: string): Finding[] {
  const refused = [...operators.keys()].filter(reachesOut)
  if (refused.length > 0) {
    const message = `Its graph uses ${refused.slice(0, 5).join(', ')}, which reaches beyond the model: files, programs or other machines.`
    throw new Rejection('storage.unsafe', message, file)
  }
  if (![...operators.keys()].some((name) => READS_ASSETS.test(name))) return []
  if (!hasAssets) {
    const message =
      'It reads a text file when it is loaded, and has none among its assets: it could be any file.'
    throw new Rejection('storage.unsafe', message, file)
  }
  const message = 'It reads a vocabulary from its assets folder when it is loaded.'
  return [{ severity: 'info', code: 'storage.reads_assets', message, file }]
}

function companionsOf(
  { files, find }: Surroundings,
  needsVariables: boolean,
  assets: readonly string[],
  file: string,
): SourceFile[] {
  const companions = files.filter(({ path }) =>
    /^(?:variables\/variables\.(?:index|data-\d{5}-of-\d{5})|assets\/.+|assets\.extra\/.+|fingerprint\.pb|keras_metadata\.pb)$/.test(
      path,
    ),
  )
  if (needsVariables) {
    const index = find(INDEX)
    const shards = companions.filter(({ path }) => path.includes('variables.data-'))
    const count = Number(/-of-(\d{5})$/.exec(shards[0]?.path ?? '')?.[1] ?? 0)
    if (count === 0 || shards.length !== count) {
      const message = `Its weights lie in ${count || 'some'} files named variables.data-..., of which ${shards.length} are there. Add the others and import the folder again.`
      throw new Rejection('storage.incomplete', message, index.path)
    }
  }
  for (const asset of assets) {
    if (asset === '') continue
    const path = `assets/${asset}`
    assertSafePath(path, file)
    if (!companions.some((companion) => companion.path === path)) {
      const message = `The model needs the file ${quoted(path)}, which is not there. Add it and import again.`
      throw new Rejection('storage.incomplete', message, path)
    }
  }
  return companions
}
