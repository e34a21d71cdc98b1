import type { DatasetFormat } from '../../../shared/contract'
import { tableReader } from './formats'
import { type Profile, profileOf } from './profile'
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

/** What rows may weigh together, about: they travel from process to process as one line. */
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
  let weight = 0
  try {
    if (limit > 0) {
      for await (const { row } of table.read(offset, index)) {
        const next = shown(row)
        weight += weightOf(next)
        if (rows.length > 0 && weight > MOST_CHARACTERS) break
        if (rows.push(next) >= limit) break
      }
    }
    return rows
  } finally {
    table.close?.()
  }
}

/** About how many characters a row has as JSON. */
function weightOf(row: ShownRow): number {
  let weight = 0
  for (const cell of Object.values(row)) {
    if (typeof cell === 'string') weight += cell.length
    else if (typeof cell === 'object' && cell !== null)
      weight += 'base64' in cell ? cell.base64.length : 'data' in cell ? cell.data.length * 12 : 100
    weight += 12
  }
  return weight
}
