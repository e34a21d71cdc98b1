import { inflateRawSync } from 'node:zlib'
import { crc32 } from '../import/formats/zip'

/** One entry of an archive for a test; whatever is given is written as it is. */
export interface BuiltEntry {
  name: string
  content: Buffer
  /** Of the inflated bytes: then `content` is deflated already. */
  sizeBytes?: number
  crc?: number
  mode?: number
  flags?: number
  localName?: string
  /** Index of an entry whose bytes this one shares. */
  over?: number
}

/** A ZIP archive, sound or not. */
export function zip(entries: BuiltEntry[]): Buffer {
  const pieces: Buffer[] = []
  const places: number[] = []
  let at = 0
  const put = (piece: Buffer) => {
    pieces.push(piece)
    at += piece.length
  }
  for (const entry of entries) {
    if (entry.over !== undefined) {
      places.push(places[entry.over] ?? 0)
      continue
    }
    places.push(at)
    const name = Buffer.from(entry.localName ?? entry.name)
    const head = Buffer.alloc(30)
    head.writeUInt32LE(0x04034b50)
    writeCommon(head, 6, entry)
    head.writeUInt16LE(name.length, 26)
    put(head)
    put(name)
    put(entry.content)
  }
  const directoryAt = at
  entries.forEach((entry, index) => {
    const name = Buffer.from(entry.name)
    const head = Buffer.alloc(46)
    head.writeUInt32LE(0x02014b50)
    writeCommon(head, 8, entry)
    head.writeUInt16LE(name.length, 28)
    head.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38)
    head.writeUInt32LE(places[index] ?? 0, 42)
    put(head)
    put(name)
  })
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(at - directoryAt, 12)
  end.writeUInt32LE(directoryAt, 16)
  return Buffer.concat([...pieces, end])
}

/** Flags, method, time, checksum and sizes lie in the same order in both headers. */
function writeCommon(head: Buffer, at: number, entry: BuiltEntry): void {
  const { flags = 0, content, sizeBytes, crc = crcOf(entry) } = entry
  head.writeUInt16LE(flags, at)
  head.writeUInt16LE(sizeBytes === undefined ? 0 : 8, at + 2)
  head.writeUInt32LE(crc, at + 8)
  head.writeUInt32LE(content.length, at + 12)
  head.writeUInt32LE(sizeBytes ?? content.length, at + 16)
}

/** Of what is not deflated as it says, none. */
function crcOf({ content, sizeBytes }: BuiltEntry): number {
  if (sizeBytes === undefined) return crc32(content)
  try {
    return crc32(inflateRawSync(content, { maxOutputLength: sizeBytes }))
  } catch {
    return 0 // made so by the test
  }
}
