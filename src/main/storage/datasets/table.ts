import type { Cell, ColumnType, DatasetFormat, ShownCell } from '../../../shared/contract'

/** A file of a data set, under its path within it. */
export interface TableFile {
  path: string
  absolutePath: string
  sizeBytes: number
}

/** Where every `step`-th row begins, in bytes of the one file. */
export interface RowIndex {
  step: number
  offsets: number[]
}

/** A value as it was read; of texts it may still be a number in disguise (`isText`). */
export type RawRow = Record<string, Cell>

/** The same, of long tensors only the first elements. */
export type ShownRow = Record<string, ShownCell>

export interface ReadRow {
  row: RawRow
  /** Byte at which it begins, where the format has such a place. */
  at: number | null
}

/** Rows of one data set. Hostile like every file: errors are Rejections. */
export interface Table {
  /** In their order. Formats that only know them row by row leave it empty; the profile finds them. */
  columns: readonly { name: string; type: ColumnType | null }[]
  /** Every value is a text: types are found by looking at all of them. */
  readonly isText: boolean
  /** Known before reading, or null. */
  readonly rows: number | null
  /** Rows from `start` on; what was told of the last row in `index` is used to get there. */
  read(start: number, index: RowIndex | null): AsyncIterable<ReadRow>
  /** How many bytes have been read, for progress. */
  bytesRead(): number
  close?(): void
}

/** Recognises and reads one format of tables. */
export interface TableReader {
  readonly format: DatasetFormat
  /** As it stands in a sentence. */
  readonly label: string
  /** By content alone. @param files every file of what was given */
  recognise(files: readonly TableFile[]): boolean
  open(files: readonly TableFile[]): Promise<Table>
}

/** Texts of cells are cut after so many characters. */
export const LONGEST_TEXT = 2_000
/** More columns are no table that a person or a model reads. */
export const MOST_COLUMNS = 2_000
