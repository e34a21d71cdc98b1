import { closeSync, openSync } from 'node:fs'
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { readAt } from '../../../platform/files'
import { Rejection } from '../../import/rejection'
import { MOST_COLUMNS, type RawRow, type TableFile, type TableReader } from '../table'
import { bytesAt, only } from './bytes'
import { cellOf } from './jsonl'

const MAGIC = Buffer.from('PAR1')
/** Rows decoded at a time. */
const CHUNK = 1_000
const LARGEST_PIECE = 64 * 1024 * 1024

/** Apache Parquet. */
export const parquetReader: TableReader = {
  format: 'parquet',
  label: 'Parquet',
  recognise(files) {
    const file = only(files)
    return (
      file !== null && bytesAt(file, 0, 4).equals(MAGIC) && bytesAt(file, file.sizeBytes - 4, 4).equals(MAGIC)
    )
  },
  async open(files) {
    const file = only(files)
    if (!file) throw new Rejection('storage.unreadable', 'This is no Parquet file.', '')
    const descriptor = openSync(file.absolutePath, 'r')
    let bytesRead = 0
    const pieceOf = async (start: number, end: number) => {
      const length = end - start
      if (!(start >= 0 && length >= 0 && end <= file.sizeBytes && length <= LARGEST_PIECE))
        throw new RangeError('a piece of the file does not lie within it, or is too large')
      const bytes = new ArrayBuffer(length)
      if (readAt(descriptor, new Uint8Array(bytes), start) < length)
        throw new RangeError('the file ends in the middle of a piece')
      bytesRead += length
      return bytes
    }
    const buffer: AsyncBuffer = {
      byteLength: file.sizeBytes,
      slice(start, end = file.sizeBytes) {
        const piece = pieceOf(start, end)
        // The library asks ahead for pieces; one that is dropped after another failed has no one to hear its error.
        piece.catch(() => undefined)
        return piece
      },
    }
    try {
      const metadata = await guarded(file, () => parquetMetadataAsync(buffer))
      const rows = Number(metadata.num_rows)
      const rowsOfGroups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
      const columns = columnsOf(metadata)
      const countsRows = Number.isSafeInteger(rows) && rows >= 0 && rows === rowsOfGroups
      if (!countsRows || columns.length === 0 || columns.length > MOST_COLUMNS)
        throw damaged(file, 'its counts of rows and columns make no sense')
      return {
        columns: columns.map((name) => ({ name, type: null })),
        isText: false,
        rows,
        async *read(start) {
          for (let from = start; from < rows; from += CHUNK) {
            const to = Math.min(rows, from + CHUNK)
            const chunk = await guarded(file, () => rowsOf(buffer, metadata, from, to))
            if (chunk.length !== to - from) throw damaged(file, 'it has fewer rows than it says')
            for (const row of chunk) yield { row, at: null }
          }
        },
        bytesRead: () => bytesRead,
        close() {
          closeSync(descriptor)
        },
      }
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  },
}

function columnsOf(metadata: FileMetaData): string[] {
  const [root, ...elements] = metadata.schema
  const names: string[] = []
  // Top-level elements only: a group's children follow it.
  let skip = 0
  for (const element of elements) {
    if (skip > 0) skip += (element.num_children ?? 0) - 1
    else {
      names.push(element.name)
      skip = element.num_children ?? 0
    }
  }
  return names.slice(0, root?.num_children ?? 0)
}

function rowsOf(
  file: AsyncBuffer,
  metadata: FileMetaData,
  rowStart: number,
  rowEnd: number,
): Promise<RawRow[]> {
  return new Promise((resolve, reject) => {
    const onComplete = (rows: Record<string, unknown>[]) =>
      resolve(
        rows.map((row) =>
          Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cellOf(value)])),
        ),
      )
    parquetRead({ file, metadata, rowStart, rowEnd, rowFormat: 'object', compressors, onComplete }).catch(
      reject,
    )
  })
}

/** The library throws plain errors for what is damaged. */
async function guarded<T>(file: TableFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Rejection) throw error
    throw damaged(file, error instanceof Error ? error.message.slice(0, 200) : 'it cannot be read')
  }
}

function damaged(file: TableFile, why: string): Rejection {
  return new Rejection('storage.unreadable', `The Parquet file cannot be read: ${why}.`, file.path)
}
