import { AppError } from '../errors'
import { DTYPE_BYTES, DTYPES, type DType, type Tensor, type Tensors } from './tensor'
import { checkedCount } from './tensor-elements'

type PackedTensor = [name: string, dtype: DType, shape: number[], byteLength: number]
/** So many items that follow each other have these tensors. */
export type PackedRun = [count: number, tensors: PackedTensor[]]

/** Ten times what a batch may have. */
const MAX_ITEMS = 1_000_000

/** One run of bytes that lies in several places. */
export interface Pieces {
  pieces: readonly Uint8Array[]
  byteLength: number
}

/** From here on a copy costs more than one more piece. */
const LARGE_BYTES = 65_536

const PADDING = new Uint8Array(8)
export const align = (offset: number) => Math.ceil(offset / 8) * 8
const encoder = new TextEncoder()

/**
 * Packs lists of named tensors into one buffer: u32 length of the header (little endian), a JSON header, then the raw
 * bytes of each tensor, each at a multiple of 8, item after item. The header is a list of `[count, tensors]`: so many
 * items, each with these `[name, dtype, shape, byteLength]`; items of one form take no more room than one. The bytes of
 * strings are a u32 length for each, then their UTF-8.
 */
export function packTensors(items: readonly Tensors[]): Uint8Array {
  const { head, parts, byteLength } = plan(items)
  const packed = new Uint8Array(byteLength)
  copyParts(packed, copyParts(packed, 0, [head]), parts)
  return packed
}

/**
 * The same bytes in pieces, for a stream: tensors of 64 KiB and more are passed on as they are, so that
 * sending a large one costs no copy.
 */
export function packTensorPieces(items: readonly Tensors[]): Pieces {
  const { head, parts, byteLength } = plan(items)
  return { pieces: gather([head, ...parts]), byteLength }
}

/** The parts one after the other, each filled up to a multiple of 8; small ones are copied together. */
export function gather(parts: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let small: Uint8Array[] = []
  let smallBytes = 0
  const flush = () => {
    if (smallBytes === 0) return
    const piece = new Uint8Array(smallBytes)
    copyParts(piece, 0, small)
    pieces.push(piece)
    small = []
    smallBytes = 0
  }
  for (const part of parts) {
    if (part.byteLength < LARGE_BYTES) {
      small.push(part)
      smallBytes += align(part.byteLength)
      continue
    }
    flush()
    pieces.push(part)
    const gap = align(part.byteLength) - part.byteLength
    if (gap > 0) pieces.push(PADDING.subarray(0, gap))
  }
  flush()
  return pieces
}

/**
 * The inverse of {@link packTensors}; every size is checked. The tensors are views of `bytes`, not copies.
 * @throws AppError `storage.corrupt`
 */
export function unpackTensors(bytes: Uint8Array): Tensors[] {
  const { runs, data } = readPacked(bytes)
  return unpackRuns(runs, data)
}

/** The items of {@link readPacked}. @throws AppError `storage.corrupt` */
export function unpackRuns(runs: readonly PackedRun[], data: Uint8Array): Tensors[] {
  const items: Tensors[] = []
  let at = 0
  for (const [count, tensors] of runs) {
    for (let i = 0; i < count; i++) {
      const item: Tensors = {}
      for (const [name, dtype, shape, length] of tensors) {
        const part = data.subarray(at, at + length)
        if (part.byteLength < length) throw corrupt(`"${name}" ends after the last byte`)
        at += align(length)
        const tensor: Tensor =
          dtype === 'string'
            ? { dtype, shape, strings: unpackStrings(name, part, shape) }
            : { dtype, shape, bytes: part }
        setOwn(item, name, tensor)
      }
      items.push(item)
    }
  }
  return items
}

/** The header, checked against the bytes that are there, and the bytes. @throws AppError `storage.corrupt` */
export function readPacked(
  bytes: Uint8Array,
  mostHeaderBytes = Number.POSITIVE_INFINITY,
): { runs: PackedRun[]; data: Uint8Array } {
  const header = readHeader(bytes, mostHeaderBytes)
  const data = bytes.subarray(header.start)
  let left = align(data.byteLength)
  let items = 0
  const runs = header.runs.map(readRun)
  for (const run of runs) {
    const [count] = run
    items += count
    left -= count * itemBytes(run)
    // Items without bytes could be claimed in any number for nothing.
    if (items > MAX_ITEMS || left < 0) throw corrupt(`${count} items end after the last byte`)
  }
  if (left !== 0) throw corrupt('bytes are left over')
  return { runs, data }
}

/** The bytes of each item of a run, with those that fill them up. */
export function itemBytes([, tensors]: PackedRun): number {
  return tensors.reduce((sum, [, , , length]) => sum + align(length), 0)
}

/** The length of the header, and the header. */
export function headOf(runs: readonly PackedRun[]): Uint8Array {
  const header = encoder.encode(JSON.stringify(runs))
  const head = new Uint8Array(align(4 + header.byteLength))
  new DataView(head.buffer).setUint32(0, header.byteLength, true)
  head.set(header, 4)
  return head
}

export interface Plan {
  runs: PackedRun[]
  /** As {@link headOf} makes it. */
  head: Uint8Array
  /** The bytes of all tensors, each to lie at a multiple of 8. */
  parts: Uint8Array[]
  byteLength: number
}

export function plan(items: readonly Tensors[]): Plan {
  const runs: PackedRun[] = []
  const parts: Uint8Array[] = []
  let size = 0
  let last: PackedRun | undefined
  for (const item of items) {
    const names = Object.keys(item)
    const first = parts.length
    for (const name of names) {
      const bytes = bytesOfTensor(item[name])
      parts.push(bytes)
      size += align(bytes.byteLength)
    }
    if (last && sameForm(last[1], item, names, parts, first)) last[0]++
    else {
      last = [1, names.map((name, i) => specOf(name, item[name], parts[first + i]))]
      runs.push(last)
    }
  }
  const head = headOf(runs)
  return { runs, head, parts, byteLength: head.byteLength + size }
}

/** Copies the parts to multiples of 8 from `from` on; where the next would lie. */
function copyParts(target: Uint8Array, from: number, parts: readonly Uint8Array[]): number {
  let at = from
  for (const part of parts) {
    target.set(part, at)
    at += align(part.byteLength)
  }
  return at
}

function bytesOfTensor(tensor: Tensor | undefined): Uint8Array {
  if (!tensor) return new Uint8Array(0)
  return tensor.dtype === 'string' ? packStrings(tensor.strings) : tensor.bytes
}

function specOf(name: string, tensor: Tensor | undefined, bytes: Uint8Array | undefined): PackedTensor {
  return [name, tensor?.dtype ?? 'uint8', tensor?.shape ?? [0], bytes?.byteLength ?? 0]
}

function sameForm(
  tensors: readonly PackedTensor[],
  item: Tensors,
  names: readonly string[],
  parts: readonly Uint8Array[],
  first: number,
): boolean {
  if (names.length !== tensors.length) return false
  for (let i = 0; i < names.length; i++) {
    const known = tensors[i]
    const name = names[i] ?? ''
    const tensor = item[name]
    if (!known || !tensor || known[0] !== name || known[1] !== tensor.dtype) return false
    if (known[3] !== parts[first + i]?.byteLength || known[2].length !== tensor.shape.length) return false
    for (let axis = 0; axis < tensor.shape.length; axis++) {
      if (known[2][axis] !== tensor.shape[axis]) return false
    }
  }
  return true
}

/** Sets an own property also for the name `__proto__`, which an assignment would take for something else. */
function setOwn(item: Tensors, name: string, tensor: Tensor): void {
  if (name !== '__proto__') item[name] = tensor
  else
    Object.defineProperty(item, name, { value: tensor, enumerable: true, configurable: true, writable: true })
}

function readHeader(bytes: Uint8Array, mostBytes: number): { runs: unknown[]; start: number } {
  if (bytes.byteLength < 4) throw corrupt('it is shorter than its header')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  if (length > mostBytes) throw corrupt(`its header has ${length} bytes`)
  const start = align(4 + length)
  if (start > bytes.byteLength) throw corrupt('it is shorter than its header')
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4, 4 + length)))
  } catch (error) {
    throw corrupt('its header is not JSON', error)
  }
  if (!Array.isArray(json)) throw corrupt('its header has another form')
  return { runs: json, start }
}

/** By hand and not by a schema: a batch of odd items has a hundred thousand of these. */
function readRun(run: unknown): PackedRun {
  if (!Array.isArray(run) || run.length !== 2) throw corrupt('its header has another form')
  const [count, tensors]: unknown[] = run
  if (!isSize(count) || count === 0 || !Array.isArray(tensors)) throw corrupt('its header has another form')
  const checked = tensors.map(readTensor)
  if (new Set(checked.map(([name]) => name)).size !== checked.length) {
    throw corrupt('two tensors have the same name')
  }
  return [count, checked]
}

function readTensor(entry: unknown): PackedTensor {
  if (!Array.isArray(entry) || entry.length !== 4) throw corrupt('its header has another form')
  const [name, type, shape, length]: unknown[] = entry
  const dtype = DTYPES.find((known) => known === type)
  if (typeof name !== 'string' || !dtype || !isShape(shape) || !isSize(length)) {
    throw corrupt('its header has another form')
  }
  const each = dtype === 'string' ? 4 : DTYPE_BYTES[dtype]
  const elements = checkedCount(shape, each)
  if (elements === null) throw corrupt(`the shape of "${name}" is impossible`)
  if (dtype === 'string' ? length < elements * each : length !== elements * each) {
    throw corrupt(`"${name}" has ${length} bytes`)
  }
  return [name, dtype, shape, length]
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isShape = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 16 && value.every(isSize)

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

function unpackStrings(name: string, bytes: Uint8Array, shape: readonly number[]): string[] {
  const count = checkedCount(shape, 4) ?? 0
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
