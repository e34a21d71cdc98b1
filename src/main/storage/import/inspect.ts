import { join } from 'node:path'
import type { DatasetFormat, Finding, ModelFormat, ModelVersion, TensorInfo } from '../../../shared/contract'
import type { Signature } from '../../../shared/domain/tensor'
import { codeOf } from '../../platform/error-code'
import { tableReaderOf } from '../datasets/formats'
import { FILES, MANIFEST, Manifest } from '../export'
import { type ArchiveKind, archiveKindOf, unpack } from './archive'
import { withBytes } from './file-bytes'
import { importable, licenseBeside, type ModelReader, READERS, recognise } from './formats'
import { quoted, Rejection } from './rejection'
import { innermost, isLitter, openSource, type Source, type SourceFile, type SourceLocation } from './source'

/** Where archives may be unpacked: a path that nothing is at, on the disk of the store. */
export interface Scratch {
  path: string
  onProgress(bytesDone: number, bytesTotal: number, unpackedBytes: number): void
  /** A file is looked at, or so many bytes are unpacked. */
  onRead?(sizeBytes: number): void
}

/**
 * What reading a source without its weights told. `isOurs`: the files lie in the scratch folder and need no copy.
 * `manifest`: they are a version that was exported, and what it says they are.
 */
export type Inspection =
  | { outcome: 'rejected'; findings: Finding[] }
  /** A data set: what is in it is found when all of it is read. */
  | {
      outcome: 'table'
      format: DatasetFormat
      findings: Finding[]
      files: SourceFile[]
      folder: string
      gaveFolder: boolean
      isOurs?: boolean | undefined
      manifest?: Manifest | undefined
    }
  | {
      outcome: 'readable'
      format: ModelFormat
      framework: string
      signature: Signature
      metadata: ModelVersion['metadata']
      tensors: TensorInfo[]
      findings: Finding[]
      /** What to store; the file a runtime opens first comes first. */
      files: SourceFile[]
      /** Name of the folder, and whether the folder was what the person gave: hints for the model's name. */
      folder: string
      gaveFolder: boolean
      /** What the model calls itself. */
      title: string | null
      isOurs?: boolean | undefined
      manifest?: Manifest | undefined
    }

/** Small files beside a model that belong to it although it does not name them. */
const COMPANION = /^(readme|licen[cs]e|notice|copying|model[_-]?card|labels|classes)([._-][a-z0-9._-]*)?$/i
/** Names that promise a model, so that what is wrong with such a file is worth saying. */
const MODEL_NAME = /^model\.json$|^saved_model\.pb$|\.(onnx|pt|pth|safetensors|gguf|tflite|keras|h5)$/i
const LARGEST_COMPANION = 1024 * 1024
const LARGEST_MANIFEST = 16 * 1024 * 1024
const MOST_SIGNATURE = 2_000
const MOST_TENSORS = 20_000
const MOST_FINDINGS = 50
const MOST_LEFT_OUT = 20
/** Of a data set: each is a row of the database that one transaction writes. */
const MOST_DATA_FILES = 10_000

/**
 * Recognises a model by content and describes it. Reads metadata only; what a hostile file costs is bounded by the
 * process this runs in. @throws AppError or a system error when reading itself fails
 */
export async function inspect(location: SourceLocation, scratch: Scratch): Promise<Inspection> {
  try {
    const onRead = scratch.onRead ?? (() => undefined)
    const source = openSource(location)
    const archive = source.only && (await findArchive(source.only))
    if (!source.only || !archive) return await inspectSource(source, onRead)
    let unpackedBytes = 0
    const top = await unpack(
      source.only,
      archive,
      scratch.path,
      ({ writtenBytes, bytesDone, bytesTotal }) => {
        onRead(writtenBytes - unpackedBytes)
        unpackedBytes = writtenBytes
        scratch.onProgress(bytesDone, bytesTotal, writtenBytes)
      },
    )
    const manifest = await findManifest(top)
    const unpacked = await inspectSource(
      openSource({ kind: 'path', path: manifest ? join(top, FILES) : top }),
      onRead,
    )
    if (unpacked.outcome === 'rejected') return unpacked
    return { ...unpacked, isOurs: true, folder: nameWithout(source.only.path), gaveFolder: true, manifest }
  } catch (error) {
    if (error instanceof Rejection) return { outcome: 'rejected', findings: [error.toFinding()] }
    throw error
  }
}

/** What an exported version says of itself; undefined for any other folder. @throws Rejection when it makes no sense */
async function findManifest(folder: string): Promise<Manifest | undefined> {
  const around = openSource({ kind: 'path', path: folder })
  const file = around.files.find(({ path }) => path === MANIFEST)
  const paths = [...around.files.map(({ path }) => path), ...around.passedOver]
  const isExport = paths.some((path) => path.startsWith(`${FILES}/`))
  if (!file || !isExport || file.sizeBytes > LARGEST_MANIFEST) return undefined
  const text = await withBytes(file, (bytes) => bytes.slice(0, bytes.size).toString('utf8'))
  const manifest = Manifest.safeParse(parseJson(text))
  if (!manifest.success) return undefined
  // Looked at by itself: what lies as deep in a version as may be lies one deeper in its archive.
  const { files } = openSource({ kind: 'path', path: join(folder, FILES) })
  const present = new Map(files.map(({ path, sizeBytes }) => [path, sizeBytes]))
  const missing = manifest.data.files.find(({ path, sizeBytes }) => present.get(path) !== sizeBytes)
  if (!missing) return manifest.data
  const message = `${quoted(missing.path)} is not in the archive as its manifest says. Export the version again.`
  throw new Rejection('storage.incomplete', message, missing.path)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // any other file of that name
  }
}

/** What kind of archive a file is; null for one that is a model itself, such as PyTorch's, or anything else. */
async function findArchive(file: SourceFile): Promise<ArchiveKind | null> {
  const kind = await withBytes(file, archiveKindOf)
  if (kind !== 'zip') return kind
  return (await withBytes(file, (bytes) => READERS.some((reader) => reader.recognise(bytes) === 'yes')))
    ? null
    : kind
}

/** The name of an archive as that of a folder: `net.tar.gz` -> `net`. */
function nameWithout(path: string): string {
  return path.replace(/\.(?:zip|tar|tgz|gz)$/i, '').replace(/\.tar$/i, '')
}

async function inspectSource(given: Source, onRead: (sizeBytes: number) => void): Promise<Inspection> {
  const source = heard(innermost(given), onRead)
  const found = await findModel(source)
  // Of images, the folder they lie in is their label.
  if (found instanceof Rejection) return inspectTable(given, found)
  const { primary, reader } = found
  const description = await withBytes(primary, (bytes) => reader.read(bytes, source))
  const { signature, findings, companions } = description
  const license = await licenseBeside(source)
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
    format: description.format,
    framework: description.framework,
    signature,
    metadata: { ...(license !== null && { license }), ...description.metadata },
    tensors: description.tensors.slice(0, MOST_TENSORS),
    findings: [...bounded(findings, primary.path), ...leftOutFindings(leftOut, 'the model does not name it')],
    files: [primary, ...[...named.values()].sort((a, b) => (a.path < b.path ? -1 : 1))],
    folder: source.folder,
    gaveFolder: source.only === null,
    title: description.title ?? null,
  }
}

/** The same source, telling of each file that a reader may look at: once, however often it is named. */
function heard(source: Source, onRead: (sizeBytes: number) => void): Source {
  const told = new Set<string>()
  const tell = (file: SourceFile) => {
    if (told.has(file.path)) return file
    told.add(file.path)
    onRead(file.sizeBytes)
    return file
  }
  for (const file of source.only ? [source.only] : source.files) tell(file)
  return { ...source, find: (path) => tell(source.find(path)) }
}

/** The file that a runtime opens first, and who reads it; or why there is none. */
async function findModel(source: Source): Promise<{ primary: SourceFile; reader: ModelReader } | Rejection> {
  try {
    const primary = source.only ?? (await primaryOf(source))
    return { primary, reader: await withBytes(primary, recognise) }
  } catch (error) {
    if (error instanceof Rejection) return error
    throw error
  }
}

/** @param noModel why it is no model: what is said of it when it is no data set either */
function inspectTable(source: Source, noModel: Rejection): Inspection {
  // A file that promises a model and is none is not what its name says, whatever else it may be.
  if (source.only && MODEL_NAME.test(source.only.path)) throw noModel
  const files = source.only ? [source.only] : source.files.filter(({ path }) => !isLitter(path))
  if (files.length > MOST_DATA_FILES) throw tooManyForData(files.length, noModel)
  const reader = tableReaderOf(files)
  // One image alone is a picture, not a set of them.
  if (!reader || (source.only && reader.format === 'images')) throw noModel
  return {
    outcome: 'table',
    format: reader.format,
    findings: leftOutFindings(
      [...source.files.map(({ path }) => path).filter(isLitter), ...source.passedOver],
      'it is no part of the data',
    ),
    files,
    folder: source.folder,
    gaveFolder: source.only === null,
  }
}

function tooManyForData(count: number, noModel: Rejection): Rejection {
  const most = MOST_DATA_FILES.toLocaleString('en')
  const message = `${noModel.message} A data set may have at most ${most} files, and the folder has ${count.toLocaleString('en')}.`
  return new Rejection(noModel.code, message, noModel.file)
}

/** The one model file of a folder, by content. @throws Rejection when there is none, or more than one */
async function primaryOf(source: Source): Promise<SourceFile> {
  const top = source.files.filter((file) => !file.path.includes('/'))
  const found = new Map<ModelReader, SourceFile[]>()
  for (const file of top) {
    const reader = await readerOf(file)
    if (reader) found.set(reader, [...(found.get(reader) ?? []), file])
  }
  const firsts = [...found].flatMap(([reader, files]) => {
    const first = files.length > 1 ? reader.first?.(files) : null
    return first ? [first] : files
  })
  const [only] = firsts
  if (only && firsts.length === 1) return only
  if (firsts.length > 1) {
    const names = firsts.slice(0, 5).map((file) => quoted(file.path))
    throw new Rejection(
      'storage.unknown_format',
      `The folder holds several models: ${names.join(', ')}. Import one of them at a time.`,
      '',
    )
  }
  // A single candidate that cannot be read tells more than "no model here".
  const candidate = top.find((file) => MODEL_NAME.test(file.path))
  if (candidate) return candidate
  const what = top.length === 0 ? 'holds no files' : 'holds no model'
  throw new Rejection('storage.unknown_format', `The folder ${what}. ${importable()}`, '')
}

async function readerOf(file: SourceFile): Promise<ModelReader | null> {
  try {
    return await withBytes(file, recognise)
  } catch (error) {
    // What may not be read beside the model is not the model.
    if (error instanceof Rejection || isForbidden(error)) return null
    throw error
  }
}

function isForbidden(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'EACCES' || code === 'EPERM'
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

function leftOutFindings(paths: string[], why: string): Finding[] {
  const findings: Finding[] = paths.slice(0, MOST_LEFT_OUT).map((path) => ({
    severity: 'info',
    code: 'storage.left_out',
    message: `${quoted(path)} was left out: ${why}.`,
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
