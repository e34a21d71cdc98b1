import type { TensorInfo } from '../../../../../shared/contract'
import type { FileBytes } from '../../file-bytes'
import { quoted } from '../../rejection'
import { Cursor } from './cursor'
import { TENSOR_TYPES, VALUE, VALUE_BYTES } from './types'

/** What is kept of a text of the metadata. */
export const LONGEST_TEXT = 20_000
/** Templates are programs, and judged whole. */
const LONGEST_TEMPLATE = 1024 * 1024
export const TEMPLATE = /^tokenizer\.chat_template(?:\.|$)/
/** Of arrays only the first so many values: token lists have hundreds of thousands. */
const KEPT_VALUES = 16
const DEEPEST = 2
const MOST_DIMENSIONS = 8

export type GgufValue = string | number | boolean | { length: number; first: (string | number | boolean)[] }

export interface GgufHeader {
  version: number
  isBigEndian: boolean
  values: Map<string, GgufValue>
  tensors: TensorInfo[]
  /** Elements by type name. */
  elements: Map<string, number>
  /** Types this table does not know: their sizes were not checked. */
  unknownTypes: Set<number>
}

/** Reads metadata and tensor table; the weights are jumped over. gguf.md of ggml, versions 1 to 3. @throws Rejection */
export function readHeader(bytes: FileBytes): GgufHeader {
  const { version, isBigEndian } = readVersion(bytes)
  const cursor = new Cursor(bytes, 8, { isBigEndian, isNarrow: version === 1 })
  if (version < 1 || version > 3)
    throw cursor.malformed(`version ${version} of the format is not known; 1 to 3 are`)
  // A tensor takes 20 bytes at least: an empty name, no dimensions, type and offset. A value takes 9.
  const tensorCount = cursor.count('the number of tensors', 20)
  const valueCount = cursor.count('the number of metadata values', 9)
  const values = readValues(cursor, valueCount)
  return { version, isBigEndian, values, ...readTensors(cursor, tensorCount, alignmentOf(values, cursor)) }
}

/** The version tells the order of bytes: a real one is small. */
function readVersion(bytes: FileBytes): { version: number; isBigEndian: boolean } {
  const written = bytes.slice(4, 4)
  const isBigEndian = written.readUInt16LE() === 0 && written.readUInt16BE(2) !== 0
  return { version: isBigEndian ? written.readUInt32BE() : written.readUInt32LE(), isBigEndian }
}

function readValues(cursor: Cursor, count: number): Map<string, GgufValue> {
  const values = new Map<string, GgufValue>()
  for (let i = 0; i < count; i++) {
    const key = cursor.text('a metadata key', 300)
    if (values.has(key)) throw cursor.malformed(`the metadata names ${quoted(key)} twice`)
    values.set(key, readValue(cursor, cursor.u32(), key, 0))
  }
  return values
}

function readValue(cursor: Cursor, type: number, key: string, depth: number): GgufValue {
  if (type === VALUE.string && TEMPLATE.test(key)) {
    const template = cursor.text(`the template ${quoted(key)}`, LONGEST_TEMPLATE)
    if (template.length >= LONGEST_TEMPLATE) throw cursor.malformed('its chat template has no end')
    return template
  }
  if (type === VALUE.string) return cursor.text(`the text ${quoted(key)}`, depth === 0 ? LONGEST_TEXT : 200)
  if (VALUE_BYTES[type] !== undefined) return cursor.fixed(type)
  if (type !== VALUE.array) throw cursor.malformed(`${quoted(key)} has the unknown type ${type}`)
  if (depth >= DEEPEST) throw cursor.malformed(`${quoted(key)} is nested too deeply`)
  const inner = cursor.u32()
  const bytesEach = VALUE_BYTES[inner] ?? (inner === VALUE.array ? 12 : 8)
  const length = cursor.count(`the length of ${quoted(key)}`, bytesEach)
  const first: (string | number | boolean)[] = []
  const fixed = VALUE_BYTES[inner]
  for (let i = 0; i < length; i++) {
    if (fixed !== undefined && i >= KEPT_VALUES) {
      cursor.skip((length - i) * fixed, quoted(key))
      break
    }
    if (inner === VALUE.string && i >= KEPT_VALUES) {
      cursor.skip(cursor.length(`the length of a text in ${quoted(key)}`), quoted(key))
      continue
    }
    const value = readValue(cursor, inner, key, depth + 1)
    if (i < KEPT_VALUES && typeof value !== 'object') first.push(value)
  }
  return { length, first }
}

function alignmentOf(values: Map<string, GgufValue>, cursor: Cursor): number {
  const alignment = values.get('general.alignment') ?? 32
  const isSound =
    typeof alignment === 'number' &&
    alignment >= 1 &&
    alignment <= 2 ** 20 &&
    Number.isInteger(Math.log2(alignment))
  if (!isSound) throw cursor.malformed('its alignment is no power of two')
  return alignment
}

function readTensors(
  cursor: Cursor,
  count: number,
  alignment: number,
): Pick<GgufHeader, 'tensors' | 'elements' | 'unknownTypes'> {
  const tensors: TensorInfo[] = []
  const elements = new Map<string, number>()
  const unknownTypes = new Set<number>()
  const names = new Set<string>()
  const places: { begin: number; bytes: number; name: string }[] = []
  for (let i = 0; i < count; i++) {
    const name = cursor.text('the name of a tensor', 300)
    if (names.has(name)) throw cursor.malformed(`it names the tensor ${quoted(name)} twice`)
    names.add(name)
    const dimensions = cursor.u32()
    if (dimensions > MOST_DIMENSIONS)
      throw cursor.malformed(`the tensor ${quoted(name)} has ${dimensions} dimensions`)
    const shape = Array.from({ length: dimensions }, () => cursor.length(`a dimension of ${quoted(name)}`))
    const values = shape.reduce((product, size) => product * size, 1)
    if (values > Number.MAX_SAFE_INTEGER / 64)
      throw cursor.malformed(`the tensor ${quoted(name)} claims more values than can exist`)
    const type = cursor.u32()
    const begin = cursor.u64(`the place of ${quoted(name)}`)
    if (begin % alignment !== 0)
      throw cursor.malformed(`the tensor ${quoted(name)} does not lie on a multiple of ${alignment} bytes`)
    const known = TENSOR_TYPES[type]
    if (known && (shape[0] ?? 1) % known.elements !== 0)
      throw cursor.malformed(`the rows of ${quoted(name)} do not fill whole blocks of ${known.name}`)
    if (!known) unknownTypes.add(type)
    const dtype = known?.name ?? `type ${type}`
    places.push({ begin, bytes: known ? (values / known.elements) * known.bytes : 0, name })
    tensors.push({ name, dtype, shape })
    elements.set(dtype, (elements.get(dtype) ?? 0) + values)
  }
  assertPlaces(places, cursor, alignment)
  return { tensors, elements, unknownTypes }
}

/** Every tensor within the file, none over another. */
function assertPlaces(
  places: { begin: number; bytes: number; name: string }[],
  cursor: Cursor,
  alignment: number,
): void {
  const dataBegin = Math.ceil(cursor.at / alignment) * alignment
  places.sort((a, b) => a.begin - b.begin)
  let end = 0
  for (const place of places) {
    if (place.begin < end)
      throw cursor.malformed(`the tensor ${quoted(place.name)} shares its bytes with another`)
    end = place.begin + place.bytes
    if (dataBegin + end > cursor.bytes.size)
      throw cursor.malformed(
        `the tensor ${quoted(place.name)} ends ${dataBegin + end - cursor.bytes.size} bytes after the file`,
      )
  }
}
