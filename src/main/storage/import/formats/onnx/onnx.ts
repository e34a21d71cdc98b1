import type { Finding, ModelVersion } from '../../../../../shared/contract'
import type { Signature } from '../../../../../shared/domain/tensor'
import type { FileBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import { assertSafePath, type SourceFile } from '../../source'
import { ProtoReader, WIRE } from '../protobuf'
import {
  type ModelDescription,
  type ModelReader,
  type Recognition,
  type Surroundings,
  topCounts,
} from '../reader'
import { type GraphContent, GraphWalker, operatorKey, readOpset } from './graph'
import { elementTypeName, readEntry, type TensorHead, type ValueInfo } from './tensor'

/** Operators of these domains are part of ONNX Runtime. */
const KNOWN_DOMAINS = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.experimental',
  'com.microsoft.nchwc',
  'com.microsoft.dml',
])

/** A graph for one accelerator as its compiler left it; onnxruntime.ai, "EP context design". */
const COMPILED = operatorKey('com.microsoft', 'EPContext')

/** Top-level fields of `ModelProto` with their wire types; onnx.proto of ONNX 1.19. */
const MODEL_FIELDS: Record<number, number> = {
  1: WIRE.varint,
  2: WIRE.bytes,
  3: WIRE.bytes,
  4: WIRE.bytes,
  5: WIRE.varint,
  6: WIRE.bytes,
  7: WIRE.bytes,
  8: WIRE.bytes,
  14: WIRE.bytes,
  20: WIRE.bytes,
  25: WIRE.bytes,
  26: WIRE.bytes,
}

/** ONNX, with external data. */
export const onnxReader: ModelReader = {
  label: 'ONNX',
  recognise,
  first: (files) => files.find((file) => file.path === 'model.onnx') ?? null,
  read,
}

/** Reads top-level tags only. */
function recognise(bytes: FileBytes): Recognition {
  let known = 0
  let hasVersion = false
  let hasGraph = false
  try {
    const reader = new ProtoReader(bytes)
    while (reader.next()) {
      const wire = MODEL_FIELDS[reader.field]
      // A later ONNX may add fields; random bytes soon have impossible ones.
      if (wire === undefined ? reader.field > 64 : wire !== reader.wire)
        return hasVersion && known >= 2 ? 'broken' : 'no'
      if (wire !== undefined) known++
      if (reader.field === 1) {
        const version = reader.integer()
        if (version < 1 || version > 1000) return 'no'
        hasVersion = true
      } else if (reader.field === 7) hasGraph = true
    }
  } catch (error) {
    if (error instanceof Rejection) return hasVersion && known >= 2 ? 'broken' : 'no'
    throw error
  }
  return hasGraph && hasVersion ? 'yes' : 'no'
}

/**
 * Reads signature and metadata of an ONNX model; weights are jumped over.
 * @throws Rejection for anything malformed, incomplete or unsafe
 */
function read(bytes: FileBytes, { find }: Surroundings): ModelDescription {
  const external = new ExternalData(bytes.file)
  const walker = new GraphWalker((tensor, reader) => external.add(tensor, reader))
  const opsets = new Map<string, number>()
  const properties = new Map<string, string>()
  const metadata: ModelVersion['metadata'] = {}
  const reader = new ProtoReader(bytes)
  while (reader.next()) {
    if (reader.field === 1) metadata['irVersion'] = reader.integer()
    else if (reader.field === 2) metadata['producer'] = reader.excerpt(200)
    else if (reader.field === 3) metadata['producerVersion'] = reader.excerpt(200)
    else if (reader.field === 4) metadata['domain'] = reader.excerpt(200)
    else if (reader.field === 5) metadata['modelVersion'] = reader.integer()
    else if (reader.field === 6) metadata['description'] = reader.excerpt(4000)
    else if (reader.field === 7) walker.mainGraph(reader.message())
    else if (reader.field === 8) {
      const { domain, version } = readOpset(reader.message())
      if (opsets.size < 1000) opsets.set(domain === 'ai.onnx' ? '' : domain, version)
    } else if (reader.field === 14) readEntry(reader.message(), properties)
    else if (reader.field === 20) walker.trainingInfo(reader.message())
    else if (reader.field === 25) walker.ownFunction(reader.message())
  }
  for (const [key, value] of Object.entries(metadata)) if (value === '') delete metadata[key]
  const { content } = walker
  describeContent(content, opsets, metadata)
  for (const [key, value] of properties) if (!Object.hasOwn(metadata, key)) metadata[key] = value
  const findings: Finding[] = []
  const signature = {
    inputs: expressible(content.inputs, 'input', bytes.file, findings),
    outputs: expressible(content.outputs, 'output', bytes.file, findings),
  }
  warnOf(content, bytes.file, findings)
  return {
    format: 'onnx',
    framework: 'ONNX',
    signature,
    metadata,
    tensors: content.tensors,
    findings,
    companions: external.check(find),
  }
}

function describeContent(
  content: GraphContent,
  opsets: Map<string, number>,
  metadata: ModelVersion['metadata'],
): void {
  metadata['parameters'] = content.parameters
  const opset = opsets.get('')
  if (opset !== undefined) metadata['opset'] = opset
  const others = [...opsets].filter(([domain]) => domain !== '')
  if (others.length > 0) metadata['otherOpsets'] = others.map(([domain, version]) => `${domain} ${version}`)
  const [precision] = [...content.valuesByType].sort((a, b) => b[1] - a[1])
  if (precision) metadata['precision'] = elementTypeName(precision[0])
  metadata['operators'] = topCounts(content.operators)
}

function expressible(
  values: ValueInfo[],
  role: string,
  file: string,
  findings: Finding[],
): Signature['inputs'] {
  return values.flatMap((value) => {
    if (!value.spec) {
      const message = `The ${role} ${quoted(value.name)} is ${value.kind}, which jobs cannot carry yet.`
      findings.push({ severity: 'info', code: 'storage.unsupported_type', message, file })
      return []
    }
    if (!value.ranked && role === 'input') {
      const message = `The input ${quoted(value.name)} does not say how many dimensions it has.`
      findings.push({ severity: 'info', code: 'storage.open_shape', message, file })
    }
    return [value.spec]
  })
}

function warnOf(content: GraphContent, file: string, findings: Finding[]): void {
  if (content.outputs.length === 0) {
    const message = 'The model names no outputs, so a job would have no result.'
    findings.push({ severity: 'warn', code: 'storage.no_signature', message, file })
  }
  if (content.used.has(COMPILED)) {
    const message =
      'It holds a part that was compiled for one accelerator (EPContext): nobody can look into it, and it runs nowhere else.'
    findings.push({ severity: 'warn', code: 'storage.custom_operators', message, file })
  }
  const told = new Set<string>()
  for (const [key, { domain, operator }] of content.used) {
    if (KNOWN_DOMAINS.has(domain) || content.defined.has(key) || told.has(domain)) continue
    told.add(domain)
    const message = `The model uses operators of ${quoted(domain)} (such as ${quoted(operator)}) that are not part of ONNX Runtime; it will probably not run here.`
    findings.push({ severity: 'warn', code: 'storage.custom_operators', message, file })
  }
}

/** Some writers say so of what lies beside the model. */
const HERE = /^(?:\.\/)+/

/** Weights that lie in other files: where, and whether they are really there. */
class ExternalData {
  readonly #file: string
  /** By location: the end of the furthest tensor, and its name for a sentence. */
  readonly #needed = new Map<string, { end: number; tensor: string }>()

  constructor(file: string) {
    this.#file = file
  }

  add(tensor: TensorHead, reader: ProtoReader): void {
    if (!tensor.external) return
    const written = tensor.external.get('location')
    if (written === undefined)
      throw reader.malformed('a weight lies in another file but does not say in which')
    const location = written.replace(HERE, '')
    assertSafePath(location, this.#file)
    // By this name ONNX Runtime means an address in its own memory; ORT_MEM_ADDR in tensorprotoutils.h.
    if (location.includes('_ORT_MEM_ADDR_')) {
      const message = `The weight ${quoted(tensor.name)} lies at an address in memory, not in a file.`
      throw new Rejection('storage.unsafe', message, this.#file)
    }
    const offset = this.#amount(tensor, 'offset') ?? 0
    const length = this.#amount(tensor, 'length') ?? tensor.valueBytes ?? 0
    if (tensor.valueBytes !== null && length < tensor.valueBytes) {
      throw reader.malformed(
        `the weight ${quoted(tensor.name)} has ${length} bytes in ${quoted(location)} but needs ${tensor.valueBytes}`,
      )
    }
    const end = offset + length
    if (!Number.isSafeInteger(end)) throw reader.malformed('a weight lies beyond the end of any file')
    const before = this.#needed.get(location)
    if (!before && this.#needed.size >= 5000) throw reader.malformed('its weights lie in too many files')
    if (!before || before.end < end) this.#needed.set(location, { end, tensor: tensor.name })
  }

  check(find: (path: string) => SourceFile): SourceFile[] {
    return [...this.#needed].map(([location, { end, tensor }]) => {
      const file = find(location)
      if (file.sizeBytes >= end) return file
      const message = `${quoted(location)} has ${file.sizeBytes} bytes, but the weight ${quoted(tensor)} ends at byte ${end}. The file is incomplete; get it again.`
      throw new Rejection('storage.incomplete', message, location)
    })
  }

  #amount(tensor: TensorHead, key: string): number | null {
    const text = tensor.external?.get(key)
    if (text === undefined || text === '') return null
    const amount = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(amount)) return amount
    const message = `The weight ${quoted(tensor.name)} has the impossible ${key} ${quoted(text)} in its external data.`
    throw new Rejection('storage.unsafe', message, this.#file)
  }
}
