import { AppError } from '../errors'
import { DTYPE_BYTES, DTYPES, type DType, type Tensor, type Tensors } from './tensor'
import { checkedCount } from './tensor-elements'

type PackedTensor = [name: string, dtype: DType, shape: number[], byteLength: number]

const align = (offset: number) => Math.ceil(offset / 8) * 8
const encoder = new TextEncoder()

interface Packed {
  bytes: Uint8Array
  at: number
}

/**
 * Packs lists of named tensors into one buffer: u32 length of the header (little endian), a JSON header, then the raw
 * bytes of each tensor, each at a multiple of 8, in the order of the header. The header is a list of items, an item a
 * list of `[name, dtype, shape, byteLength]`. The bytes of strings are a u32 length for each, then their UTF-8.
 */
export function packTensors(items: readonly Tensors[]): Uint8Array {
  const header: PackedTensor[][] = []
  const parts: Packed[] = []
  let size = 0
  for (const item of items) {
    const entries: PackedTensor[] = []
    for (const name of Object.keys(item)) {
      const tensor = item[name]
      if (!tensor) continue
      const bytes = tensor.dtype === 'string' ? packStrings(tensor.strings) : tensor.bytes
      entries.push([name, tensor.dtype, tensor.shape, bytes.byteLength])
      parts.push({ bytes, at: size })
      size = align(size + bytes.byteLength)
    }
    header.push(entries)
  }
  const text = encoder.encode(JSON.stringify(header))
  const start = align(4 + text.byteLength)
  const packed = new Uint8Array(start + size)
  new DataView(packed.buffer).setUint32(0, text.byteLength, true)
  packed.set(text, 4)
  for (const part of parts) packed.set(part.bytes, start + part.at)
  return packed
}

/**
 * The inverse of {@link packTensors}; every size is checked. The tensors are views of `bytes`, not copies.
 * @throws AppError `storage.corrupt`
 */
export function unpackTensors(bytes: Uint8Array): Tensors[] {
  const header = readHeader(bytes)
  let at = header.start
  const items: Tensors[] = []
  for (const entries of header.items) {
    if (!Array.isArray(entries)) throw corrupt('its header has another form')
    const item: [string, Tensor][] = []
    for (const entry of entries) {
      if (!isPackedTensor(entry)) throw corrupt('its header has another form')
      const [name, dtype, shape, length] = entry
      if (at + length > bytes.byteLength) throw corrupt(`"${name}" ends after the last byte`)
      const part = bytes.subarray(at, at + length)
      at = align(at + length)
      const count = checkedCount(shape, dtype === 'string' ? 4 : DTYPE_BYTES[dtype])
      if (count === null) throw corrupt(`the shape of "${name}" is impossible`)
      if (dtype === 'string') item.push([name, { dtype, shape, strings: unpackStrings(name, part, count) }])
      else if (length !== count * DTYPE_BYTES[dtype]) throw corrupt(`"${name}" has ${length} bytes`)
      else item.push([name, { dtype, shape, bytes: part }])
    }
    // fromEntries defines own properties, so that a tensor named `__proto__` is a name like any other.
    const tensors = Object.fromEntries(item)
    if (Object.keys(tensors).length !== item.length) throw corrupt('two tensors have the same name')
    items.push(tensors)
  }
  if (at !== align(bytes.byteLength)) throw corrupt('bytes are left over')
  return items
}

function readHeader(bytes: Uint8Array): { items: unknown[]; start: number } {
  if (bytes.byteLength < 4) throw corrupt('it is shorter than its header')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const start = align(4 + length)
  if (start > bytes.byteLength) throw corrupt('it is shorter than its header')
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4, 4 + length)))
  } catch (error) {
    throw corrupt('its header is not JSON', error)
  }
  if (!Array.isArray(json)) throw corrupt('its header has another form')
  return { items: json, start }
}

// By hand: a batch has a hundred thousand of these, and they are read between two turns of the event loop.
function isPackedTensor(entry: unknown): entry is PackedTensor {
  if (!Array.isArray(entry) || entry.length !== 4) return false
  const [name, dtype, shape, length]: unknown[] = entry
  return (
    typeof name === 'string' &&
    DTYPES.some((known) => known === dtype) &&
    Array.isArray(shape) &&
    shape.length <= 16 &&
    Number.isSafeInteger(length) &&
    Number(length) >= 0
  )
}

function packStrings(strings: readonly string[]): Uint8Array {
  const encoded = strings.map((text) => encoder.encode(text))
  const size = encoded.reduce((sum, text) => sum + text.byteLength, encoded.length * 4)
  const packed = new Uint8Array(size)
  const view = new DataView(packed.buffer)
  let at = encoded.length * 4
  encoded.forEach((text, i) => {
    view.setUint32(i * 4, text.byteLength, true)
    packed.set(text, at)
    at += text.byteLength
  })
  return packed
}

function unpackStrings(name: string, bytes: Uint8Array, count: number): string[] {
  if (count * 4 > bytes.byteLength) throw corrupt(`"${name}" is shorter than its ${count} lengths`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder()
  const strings = new Array<string>(count)
  let at = count * 4
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(i * 4, true)
    if (at + length > bytes.byteLength) throw corrupt(`a string of "${name}" ends after the last byte`)
    strings[i] = decoder.decode(bytes.subarray(at, at + length))
    at += length
  }
  if (at !== bytes.byteLength) throw corrupt(`bytes are left over in "${name}"`)
  return strings
}

function corrupt(why: string, cause?: unknown): AppError {
  return new AppError('storage.corrupt', `These tensors are damaged: ${why}.`, {}, { cause })
}
