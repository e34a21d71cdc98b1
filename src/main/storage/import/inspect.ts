import { closeSync, fstatSync } from 'node:fs'
import type { Finding, ModelFormat, ModelVersion } from '../../../shared/contract'
import type { Signature } from '../../../shared/domain/tensor'
import type { ModelDescription } from './description'
import { FileBytes } from './file-bytes'
import { readOnnx } from './onnx'
import { recognise } from './recognise'
import { quoted, Rejection } from './rejection'
import {
  assertUnchanged,
  openSource,
  openUnchanged,
  type Source,
  type SourceFile,
  type SourceLocation,
} from './source'
import { parseTfjs, readTfjs } from './tfjs'

/** What reading a source without its weights told. */
export type Inspection =
  | { outcome: 'rejected'; findings: Finding[] }
  | {
      outcome: 'readable'
      format: ModelFormat
      framework: string
      signature: Signature
      metadata: ModelVersion['metadata']
      findings: Finding[]
      /** What to store; the file a runtime opens first comes first. */
      files: SourceFile[]
      /** Name of the folder, and whether the folder was what the person gave: hints for the model's name. */
      folder: string
      gaveFolder: boolean
    }

/** Small files beside a model that belong to it although it does not name them. */
const COMPANION = /^(readme|licen[cs]e|notice|copying|model[_-]?card|labels|classes)([._-][a-z0-9._-]*)?$/i
const LARGEST_COMPANION = 1024 * 1024
const MOST_SIGNATURE = 2_000
const MOST_FINDINGS = 50
const MOST_LEFT_OUT = 20

/**
 * Recognises a model by content and describes it. Reads metadata only; what a hostile file costs is bounded by the
 * process this runs in. @throws AppError or a system error when reading itself fails
 */
export function inspect(location: SourceLocation): Inspection {
  try {
    return inspectSource(openSource(location))
  } catch (error) {
    if (error instanceof Rejection) return { outcome: 'rejected', findings: [error.toFinding()] }
    throw error
  }
}

function inspectSource(source: Source): Inspection {
  const primary = source.only ?? primaryOf(source)
  const { format, framework, description } = withBytes(primary, (bytes) => describeModel(bytes, source.find))
  const { signature, metadata, findings, companions } = description
  if (signature.inputs.length + signature.outputs.length > MOST_SIGNATURE) {
    throw new Rejection(
      'storage.unreadable',
      'The model has more inputs and outputs than any runtime takes.',
      primary.path,
    )
  }
  const named = new Map(
    companions.filter((file) => file.path !== primary.path).map((file) => [file.path, file]),
  )
  for (const file of source.files) {
    if (file.path !== primary.path && COMPANION.test(file.path) && file.sizeBytes <= LARGEST_COMPANION)
      named.set(file.path, file)
  }
  const kept = new Set([primary.path, ...named.keys()])
  const leftOut = [
    ...source.files.map((file) => file.path).filter((path) => !kept.has(path)),
    ...source.passedOver,
  ]
  return {
    outcome: 'readable',
    format,
    framework,
    signature,
    metadata,
    findings: [...bounded(findings, primary.path), ...leftOutFindings(leftOut)],
    files: [primary, ...[...named.values()].sort((a, b) => (a.path < b.path ? -1 : 1))],
    folder: source.folder,
    gaveFolder: source.only === null,
  }
}

function describeModel(
  bytes: FileBytes,
  find: Source['find'],
): { format: ModelFormat; framework: string; description: ModelDescription } {
  if (recognise(bytes) === 'onnx')
    return { format: 'onnx', framework: 'ONNX', description: readOnnx(bytes, find) }
  const tfjs = parseTfjs(bytes)
  if (tfjs)
    return { format: tfjs.format, framework: 'TensorFlow.js', description: readTfjs(tfjs, bytes.file, find) }
  throw new Rejection(
    'storage.unknown_format',
    'This is JSON, but no TensorFlow.js model: it has neither a topology nor weights.',
    bytes.file,
  )
}

/** The one model file of a folder, by content. @throws Rejection when there is none, or more than one */
function primaryOf(source: Source): SourceFile {
  const top = source.files.filter((file) => !file.path.includes('/'))
  const found = top.filter((file) => isModel(file))
  const [only] = found
  if (only && found.length === 1) return only
  const preferred =
    found.find((file) => file.path === 'model.json') ?? found.find((file) => file.path === 'model.onnx')
  if (preferred) return preferred
  if (found.length > 1) {
    const names = found.slice(0, 5).map((file) => quoted(file.path))
    throw new Rejection(
      'storage.unknown_format',
      `The folder holds several models: ${names.join(', ')}. Import one of them at a time.`,
      '',
    )
  }
  // A single candidate that cannot be read tells more than "no model here".
  const candidate = top.find((file) => /^model\.(json|onnx)$|\.onnx$/i.test(file.path))
  if (candidate) return candidate
  const foreign = top.find((file) => file.path === 'saved_model.pb')
  const what = foreign ? 'is a TensorFlow SavedModel' : top.length === 0 ? 'holds no files' : 'holds no model'
  throw new Rejection(
    'storage.unknown_format',
    `The folder ${what}. LLMAgentOS imports folders with the model.json of TensorFlow.js and its shards, or with an ONNX file and its external data.`,
    foreign?.path ?? '',
  )
}

function isModel(file: SourceFile): boolean {
  try {
    return withBytes(file, (bytes) => recognise(bytes) === 'onnx' || parseTfjs(bytes) !== null)
  } catch (error) {
    // What may not be read beside the model is not the model.
    if (error instanceof Rejection || isForbidden(error)) return false
    throw error
  }
}

function isForbidden(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EACCES' || code === 'EPERM'
}

function withBytes<T>(file: SourceFile, work: (bytes: FileBytes) => T): T {
  const descriptor = openUnchanged(file)
  try {
    const result = work(new FileBytes(descriptor, Number(fstatSync(descriptor).size), file.path))
    assertUnchanged(descriptor, file)
    return result
  } finally {
    closeSync(descriptor)
  }
}

function bounded(findings: Finding[], file: string): Finding[] {
  if (findings.length <= MOST_FINDINGS) return findings
  const worst = findings.some((finding) => finding.severity === 'warn') ? 'warn' : 'info'
  const message = `${findings.length - MOST_FINDINGS} more findings of this kind were left out.`
  return [
    ...findings.slice(0, MOST_FINDINGS),
    { severity: worst, code: 'storage.more_findings', message, file },
  ]
}

function leftOutFindings(paths: string[]): Finding[] {
  const findings: Finding[] = paths.slice(0, MOST_LEFT_OUT).map((path) => ({
    severity: 'info',
    code: 'storage.left_out',
    message: `${quoted(path)} was left out: the model does not name it.`,
    file: path,
  }))
  const more = paths.length - findings.length
  if (more > 0)
    findings.push({
      severity: 'info',
      code: 'storage.left_out',
      message: `${more} more files were left out.`,
      file: '',
    })
  return findings
}
