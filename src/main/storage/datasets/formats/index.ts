import type { DatasetFormat } from '../../../../shared/contract'
import type { TableFile, TableReader } from '../table'
import { csvReader } from './csv'
import { imagesReader } from './images'
import { jsonlReader } from './jsonl'
import { npyReader } from './npy'
import { parquetReader } from './parquet'

/** Those that a magic number tells first. */
const READERS: readonly TableReader[] = [parquetReader, npyReader, imagesReader, jsonlReader, csvReader]

export { imageTypeOf } from './images'

/** What the files are as a data set, by their content; null when they are none. */
export function tableReaderOf(files: readonly TableFile[]): TableReader | null {
  return READERS.find((reader) => reader.recognise(files)) ?? null
}

export function tableReader(format: DatasetFormat): TableReader {
  const reader = READERS.find((candidate) => candidate.format === format)
  if (!reader) throw new TypeError(`There is no reader for ${format}.`)
  return reader
}

/** As the end of a sentence about what can be imported. */
export const IMPORTABLE_DATA = READERS.map((reader) => reader.label).join(', ')
