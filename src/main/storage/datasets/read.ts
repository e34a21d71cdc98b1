import type { DatasetFormat } from '../../../shared/contract'
import { tableReader } from './formats'
import { type Profile, profileOf } from './profile'
import { charactersOf } from './row-size'
import { shortened } from './shorten'
import type { RawRow, RowIndex, ShownRow, TableFile } from './table'

/** Reads all of a table. @throws Rejection */
export async function profileTable(
  format: DatasetFormat,
  files: readonly TableFile[],
  onProgress: (bytesDone: number) => void,
): Promise<Profile> {
  const table = await tableReader(format).open(files)
  try {
    return await profileOf(table, onProgress)
  } finally {
    table.close?.()
  }
}

/** Of rows together: they travel from process to process as one line. */
const MOST_CHARACTERS = 4_000_000

export interface RowRange {
  offset: number
  limit: number
}

/** Some rows: fewer at the end, and where they are large. @throws Rejection */
export function readRows(table: TableParts, range: RowRange): Promise<RawRow[]> {
  return read(table, range, (row) => row)
}

/** The same, of long tensors only the first elements. @throws Rejection */
export function readShortRows(table: TableParts, range: RowRange): Promise<ShownRow[]> {
  return read(table, range, shortened)
}

interface TableParts {
  format: DatasetFormat
  files: readonly TableFile[]
  index: RowIndex | null
}

async function read<Row extends ShownRow>(
  { format, files, index }: TableParts,
  { offset, limit }: RowRange,
  shown: (row: RawRow) => Row,
): Promise<Row[]> {
  const table = await tableReader(format).open(files)
  const rows: Row[] = []
  let characters = 0
  try {
    if (limit > 0) {
      for await (const { row } of table.read(offset, index)) {
        const next = shown(row)
        characters += charactersOf(next)
        if (rows.length > 0 && characters > MOST_CHARACTERS) break
        if (rows.push(next) >= limit) break
      }
    }
    return rows
  } finally {
    table.close?.()
  }
}
