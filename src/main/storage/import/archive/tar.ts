import { quoted } from '../rejection'
import type { ArchiveWriter } from './writer'

const BLOCK = 512
/** Of a pax header or a long name: no real one has more. */
const LONGEST_HEADER = 1024 * 1024

/** Reads a stream by pieces of a size. */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** Null at the end of the stream, fewer bytes when it ends within. */
  async take(length: number): Promise<Buffer | null> {
    while (this.#rest.length < length) {
      const next = await this.#chunks.next()
      if (next.done) break
      this.#rest = Buffer.concat([this.#rest, next.value])
    }
    if (this.#rest.length === 0) return null
    const piece = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(piece.length)
    return piece
  }

  async *content(length: number): AsyncGenerator<Uint8Array> {
    let left = length
    while (left > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next()
        if (next.done) return
        this.#rest = Buffer.from(next.value)
      }
      const piece = this.#rest.subarray(0, Math.min(left, this.#rest.length))
      this.#rest = this.#rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }
}

/**
 * Unpacks a tar (POSIX ustar and pax, GNU long names) of plain files and folders. Names and sizes that a pax header gives
 * are checked as those of the entry itself. @throws Rejection for links, devices, and what is damaged
 */
export async function unpackTar(stream: AsyncIterable<Uint8Array>, writer: ArchiveWriter): Promise<void> {
  const pieces = new Pieces(stream)
  let override: Override = {}
  for (;;) {
    const header = await pieces.take(BLOCK)
    if (!header || header.every((byte) => byte === 0)) return
    if (header.length < BLOCK || !hasChecksum(header)) throw writer.unsafe('a header of it is damaged')
    const type = String.fromCharCode(header[156] ?? 0)
    const isMeta = type === 'x' || type === 'g' || type === 'L' || type === 'K'
    // What a header says holds for the next file or folder, never for a header that stands between.
    const size = isMeta ? sizeIn(header) : (override.size ?? sizeIn(header))
    if (size === null || !Number.isSafeInteger(size) || size < 0)
      throw writer.unsafe('an entry has an impossible size')
    const name = override.path ?? nameIn(header)
    if (isMeta) {
      const text = await whole(pieces, size, writer)
      if (type === 'x') override = { ...override, ...paxOf(text, writer) }
      else if (type === 'g') assertGlobal(text, writer)
      else if (type === 'L') override = { ...override, path: text.toString('utf8').replace(/\0.*$/s, '') }
      else if (type === 'K') throw writer.unsafe('it holds a link, and links are not followed')
    } else {
      override = {}
      await unpackEntry(type, name, size, pieces, writer)
    }
    const padding = (BLOCK - (size % BLOCK)) % BLOCK
    if (padding > 0) await pieces.take(padding)
  }
}

async function unpackEntry(
  type: string,
  name: string,
  size: number,
  pieces: Pieces,
  writer: ArchiveWriter,
): Promise<void> {
  const plain = name.replace(/^\.\//, '')
  const isFile = type === '0' || type === '\0' || type === '7'
  // Before there was a type for them, folders were files whose name ends so.
  const isFolder = type === '5' || (isFile && plain.endsWith('/'))
  if (isFile && !isFolder) await writer.add(plain, pieces.content(size), size, null)
  else if (isFolder && size === 0) {
    if (plain !== '' && plain !== '.') await writer.folder(plain)
  } else {
    const what =
      type === '1' || type === '2' ? 'a link, and links are not followed' : 'neither a file nor a folder'
    throw writer.unsafe(`${quoted(name)} is ${what}`)
  }
}

async function whole(pieces: Pieces, size: number, writer: ArchiveWriter): Promise<Buffer> {
  if (size > LONGEST_HEADER) throw writer.unsafe('a header of it is larger than any real one')
  const text = await pieces.take(size)
  if (!text || text.length < size) throw writer.unsafe('it ends in the middle of a header')
  return text
}

/** What holds for all entries that follow is passed over here, so it must say nothing of what they are. */
function assertGlobal(text: Buffer, writer: ArchiveWriter): void {
  const { path, size } = paxOf(text, writer)
  if (path !== undefined || size !== undefined)
    throw writer.unsafe('it gives all its entries one name or size: readers would see different archives')
}

/** What a header says of the entry that follows. */
interface Override {
  path?: string
  size?: number
}

/** Records `LENGTH KEY=VALUE LF`, taken apart by their lengths: a value may hold what looks like another record. */
function paxOf(header: Buffer, writer: ArchiveWriter): Override {
  const found: Override = {}
  for (let at = 0; at < header.length; ) {
    const digits = /^[1-9]\d{0,6}(?= )/.exec(header.toString('latin1', at, at + 8))?.[0] ?? ''
    const end = at + Number(digits)
    const record = header.toString('utf8', at + digits.length + 1, end)
    const equals = record.indexOf('=')
    if (digits === '' || end > header.length || equals < 1 || !record.endsWith('\n'))
      throw writer.unsafe('a header of it is damaged')
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1, -1)]
    if (key.startsWith('GNU.sparse.'))
      throw writer.unsafe('it holds a file with holes, which few readers know')
    if (key === 'path') found.path = value
    else if (key === 'size') found.size = value === '' ? Number.NaN : Number(value)
    at = end
  }
  return found
}

function nameIn(header: Buffer): string {
  const text = (at: number, length: number) => header.toString('utf8', at, at + length).replace(/\0.*$/s, '')
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? text(345, 155) : ''
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
}

/** Octal, or (GNU) a big-endian number behind a set bit. */
function sizeIn(header: Buffer): number | null {
  if ((header[124] ?? 0) & 0x80) {
    if (header[124] !== 0x80 || header.readUIntBE(125, 3) !== 0) return null
    const value = header.readBigUInt64BE(128)
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value)
  }
  const text = header
    .toString('latin1', 124, 136)
    .replace(/[\0 ]+$/, '')
    .trim()
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : null
}

export function hasChecksum(header: Buffer): boolean {
  const claimed = Number.parseInt(
    header
      .toString('latin1', 148, 156)
      .replace(/[\0 ]+$/, '')
      .trim(),
    8,
  )
  let sum = 8 * 32
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i] ?? 0
  return claimed === sum
}
