import { IMPORTABLE_DATA } from '../../datasets/formats'
import type { FileBytes } from '../file-bytes'
import { Rejection } from '../rejection'
import { ggufReader } from './gguf'
import { LARGEST_JSON, readJson } from './json'
import { kerasH5Reader, kerasReader } from './keras'
import { onnxReader } from './onnx'
import type { ModelReader } from './reader'
import { safetensorsReader } from './safetensors'
import { savedModelReader } from './savedmodel'
import { tfjsReader } from './tfjs'
import { tfliteReader } from './tflite'
import { pickleReader, torchReader } from './torch'

/** In the order they are asked: those that a magic number tells first, those that must be guessed last. */
export const READERS: readonly ModelReader[] = [
  ggufReader,
  tfliteReader,
  kerasH5Reader,
  kerasReader,
  torchReader,
  pickleReader,
  savedModelReader,
  safetensorsReader,
  tfjsReader,
  onnxReader,
]

const MAGIC: { at: number; bytes: string; name: string }[] = [
  { at: 0, bytes: 'PK\x05\x06', name: 'an empty ZIP archive' },
  { at: 0, bytes: '7z\xbc\xaf\x27\x1c', name: 'a 7-Zip archive' },
  { at: 0, bytes: 'Rar!', name: 'a RAR archive' },
  { at: 0, bytes: 'BZh', name: 'a bzip2 archive' },
  { at: 0, bytes: '\xfd7zXZ\0', name: 'an xz archive' },
  { at: 0, bytes: '\x28\xb5\x2f\xfd', name: 'a Zstandard archive' },
  { at: 0, bytes: '\x04\x22\x4d\x18', name: 'an LZ4 archive' },
  { at: 0, bytes: '\x89PNG', name: 'a PNG image' },
  { at: 0, bytes: '\xff\xd8\xff', name: 'a JPEG image' },
  { at: 0, bytes: 'GIF8', name: 'a GIF image' },
  { at: 0, bytes: '%PDF', name: 'a PDF document' },
  { at: 0, bytes: '\x7fELF', name: 'a program' },
  { at: 0, bytes: 'MZ', name: 'a program' },
  { at: 0, bytes: '\x93NUMPY', name: 'a NumPy array' },
  { at: 0, bytes: 'ORTM', name: 'an ORT-format model' },
  { at: 4, bytes: 'ORTM', name: 'an ORT-format model' },
]

/** What a file is, by its bytes alone: its name and extension say nothing. @throws Rejection naming what it is instead */
export function recognise(bytes: FileBytes): ModelReader {
  if (bytes.size === 0) {
    throw new Rejection(
      'storage.unreadable',
      'The file is empty. It was probably not copied or downloaded completely; get it again.',
      bytes.file,
    )
  }
  let broken: ModelReader | null = null
  for (const reader of READERS) {
    const answer = reader.recognise(bytes)
    if (answer === 'yes') return reader
    if (answer === 'broken') broken ??= reader
  }
  if (broken) {
    throw new Rejection(
      'storage.unreadable',
      `The file begins as ${broken.label} but is damaged or cut short. Export or download it again.`,
      bytes.file,
    )
  }
  if (readJson(bytes, LARGEST_JSON) === 'damaged') {
    const message = 'The file is damaged JSON, perhaps cut short. Export or download the model again.'
    throw new Rejection('storage.unreadable', message, bytes.file)
  }
  throw new Rejection(
    'storage.unknown_format',
    `This is ${foreignName(bytes) ?? 'no model that LLMAgentOS knows'}. ${importable()}`,
    bytes.file,
  )
}

/** What can be imported, as a sentence. */
export function importable(): string {
  const models = READERS.map((reader) => reader.label).join(', ')
  return `LLMAgentOS imports models (${models}) and data sets (${IMPORTABLE_DATA}).`
}

function foreignName(bytes: FileBytes): string | null {
  const head = bytes.slice(0, Math.min(bytes.size, 512)).toString('latin1')
  return MAGIC.find(({ at, bytes: magic }) => head.startsWith(magic, at))?.name ?? null
}
