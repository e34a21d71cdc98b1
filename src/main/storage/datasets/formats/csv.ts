import { createReadStream } from 'node:fs'
import { CsvError, type Info, parse } from 'csv-parse'
import { parse as parseSync } from 'csv-parse/sync'
import { Rejection } from '../../import/rejection'
import { MOST_COLUMNS, type RowIndex, type Table, type TableFile, type TableReader } from '../table'
import { only, textHead } from './bytes'

const DELIMITERS = [',', '\t', ';', '|']
const LONGEST_RECORD = 16 * 1024 * 1024

/** Comma, tab, semicolon or bar separated values with a header line; RFC 4180. */
export const csvReader: TableReader = {
  format: 'csv',
  label: 'CSV',
  recognise(files) {
    const file = only(files)
    const head = file && textHead(file)
    return Boolean(head) && shapeOf(head ?? '') !== null
  },
  async open(files) {
    const file = only(files)
    const shape = file && shapeOf(textHead(file) ?? '')
    if (!file || !shape) throw new Rejection('storage.unreadable', 'This is no table of values.', '')
    return openCsv(file, shape)
  },
}

interface Shape {
  delimiter: string
  columns: string[]
}

/** Delimiter and header of what looks like a table: nearly all of its first records have the same two or more fields. */
function shapeOf(head: string): Shape | null {
  for (const delimiter of DELIMITERS) {
    const records = firstRecords(head, delimiter)
    const [header = []] = records
    const odd = records.filter((record) => record.length !== header.length).length
    const isTable = records.length >= 2 && header.length >= 2 && header.length <= MOST_COLUMNS
    if (isTable && odd <= records.length / 5) return { delimiter, columns: namesOf(header) }
  }
  return null
}

function firstRecords(head: string, delimiter: string): string[][] {
  const records: string[][] = []
  try {
    parseSync(head, {
      delimiter,
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
      to: 20,
      on_record: (record: string[]) => {
        records.push(record)
        return null
      },
    })
  } catch (error) {
    // The head may end within a quoted field; what came before counts.
    if (!isCsvError(error)) throw error
  }
  return records
}

/** A name for each column: its own, numbered where it is empty or has been there before. */
function namesOf(fields: string[]): string[] {
  const seen = new Set<string>()
  return fields.map((field, index) => {
    const own =
      field.trim().replace(/^"|"$/g, '').replaceAll('""', '"').slice(0, 200) || `column ${index + 1}`
    let name = own
    for (let count = 2; seen.has(name); count++) name = `${own} ${count}`
    seen.add(name)
    return name
  })
}

function openCsv(file: TableFile, { delimiter, columns }: Shape): Table {
  let bytesRead = 0
  async function* read(start: number, index: RowIndex | null) {
    const entry = index ? Math.min(Math.floor(start / index.step), index.offsets.length - 1) : -1
    const from = index && entry >= 0 ? (index.offsets[entry] ?? 0) : 0
    // The header is a record of its own.
    let row = index && entry >= 0 ? entry * index.step : -1
    const input = createReadStream(file.absolutePath, { start: from })
    const parser = input.pipe(
      parse({
        delimiter,
        bom: from === 0,
        info: true,
        relax_column_count: true,
        skip_empty_lines: true,
        max_record_size: LONGEST_RECORD,
      }),
    )
    input.on('error', (error) => parser.destroy(error))
    let at = from
    try {
      for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
        const begins = at
        at = from + info.bytes
        bytesRead = at
        if (row++ < start) continue
        const cells = columns.map((name, column) => [name, record[column] || null] as const)
        yield { row: Object.fromEntries(cells), at: begins }
      }
    } catch (error) {
      throw asRejection(error, file)
    } finally {
      input.destroy()
    }
  }
  return {
    columns: columns.map((name) => ({ name, type: null })),
    isText: true,
    rows: null,
    read,
    bytesRead: () => bytesRead,
  }
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof CsvError
}

function asRejection(error: unknown, file: TableFile): unknown {
  if (!isCsvError(error)) return error
  const message = `The table is damaged: ${error.message.slice(0, 200)}.`
  return new Rejection('storage.unreadable', message, file.path)
}
