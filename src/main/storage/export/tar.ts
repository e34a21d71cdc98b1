const BLOCK = 512
/** What a plain ustar header can say; a larger file or a longer name has a pax header in front. */
const LARGEST_SIZE = 8 ** 11 - 1
const LONGEST_NAME = 100

export interface TarEntry {
  path: string
  sizeBytes: number
  /**
   * Exactly `sizeBytes`; a read that gives another number breaks the archive off. Asked for when its turn has come, and read
   * or destroyed from then on: whoever goes away before leaves nothing open.
   */
  content(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** A tar (POSIX.1-2001 pax interchange format) of plain files, as a stream. `at`: seconds since 1970, of every entry. */
export async function* tarOf(entries: Iterable<TarEntry>, at: number): AsyncGenerator<Uint8Array> {
  for (const { path, sizeBytes, content } of entries) {
    yield* headersOf(path, sizeBytes, at)
    let left = sizeBytes
    for await (const chunk of content()) {
      left -= chunk.byteLength
      yield chunk
    }
    if (left !== 0) throw new Error(`An entry has ${sizeBytes - left} bytes where it said ${sizeBytes}.`)
    yield padding(sizeBytes)
  }
  yield new Uint8Array(2 * BLOCK)
}

/** Bytes of the whole archive, known before any of it is read. */
export function tarSize(entries: Iterable<{ path: string; sizeBytes: number }>): number {
  let size = 2 * BLOCK
  for (const { path, sizeBytes } of entries) {
    for (const header of headersOf(path, sizeBytes, 0)) size += header.byteLength
    size += sizeBytes + padding(sizeBytes).byteLength
  }
  return size
}

function* headersOf(path: string, sizeBytes: number, at: number): Generator<Uint8Array> {
  const isPlain = /^[\x20-\x7e]+$/.test(path) && path.length <= LONGEST_NAME
  if (!isPlain || sizeBytes > LARGEST_SIZE) {
    const records = Buffer.from(paxRecord('path', path) + paxRecord('size', String(sizeBytes)))
    yield header('pax-header', records.length, at, 'x')
    yield records
    yield padding(records.length)
  }
  const name = isPlain ? path : path.replace(/[^\x20-\x7e]/g, '_').slice(-LONGEST_NAME)
  yield header(name, Math.min(sizeBytes, LARGEST_SIZE), at, '0')
}

/** `LENGTH KEY=VALUE LF`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function header(name: string, size: number, at: number, type: '0' | 'x'): Uint8Array {
  const bytes = Buffer.alloc(BLOCK)
  const octal = (value: number, offset: number, digits: number) =>
    bytes.write(`${value.toString(8).padStart(digits, '0')}\0`, offset, 'latin1')
  bytes.write(name, 0, 'latin1')
  octal(0o644, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(Math.floor(at), 136, 11)
  bytes.write('        ', 148, 'latin1')
  bytes.write(type, 156, 'latin1')
  bytes.write('ustar\x0000', 257, 'latin1')
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK)
}
