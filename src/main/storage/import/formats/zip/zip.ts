import { inflateRawSync } from 'node:zlib'
import type { FileBytes } from '../../file-bytes'
import { quoted, Rejection } from '../../rejection'
import { extraField, nameOf } from './names'

// APPNOTE.TXT of PKWARE, 4.3.
const END = 0x06054b50
const END_64 = 0x06064b50
const END_64_LOCATOR = 0x07064b50
const CENTRAL = 0x02014b50
const LOCAL = 0x04034b50
const END_BYTES = 22
const CENTRAL_BYTES = 46
const LOCAL_BYTES = 30
const LONGEST_COMMENT = 65_535

const STORED = 0
const DEFLATED = 8
const ENCRYPTED = 0x0001
const SIZES_FOLLOW = 0x0008
const WIDE_SIZES = 0x0001

const MOST_ENTRIES = 100_000
/** What real weights and texts are ever compressed to; a bomb needs a thousand. Small entries may be anything. */
const LARGEST_RATIO = 100
const RATIO_FROM_BYTES = 4 * 1024 * 1024

export interface ZipEntry {
  /** With forward slashes; checked by {@link assertEntryName}. A folder's ends with one. */
  name: string
  sizeBytes: number
  compressedBytes: number
  isStored: boolean
  /** Where its bytes begin, past its local header. */
  dataAt: number
  crc: number
}

export function looksLikeZip(bytes: FileBytes): boolean {
  return bytes.size >= END_BYTES && bytes.slice(0, 4).readUInt32LE() === LOCAL
}

/**
 * Lists the entries of a ZIP by its central directory and holds each against its local header: two readers must never
 * see two archives. @throws Rejection for duplicates, overlaps, links, encryption, unsafe names, and bombs
 */
export function readZip(bytes: FileBytes): ZipEntry[] {
  const { at, count, end } = findDirectory(bytes)
  const entries: ZipEntry[] = []
  const names = new Set<string>()
  let place = at
  for (let i = 0; i < count; i++) {
    const { entry, next } = readCentral(bytes, place, end)
    const folded = foldedName(entry.name)
    if (names.has(folded)) throw unsafe(bytes, `it names ${quoted(entry.name)} twice`)
    names.add(folded)
    entries.push(entry)
    place = next
  }
  if (place !== end) throw damaged(bytes, 'its directory is longer than its entries')
  assertApart(entries, at, bytes)
  return entries
}

/** The bytes of an entry. @param limit larger ones are refused before they are read */
export function readEntry(bytes: FileBytes, entry: ZipEntry, limit: number): Buffer {
  if (entry.sizeBytes > limit)
    throw damaged(bytes, `${quoted(entry.name)} has ${entry.sizeBytes} bytes, more than any real one`)
  const raw = bytes.slice(entry.dataAt, entry.compressedBytes)
  if (entry.isStored) return raw
  let content: Buffer
  try {
    content = inflateRawSync(raw, { maxOutputLength: entry.sizeBytes + 1 })
  } catch (error) {
    throw damaged(bytes, `${quoted(entry.name)} cannot be inflated (${(error as Error).message})`)
  }
  if (content.length !== entry.sizeBytes)
    throw unsafe(bytes, `${quoted(entry.name)} has another size than it says`)
  return content
}

/** Systems that fold case, or the ways to write an accent, would write entries of one such name to one file. */
export function foldedName(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/** @throws Rejection `storage.unsafe` for a name that would leave the folder it is unpacked to, on any system */
export function assertEntryName(name: string, file: string): void {
  const problem = problemOf(name)
  if (problem === null) return
  const message = `The archive holds an entry ${quoted(name)}, which ${problem}. Such an archive is made to write outside its folder.`
  throw new Rejection('storage.unsafe', message, file)
}

function problemOf(name: string): string | null {
  if (name === '' || name.length > 1024) return 'has an empty or endless name'
  if (/^[/\\]/.test(name) || /^[a-z]:/i.test(name)) return 'is absolute'
  if (name.includes('\\')) return 'holds a backslash'
  if (/\p{Cc}/u.test(name)) return 'holds a control character'
  const parts = name.replace(/\/$/, '').split('/')
  if (parts.includes('..')) return 'leads out of the folder'
  return parts.includes('') || parts.includes('.') ? 'holds an empty or "." part' : null
}

function findDirectory(bytes: FileBytes): { at: number; count: number; end: number } {
  const tailBytes = Math.min(bytes.size, END_BYTES + LONGEST_COMMENT)
  const tailAt = bytes.size - tailBytes
  const tail = bytes.slice(tailAt, tailBytes)
  for (let i = tail.length - END_BYTES; i >= 0; i--) {
    if (tail.readUInt32LE(i) !== END || i + END_BYTES + tail.readUInt16LE(i + 20) !== tail.length) continue
    const endAt = tailAt + i
    const plain = {
      count: tail.readUInt16LE(i + 10),
      size: tail.readUInt32LE(i + 12),
      at: tail.readUInt32LE(i + 16),
    }
    // PyTorch writes the 64-bit record also where it is not needed; then both must say the same.
    const { count, size, at, end } = findDirectory64(bytes, endAt) ?? { ...plain, end: endAt }
    const agrees = (narrow: number, wide: number, full: number) => narrow === wide || narrow === full
    if (
      !agrees(plain.count, count, 0xffff) ||
      !agrees(plain.size, size, 0xffff_ffff) ||
      !agrees(plain.at, at, 0xffff_ffff)
    )
      throw unsafe(bytes, 'it has two directories')
    if (count > MOST_ENTRIES) throw unsafe(bytes, `it has ${count} entries`)
    if (at + size !== end) throw damaged(bytes, 'its directory does not lie where it says')
    return { at, count, end }
  }
  throw damaged(bytes, 'it has no directory at its end: it was cut short')
}

function findDirectory64(
  bytes: FileBytes,
  endAt: number,
): { count: number; size: number; at: number; end: number } | null {
  if (endAt < 20) return null
  const locator = bytes.slice(endAt - 20, 20)
  if (locator.readUInt32LE() !== END_64_LOCATOR) return null
  const recordAt = toNumber(locator.readBigUInt64LE(8), bytes)
  if (recordAt + 56 > endAt - 20) throw damaged(bytes, 'its directory does not lie where it says')
  const record = bytes.slice(recordAt, 56)
  if (record.readUInt32LE() !== END_64) throw damaged(bytes, 'its directory does not lie where it says')
  const [count, size, at] = [32, 40, 48].map((offset) => toNumber(record.readBigUInt64LE(offset), bytes))
  return { count: count ?? 0, size: size ?? 0, at: at ?? 0, end: recordAt }
}

function readCentral(bytes: FileBytes, at: number, end: number): { entry: ZipEntry; next: number } {
  if (at + CENTRAL_BYTES > end) throw damaged(bytes, 'its directory ends in the middle of an entry')
  const head = bytes.slice(at, CENTRAL_BYTES)
  if (head.readUInt32LE() !== CENTRAL) throw damaged(bytes, 'its directory is damaged')
  const nameBytes = head.readUInt16LE(28)
  const extraBytes = head.readUInt16LE(30)
  const next = at + CENTRAL_BYTES + nameBytes + extraBytes + head.readUInt16LE(32)
  if (next > end) throw damaged(bytes, 'its directory ends in the middle of an entry')
  const rawName = bytes.slice(at + CENTRAL_BYTES, nameBytes)
  const extra = bytes.slice(at + CENTRAL_BYTES + nameBytes, extraBytes)
  const name = nameOf(rawName, extra, head.readUInt8(5))
  assertEntryName(name, bytes.file)
  assertPlain(head, name, bytes)
  const sizes = readSizes(head, extra, bytes)
  const method = head.readUInt16LE(10)
  if (method !== STORED && method !== DEFLATED) {
    const message = `${quoted(name)} is compressed in a way that is not read here (method ${method}). Make the archive again with deflate, the usual one.`
    throw new Rejection('storage.unreadable', message, bytes.file)
  }
  const isStored = method === STORED
  if (isStored && sizes.compressed !== sizes.size)
    throw unsafe(bytes, `${quoted(name)} is stored, but has two sizes`)
  assertRatio(sizes, name, bytes)
  const dataAt = readLocal(bytes, sizes, rawName, method)
  const crc = head.readUInt32LE(16)
  return {
    entry: { name, sizeBytes: sizes.size, compressedBytes: sizes.compressed, isStored, dataAt, crc },
    next,
  }
}

/** No links, no devices, nothing encrypted. */
function assertPlain(head: Buffer, name: string, bytes: FileBytes): void {
  if (head.readUInt16LE(8) & ENCRYPTED) throw damaged(bytes, `${quoted(name)} is encrypted`)
  // The upper half is the mode of Unix where the archive was made there; 0 where it was not.
  const kind = (head.readUInt32LE(38) >>> 16) & 0o170000
  if (kind === 0 || kind === 0o100000 || kind === 0o040000) return
  const what = kind === 0o120000 ? 'a link, and links are not followed' : 'neither a file nor a folder'
  throw unsafe(bytes, `${quoted(name)} is ${what}`)
}

/** Sizes and place, from the 64-bit extra field where the plain ones say so. */
function readSizes(
  head: Buffer,
  extra: Buffer,
  bytes: FileBytes,
): { size: number; compressed: number; at: number } {
  const plain = { size: head.readUInt32LE(24), compressed: head.readUInt32LE(20), at: head.readUInt32LE(42) }
  const wide = extraField(extra, WIDE_SIZES)
  let used = 0
  const widened = (value: number): number => {
    if (value !== 0xffff_ffff || !wide) return value
    if (used + 8 > wide.length) throw damaged(bytes, 'an entry lacks its 64-bit size')
    used += 8
    return toNumber(wide.readBigUInt64LE(used - 8), bytes)
  }
  const size = widened(plain.size)
  const compressed = widened(plain.compressed)
  return { size, compressed, at: widened(plain.at) }
}

/** @returns where the bytes of the entry begin */
function readLocal(
  bytes: FileBytes,
  { at, size, compressed }: { at: number; size: number; compressed: number },
  name: Buffer,
  method: number,
): number {
  if (at + LOCAL_BYTES > bytes.size) throw damaged(bytes, 'an entry lies behind its end')
  const head = bytes.slice(at, LOCAL_BYTES)
  if (head.readUInt32LE() !== LOCAL) throw damaged(bytes, 'an entry does not lie where it says')
  const nameBytes = head.readUInt16LE(26)
  const isSame =
    nameBytes === name.length &&
    bytes.slice(at + LOCAL_BYTES, nameBytes).equals(name) &&
    head.readUInt16LE(8) === method
  if (!isSame) throw unsafe(bytes, 'an entry has two names: one for each way to read the archive')
  const flags = head.readUInt16LE(6)
  if (flags & ENCRYPTED) throw damaged(bytes, 'an entry is encrypted')
  // Who reads as the bytes come believes these; they are left open where they follow the content, or are wider.
  const isOpen = (narrow: number) => (flags & SIZES_FOLLOW) !== 0 || narrow === 0xffff_ffff
  const [localCompressed, localSize] = [head.readUInt32LE(18), head.readUInt32LE(22)]
  if (
    !(isOpen(localCompressed) || localCompressed === compressed) ||
    !(isOpen(localSize) || localSize === size)
  )
    throw unsafe(bytes, 'an entry has two sizes: one for each way to read the archive')
  return at + LOCAL_BYTES + nameBytes + head.readUInt16LE(28)
}

function assertRatio(
  { size, compressed }: { size: number; compressed: number },
  name: string,
  bytes: FileBytes,
): void {
  if (size < RATIO_FROM_BYTES || size <= compressed * LARGEST_RATIO) return
  throw unsafe(bytes, `${quoted(name)} would grow from ${compressed} to ${size} bytes, as only a bomb does`)
}

/** Entries that share their bytes are how a small archive becomes a huge one. */
function assertApart(entries: readonly ZipEntry[], directoryAt: number, bytes: FileBytes): void {
  const sorted = [...entries].sort((a, b) => a.dataAt - b.dataAt)
  let end = 0
  for (const { name, dataAt, compressedBytes } of sorted) {
    if (dataAt < end) throw unsafe(bytes, `${quoted(name)} shares its bytes with another entry`)
    end = dataAt + compressedBytes
    if (end > directoryAt) throw damaged(bytes, `${quoted(name)} ends behind the last entry`)
  }
}

function toNumber(value: bigint, bytes: FileBytes): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(bytes, 'it claims more bytes than can exist')
  return Number(value)
}

function damaged(bytes: FileBytes, what: string): Rejection {
  return new Rejection(
    'storage.unreadable',
    `The archive is damaged: ${what}. Make or download it again.`,
    bytes.file,
  )
}

function unsafe(bytes: FileBytes, what: string): Rejection {
  return new Rejection('storage.unsafe', `The archive is not safe to open: ${what}.`, bytes.file)
}
