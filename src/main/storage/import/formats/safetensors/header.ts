import type { TensorInfo } from '../../../../../shared/contract'
import type { FileBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import { endOfText, isObject, type JsonObject, listAt, textAt } from '../json'

/** Bits of one element; huggingface/safetensors, `Dtype` in tensor.rs. */
const BITS: Record<string, number> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
}

/** The limit of the reference implementation. */
const LARGEST_HEADER = 100_000_000
const MOST_DIMENSIONS = 64
/** What JSON takes for space. */
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d])

export interface SafetensorsHeader {
  tensors: TensorInfo[]
  /** Elements by type. */
  elements: Map<string, number>
  metadata: Map<string, string>
}

/** Whether the first bytes are those of a safetensors file: the length of a JSON header, then that header. */
export function beginsAsSafetensors(bytes: FileBytes): boolean {
  if (bytes.size < 10) return false
  const head = bytes.slice(0, 10)
  // A length beyond the file is still meant as one, unless it is the beginning of a text.
  const high = head.readUInt32LE(4)
  const next = head[9] ?? 0
  const isJson = head[8] === 0x7b && (next === 0x22 || next === 0x7d || SPACE.has(next))
  return (high < 0x1000 || high >= 0x8000_0000) && isJson
}

/**
 * Reads and checks the header: every tensor lies within the file, they fill it without gaps, and none overlap, as the
 * reference implementation demands. @throws Rejection
 */
export function readHeader(bytes: FileBytes): SafetensorsHeader {
  const { file } = bytes
  const length = Number(bytes.slice(0, 8).readBigUInt64LE())
  if (!(length <= bytes.size - 8)) {
    const message = `The header claims ${length} bytes, but the file has only ${bytes.size - 8} after its length. It was probably cut short, or is made to do harm.`
    throw new Rejection('storage.unreadable', message, file)
  }
  if (length > LARGEST_HEADER) throw malformed(file, `its header has ${length} bytes, more than any real one`)
  const header = parse(bytes.slice(8, length), file)
  const found: SafetensorsHeader = { tensors: [], elements: new Map(), metadata: new Map() }
  const places: { begin: number; end: number; name: string }[] = []
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      readMetadata(entry, found.metadata, file)
      continue
    }
    const { dtype, shape, begin, end } = readEntry(name, entry, file)
    const count = countOf(shape, name, file)
    const bits = count * (BITS[dtype] ?? 0)
    if (bits % 8 !== 0 || end - begin !== bits / 8) {
      throw malformed(
        file,
        `the tensor ${quoted(name)} has ${end - begin} bytes, but its shape and type need ${bits / 8}`,
      )
    }
    places.push({ begin, end, name })
    found.tensors.push({ name: name.slice(0, 300), dtype, shape })
    found.elements.set(dtype, (found.elements.get(dtype) ?? 0) + count)
  }
  assertWhole(places, bytes.size - 8 - length, file)
  return found
}

function parse(text: Buffer, file: string): JsonObject {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError)
      throw malformed(file, 'its header is no JSON text')
    throw error
  }
  if (!isObject(header)) throw malformed(file, 'its header is no JSON object')
  assertUniqueNames(text.toString('utf8'), file)
  return header
}

/** JSON.parse keeps the last of two equal names; another reader may keep the first, and so see another model. */
function assertUniqueNames(text: string, file: string): void {
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(new Set())
    else if (text[at] === '}') open.pop()
    if (text[at] !== '"') continue
    const begin = at
    at = endOfText(text, begin)
    if (!isBeforeColon(text, at + 1)) continue
    const name = String(JSON.parse(text.slice(begin, at + 1)))
    const names = open[open.length - 1]
    if (names?.has(name)) throw malformed(file, `its header names ${quoted(name)} twice`)
    names?.add(name)
  }
}

function isBeforeColon(text: string, at: number): boolean {
  let next = at
  while (SPACE.has(text.charCodeAt(next))) next++
  return text[next] === ':'
}

function readEntry(
  name: string,
  entry: unknown,
  file: string,
): { dtype: string; shape: number[]; begin: number; end: number } {
  const dtype = textAt(entry, 'dtype') ?? ''
  const shape = listAt(entry, 'shape')
  const offsets = listAt(entry, 'data_offsets')
  if (!Object.hasOwn(BITS, dtype))
    throw malformed(file, `the tensor ${quoted(name)} has the unknown type ${quoted(dtype)}`)
  const [begin, end] = offsets ?? []
  const isSound =
    shape !== null && shape.length <= MOST_DIMENSIONS && shape.every(isSize) && offsets?.length === 2
  if (!isSound || !isSize(begin) || !isSize(end) || begin > end)
    throw malformed(file, `the tensor ${quoted(name)} has an impossible shape or place`)
  return { dtype, shape: shape as number[], begin, end }
}

function countOf(shape: readonly number[], name: string, file: string): number {
  const count = shape.reduce((product, size) => product * size, 1)
  // Times 64 bits it must still be exact.
  if (count <= Number.MAX_SAFE_INTEGER / 64) return count
  throw malformed(file, `the tensor ${quoted(name)} claims more values than can exist`)
}

function readMetadata(entry: unknown, metadata: Map<string, string>, file: string): void {
  if (!isObject(entry)) throw malformed(file, 'its metadata is no JSON object')
  for (const [key, value] of Object.entries(entry)) {
    if (typeof value !== 'string') throw malformed(file, 'its metadata holds something that is no text')
    metadata.set(key, value)
  }
}

function assertWhole(
  places: { begin: number; end: number; name: string }[],
  dataBytes: number,
  file: string,
): void {
  places.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { begin, end, name } of places) {
    if (begin < at) throw malformed(file, `the tensor ${quoted(name)} shares its bytes with another`)
    if (begin > at) throw malformed(file, `there is a gap of ${begin - at} bytes before ${quoted(name)}`)
    at = end
  }
  if (at === dataBytes) return
  const what = at > dataBytes ? 'the file is cut short' : 'there are bytes that belong to no tensor'
  throw malformed(file, `its tensors need ${at} bytes but ${dataBytes} are there: ${what}`)
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function malformed(file: string, what: string): Rejection {
  return new Rejection('storage.unreadable', `The safetensors file is damaged: ${what}. Get it again.`, file)
}
