import { createReadStream } from 'node:fs'
import type { Cell } from '../../../../shared/contract'
import { Rejection } from '../../import/rejection'
import { LONGEST_TEXT, MOST_COLUMNS, type RawRow, type RowIndex, type TableReader } from '../table'
import { only, textHead } from './bytes'

const LONGEST_LINE = 16 * 1024 * 1024

/** One JSON object a line. */
export const jsonlReader: TableReader = {
  format: 'jsonl',
  label: 'JSON lines',
  recognise(files) {
    const file = only(files)
    const lines = (file && textHead(file))?.split('\n').filter((line) => line.trim() !== '')
    // One object alone may be any JSON file, unless it is called otherwise.
    const least = file && /\.(jsonl|ndjson)$/i.test(file.path) ? 1 : 2
    return Boolean(
      lines && lines.length >= least && lines.slice(0, 5).every((line) => objectOf(line) !== null),
    )
  },
  async open(files) {
    const file = only(files)
    if (!file) throw new Rejection('storage.unreadable', 'These are no JSON lines.', '')
    let bytesRead = 0
    return {
      columns: [],
      isText: false,
      rows: null,
      async *read(start: number, index: RowIndex | null) {
        const entry = index ? Math.min(Math.floor(start / index.step), index.offsets.length - 1) : -1
        const from = index && entry >= 0 ? (index.offsets[entry] ?? 0) : 0
        let row = index && entry >= 0 ? entry * index.step : 0
        for await (const { text, at } of linesOf(file.absolutePath, from, file.path)) {
          bytesRead = at
          if (text.trim() === '') continue
          if (row++ < start) continue
          const value = objectOf(text)
          if (!value) {
            const message = `Row ${row} is no JSON object. Each line must hold one.`
            throw new Rejection('storage.unreadable', message, file.path)
          }
          yield { row: value, at }
        }
      },
      bytesRead: () => bytesRead,
    }
  },
}

async function* linesOf(
  path: string,
  from: number,
  name: string,
): AsyncGenerator<{ text: string; at: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let at = from
  const take = (bytes: Buffer) => {
    const line = { text: bytes.toString('utf8').replace(/^\uFEFF/, ''), at }
    at += bytes.length + 1
    return line
  }
  for await (const chunk of createReadStream(path, { start: from }) as AsyncIterable<Buffer>) {
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      yield take(bytes.subarray(0, end))
      bytes = bytes.subarray(end + 1)
    }
    if (bytes.length > LONGEST_LINE)
      throw new Rejection('storage.unreadable', 'A line is longer than 16 MiB, so this is no table.', name)
    rest = bytes
  }
  if (rest.length > 0) yield take(rest)
}

/** A row of cells; null for what is no JSON object. */
function objectOf(line: string): RawRow | null {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST_COLUMNS)
      .map(([name, cell]) => [name.slice(0, 200), cellOf(cell)]),
  )
}

/** Lists and objects as JSON text. */
export function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'boolean') return value
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array) return `${value.length} bytes`
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  )
  return text.length > LONGEST_TEXT * 50 ? text.slice(0, LONGEST_TEXT * 50) : text
}
