import type { DatasetFormat } from '../../../shared/contract'
import { tableReader } from './formats'
import { type Profile, profileOf } from './profile'
import type { RawRow, RowIndex, TableFile } from './table'

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

/** Some rows, fewer at the end. @throws Rejection */
export async function readRows(
  { format, files, index }: { format: DatasetFormat; files: readonly TableFile[]; index: RowIndex | null },
  { offset, limit }: { offset: number; limit: number },
): Promise<RawRow[]> {
  const table = await tableReader(format).open(files)
  const rows: RawRow[] = []
  try {
    if (limit > 0) {
      for await (const { row } of table.read(offset, index)) if (rows.push(row) >= limit) break
    }
    return rows
  } finally {
    table.close?.()
  }
}
