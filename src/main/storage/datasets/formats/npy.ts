import { closeSync, openSync } from 'node:fs'
import { DTYPE_BYTES, type DType, elementCount } from '../../../../shared/domain/tensor'
import { readAt } from '../../../platform/files'
import { Rejection } from '../../import/rejection'
import type { TableFile, TableReader } from '../table'
import { bytesAt, only } from './bytes'

/** `descr` of NumPy (little endian, or one byte) by our dtypes; numpy.lib.format, version 1 to 3. */
const DTYPES: Record<string, Exclude<DType, 'string'>> = {
  '<f4': 'float32',
  '<f8': 'float64',
  '<f2': 'float16',
  '<i8': 'int64',
  '<i4': 'int32',
  '<i2': 'int16',
  '|i1': 'int8',
  '|u1': 'uint8',
  '|b1': 'bool',
}

const LARGEST_ROW = 64 * 1024 * 1024

/** A NumPy array: its first axis are the rows, each a tensor in the column `data`. */
export const npyReader: TableReader = {
  format: 'npy',
  label: 'NumPy arrays (.npy)',
  recognise(files) {
    const file = only(files)
    return file !== null && bytesAt(file, 0, 6).equals(Buffer.from('\x93NUMPY', 'latin1'))
  },
  async open(files) {
    const file = only(files)
    if (!file) throw new Rejection('storage.unreadable', 'This is no NumPy array.', '')
    const { dtype, shape, begin } = readHeader(file)
    const [rows = 1, ...rowShape] = shape
    const rowBytes = elementCount(rowShape) * DTYPE_BYTES[dtype]
    // Of nothing a file can hold any number of rows.
    if (rowBytes === 0)
      throw new Rejection('storage.unreadable', 'The rows of the array have no values.', file.path)
    if (rowBytes > LARGEST_ROW)
      throw new Rejection('storage.unreadable', 'A row of the array is larger than 64 MiB.', file.path)
    if (begin + rows * rowBytes !== file.sizeBytes) {
      const message = `The array says that it has ${rows * rowBytes} bytes of values, but the file has ${file.sizeBytes - begin}.`
      throw new Rejection('storage.unreadable', message, file.path)
    }
    const descriptor = openSync(file.absolutePath, 'r')
    let bytesRead = 0
    return {
      columns: [{ name: 'data', type: 'tensor' }],
      isText: false,
      rows,
      async *read(start) {
        for (let row = start; row < rows; row++) {
          const bytes = Buffer.alloc(rowBytes)
          if (readAt(descriptor, bytes, begin + row * rowBytes) < rowBytes)
            throw new Rejection('storage.unreadable', 'The file ends in the middle of a row.', file.path)
          bytesRead = begin + (row + 1) * rowBytes
          yield { row: { data: { dtype, shape: rowShape, base64: bytes.toString('base64') } }, at: null }
        }
      },
      bytesRead: () => bytesRead,
      close() {
        closeSync(descriptor)
      },
    }
  },
}

function readHeader(file: TableFile): { dtype: Exclude<DType, 'string'>; shape: number[]; begin: number } {
  const head = bytesAt(file, 0, 12)
  const major = head[6] ?? 0
  const wide = major >= 2
  const length = head.length < 12 ? 0 : wide ? head.readUInt32LE(8) : head.readUInt16LE(8)
  const begin = (wide ? 12 : 10) + length
  if (major < 1 || major > 3 || length > 64 * 1024 || begin > file.sizeBytes) throw damaged(file)
  const text = bytesAt(file, begin - length, length).toString('latin1')
  const descr = /'descr':\s*'([^']+)'/.exec(text)?.[1] ?? ''
  const dtype = Object.hasOwn(DTYPES, descr) ? DTYPES[descr] : undefined
  if (!dtype) {
    // Objects are pickles: they are never read.
    const message = `Arrays of the type ${JSON.stringify(descr.slice(0, 40))} are not taken. Save it as float32, int64 or another plain little-endian type.`
    throw new Rejection('storage.unknown_format', message, file.path)
  }
  if (!/'fortran_order':\s*False/.test(text)) {
    const message = 'The array lies in Fortran order. Save it with numpy.ascontiguousarray.'
    throw new Rejection('storage.unknown_format', message, file.path)
  }
  const dimensions = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1]
  if (dimensions === undefined) throw damaged(file)
  const shape = dimensions
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number)
  const isSound = shape.length <= 17 && shape.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (!isSound || !Number.isSafeInteger(elementCount(shape) * 8)) throw damaged(file)
  return { dtype, shape, begin }
}

function damaged(file: TableFile): Rejection {
  return new Rejection('storage.unreadable', 'The header of the NumPy array is damaged.', file.path)
}
