import type { Finding, ModelVersion, TensorInfo } from '../../../../../shared/contract'
import { type FileBytes, withBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import type { SourceFile } from '../../source'
import { describeFromBeside, filesBeside } from '../hub-files'
import type { ModelDescription, ModelReader, Surroundings } from '../reader'
import { assertTemplate, assertTemplatesBeside } from '../templates'
import { type GgufHeader, LONGEST_TEXT, readHeader, TEMPLATE } from './header'
import { FILE_TYPES } from './types'

const MOST_SHARDS = 1_000
const SHARD = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/

/** Language models of llama.cpp, one file or shards. */
export const ggufReader: ModelReader = {
  label: 'GGUF',
  recognise: (bytes) => (bytes.size >= 4 && bytes.slice(0, 4).toString('latin1') === 'GGUF' ? 'yes' : 'no'),
  first(files) {
    const firsts = files.filter((file) => (SHARD.exec(file.path)?.[2] ?? '00001') === '00001')
    return firsts.length === 1 ? (firsts[0] ?? null) : null
  },
  async read(bytes, surroundings) {
    const header = readHeader(bytes)
    const shards = await readShards(bytes, header, surroundings)
    const described = describeHeaders([header, ...shards.map((shard) => shard.header)], bytes.file)
    const metadata = { ...(await describeFromBeside(surroundings)), ...described.metadata }
    assertTemplates(header, bytes.file)
    await assertTemplatesBeside(surroundings)
    const title = header.values.get('general.name')
    return {
      ...described,
      metadata,
      findings: [...described.findings, ...foreign(header, bytes.file)],
      companions: [...shards.map((shard) => shard.file), ...filesBeside(surroundings)],
      ...(typeof title === 'string' && title !== '' && { title }),
    }
  },
}

async function readShards(
  bytes: FileBytes,
  header: GgufHeader,
  { find }: Surroundings,
): Promise<{ file: SourceFile; header: GgufHeader }[]> {
  const count = header.values.get('split.count') ?? 1
  if (typeof count !== 'number' || count < 1 || count > MOST_SHARDS)
    throw new Rejection('storage.unreadable', 'The model claims an impossible number of shards.', bytes.file)
  if (count === 1) return []
  const [, stem, number] = SHARD.exec(bytes.file) ?? []
  if (stem === undefined || Number(number) !== 1) {
    const message = `${quoted(bytes.file)} is one of ${count} shards. Import the first one, named NAME-00001-of-${pad(count)}.gguf, with all others beside it.`
    throw new Rejection('storage.incomplete', message, bytes.file)
  }
  const shards: { file: SourceFile; header: GgufHeader }[] = []
  for (let shard = 2; shard <= count; shard++) {
    const file = find(`${stem}-${pad(shard)}-of-${pad(count)}.gguf`)
    const found = await withBytes(file, (shardBytes) => {
      if (ggufReader.recognise(shardBytes) === 'yes') return readHeader(shardBytes)
      throw new Rejection('storage.unreadable', 'This shard is no GGUF file.', file.path)
    })
    if (found.values.get('split.no') !== shard - 1) {
      const message = `${quoted(file.path)} does not say that it is shard ${shard}. Get the files again.`
      throw new Rejection('storage.incomplete', message, file.path)
    }
    shards.push({ file, header: found })
  }
  return shards
}

function assertTemplates({ values }: GgufHeader, file: string): void {
  for (const [key, value] of values)
    if (TEMPLATE.test(key) && typeof value === 'string') assertTemplate(value, file)
}

/** Why llama.cpp does not load it on this machine, although the file is sound. */
function foreign({ version, isBigEndian }: GgufHeader, file: string): Finding[] {
  const why = isBigEndian
    ? 'It was written for big-endian machines, which this one is not. Convert it: gguf_convert_endian.py MODEL little, of llama.cpp.'
    : 'It is of version 1 of the format, which llama.cpp does not read any more. Convert the model again with a newer llama.cpp.'
  return version === 1 || isBigEndian
    ? [{ severity: 'info', code: 'storage.no_runtime', message: why, file }]
    : []
}

function pad(number: number): string {
  return String(number).padStart(5, '0')
}

function describeHeaders(
  headers: GgufHeader[],
  file: string,
): Pick<ModelDescription, 'format' | 'framework' | 'signature' | 'metadata' | 'tensors' | 'findings'> {
  const values: GgufHeader['values'] = headers[0]?.values ?? new Map()
  const metadata: ModelVersion['metadata'] = {}
  const architecture = values.get('general.architecture')
  const keep = (name: string, key: string) => {
    const value = values.get(key)
    if (value === undefined || typeof value === 'object' || value === '') return
    metadata[name] = typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : value
  }
  keep('ggufArchitecture', 'general.architecture')
  keep('name', 'general.name')
  keep('basename', 'general.basename')
  keep('sizeLabel', 'general.size_label')
  keep('license', 'general.license')
  keep('quantizedBy', 'general.quantized_by')
  keep('tokenizer', 'tokenizer.ggml.model')
  keep('chatTemplate', 'tokenizer.chat_template')
  for (const [name, key] of [
    ['contextLength', 'context_length'],
    ['embeddingLength', 'embedding_length'],
    ['blockCount', 'block_count'],
    ['headCount', 'attention.head_count'],
    ['headCountKv', 'attention.head_count_kv'],
    ['keyLength', 'attention.key_length'],
    ['vocabularySize', 'vocab_size'],
  ] as const)
    keep(name, `${String(architecture)}.${key}`)
  const tokens = values.get('tokenizer.ggml.tokens')
  if (typeof tokens === 'object') metadata['vocabularySize'] = tokens.length
  const fileType = values.get('general.file_type')
  const elements = new Map<string, number>()
  const tensors: TensorInfo[] = []
  const unknown = new Set<number>()
  for (const header of headers) {
    for (const tensor of header.tensors) tensors.push(tensor)
    for (const type of header.unknownTypes) unknown.add(type)
    for (const [type, count] of header.elements) elements.set(type, (elements.get(type) ?? 0) + count)
  }
  const [usual] = [...elements].sort((a, b) => b[1] - a[1])
  const precision = (typeof fileType === 'number' ? FILE_TYPES[fileType] : undefined) ?? usual?.[0]
  if (precision) metadata['precision'] = precision
  metadata['parameters'] = [...elements.values()].reduce((sum, count) => sum + count, 0)
  const findings: Finding[] = []
  if (unknown.size > 0) {
    const message = `It has tensors of types that are not known here (${[...unknown].slice(0, 8).join(', ')}): their sizes could not be checked.`
    findings.push({ severity: 'warn', code: 'storage.unsupported_type', message, file })
  }
  const signature = { inputs: [], outputs: [] }
  return { format: 'gguf', framework: 'GGUF', signature, metadata, tensors, findings }
}
