import type { FileBytes } from '../../file-bytes'
import { Rejection } from '../../rejection'

/** LevelDB's table_format.md; TensorFlow's tensorflow/core/lib/io/table.h. */
const MAGIC = Buffer.from('57fb808b247547db', 'hex')
const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const LARGEST_BLOCK = 64 * 1024 * 1024
const LONGEST_KEY = 2048
const MOST_ENTRIES = 200_000

/** One entry; where its value lies in the file. */
export interface TableEntry {
  key: Buffer
  valueAt: number
  valueEnd: number
}

/**
 * All entries of a sorted table as TensorFlow writes it, uncompressed. Blocks lie one behind the other, so that none is
 * read twice. @throws Rejection `storage.unreadable`
 */
export function* readTable(bytes: FileBytes): Generator<TableEntry> {
  const damaged = (what: string) =>
    new Rejection('storage.unreadable', `The index of the weights is damaged: ${what}.`, bytes.file)
  if (bytes.size < FOOTER_BYTES) throw damaged('it is too short')
  const footer = bytes.slice(bytes.size - FOOTER_BYTES, FOOTER_BYTES)
  if (!footer.subarray(-MAGIC.length).equals(MAGIC)) throw damaged('it does not end as a table')
  const handles = new Cursor(footer, damaged)
  handles.handle()
  let past = 0
  let count = 0
  for (const entry of entriesOf(handles.handle())) {
    const handle = new Cursor(bytes.slice(entry.valueAt, entry.valueEnd - entry.valueAt), damaged).handle()
    if (handle.at < past) throw damaged('its blocks overlap')
    past = handle.at + handle.length
    yield* entriesOf(handle)
  }

  function* entriesOf({ at, length }: Handle): Generator<TableEntry> {
    if (length > LARGEST_BLOCK || at + length + TRAILER_BYTES > bytes.size)
      throw damaged('a block lies behind its end')
    if (bytes.byte(at + length) !== 0) throw damaged('it is compressed, as TensorFlow never does')
    const block = bytes.slice(at, length)
    if (length < 4) throw damaged('a block is too short')
    const end = length - 4 - 4 * block.readUInt32LE(length - 4)
    const cursor = new Cursor(block, damaged)
    let key = Buffer.alloc(0)
    while (cursor.position < end) {
      const [shared, fresh, valueBytes] = [cursor.varint(), cursor.varint(), cursor.varint()]
      const keyAt = cursor.position
      const valueAt = keyAt + fresh
      if (shared > key.length || shared + fresh > LONGEST_KEY || valueAt + valueBytes > end)
        throw damaged('an entry is longer than its block')
      if (++count > MOST_ENTRIES) throw damaged('it has more entries than any real one')
      key = Buffer.concat([key.subarray(0, shared), block.subarray(keyAt, valueAt)])
      cursor.position = valueAt + valueBytes
      yield { key, valueAt: at + valueAt, valueEnd: at + cursor.position }
    }
  }
}

interface Handle {
  at: number
  length: number
}

class Cursor {
  position = 0
  readonly #bytes: Buffer
  readonly #damaged: (what: string) => Rejection

  constructor(bytes: Buffer, damaged: (what: string) => Rejection) {
    this.#bytes = bytes
    this.#damaged = damaged
  }

  handle(): Handle {
    return { at: this.varint(), length: this.varint() }
  }

  varint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.position++]
      if (byte === undefined) throw this.#damaged('a number is cut short')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw this.#damaged('a number is larger than any file')
  }
}
