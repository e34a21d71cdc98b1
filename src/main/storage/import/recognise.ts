import type { FileBytes } from './file-bytes'
import { looksLikeOnnx } from './onnx'
import { Rejection } from './rejection'

const MAGIC: { at: number; bytes: string; name: string }[] = [
  { at: 0, bytes: 'GGUF', name: 'a GGUF language model' },
  { at: 0, bytes: '\x89HDF\r\n\x1a\n', name: 'an HDF5 file (Keras)' },
  { at: 4, bytes: 'TFL3', name: 'a TensorFlow Lite model' },
  { at: 0, bytes: 'PK\x05\x06', name: 'an empty ZIP archive' },
  { at: 0, bytes: '\x1f\x8b', name: 'a gzip archive' },
  { at: 0, bytes: '7z\xbc\xaf\x27\x1c', name: 'a 7-Zip archive' },
  { at: 0, bytes: 'Rar!', name: 'a RAR archive' },
  { at: 257, bytes: 'ustar', name: 'a tar archive' },
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

const ACCEPTED = 'LLMAgentOS imports ONNX files and TensorFlow.js models (the folder with model.json).'

/** What a file is, by its bytes alone: its name and extension say nothing. */
export type Recognised = 'onnx' | 'json'

/** @throws Rejection naming what it is instead */
export function recognise(bytes: FileBytes): Recognised {
  if (bytes.size === 0) {
    throw new Rejection(
      'storage.unreadable',
      'The file is empty. It was probably not copied or downloaded completely; get it again.',
      bytes.file,
    )
  }
  const head = bytes.slice(0, Math.min(bytes.size, 512)).toString('latin1')
  const name = foreignName(head)
  if (name) throw new Rejection('storage.unknown_format', `This is ${name}. ${ACCEPTED}`, bytes.file)
  if (/^(\xef\xbb\xbf)?\s*\{/.test(head)) return 'json'
  const onnx = looksLikeOnnx(bytes)
  if (onnx === 'yes') return 'onnx'
  if (onnx === 'broken') {
    throw new Rejection(
      'storage.unreadable',
      'The file begins as an ONNX model but is damaged or cut short. Export or download it again.',
      bytes.file,
    )
  }
  throw new Rejection(
    'storage.unknown_format',
    `This is no model that LLMAgentOS knows. ${ACCEPTED}`,
    bytes.file,
  )
}

function foreignName(head: string): string | null {
  const magic = MAGIC.find(({ at, bytes }) => head.startsWith(bytes, at))
  if (magic) return magic.name
  if (head.startsWith('PK\x03\x04')) return zipName(head)
  // safetensors: a 64-bit header length, then the header as JSON.
  if (head[8] === '{' && head.slice(4, 8) === '\0\0\0\0') return 'a safetensors file: weights without a graph'
  if (head.charCodeAt(0) === 0x80 && head.charCodeAt(1) >= 2 && head.charCodeAt(1) <= 5) {
    return 'a Python pickle, which can carry code'
  }
  // saved_model.proto: schema version 1, then a meta graph that names its tags first.
  if (head.startsWith('\x08\x01\x12') && head.includes('serve')) return 'a TensorFlow SavedModel'
  return null
}

function zipName(head: string): string {
  // The first entry of a local header (APPNOTE 4.3.7): its name begins at byte 30, its length stands at 26.
  const entry = head.slice(30, 30 + head.charCodeAt(26))
  if (/(^|\/)data\.pkl$|(^|\/)(version|byteorder|\.format_version)$/.test(entry)) return 'a PyTorch archive'
  if (/^(metadata|config)\.json$|\.weights\.h5$/.test(entry)) return 'a Keras archive'
  return 'a ZIP archive'
}
