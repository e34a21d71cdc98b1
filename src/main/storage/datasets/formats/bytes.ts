import { closeSync, openSync } from 'node:fs'
import { readAt } from '../../../platform/files'
import type { TableFile } from '../table'

/** Some bytes of a file, fewer where it ends. */
export function bytesAt(file: TableFile, position: number, length: number): Buffer {
  const descriptor = openSync(file.absolutePath, 'r')
  try {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, file.sizeBytes - position)))
    return bytes.subarray(0, readAt(descriptor, bytes, position))
  } finally {
    closeSync(descriptor)
  }
}

/** The beginning of a file as text, up to its last whole line; null when it is no UTF-8 text. */
export function textHead(file: TableFile, limit = 64 * 1024): string | null {
  const bytes = bytesAt(file, 0, limit)
  const end = bytes.length < file.sizeBytes ? bytes.lastIndexOf(10) + 1 : bytes.length
  const text = new TextDecoder('utf-8', { fatal: true })
  try {
    const head = text.decode(bytes.subarray(0, end))
    // Control characters but tab, line feed and carriage return: no text.
    return /(?![\t\r\n])\p{Cc}/u.test(head) ? null : head
  } catch {
    return null
  }
}

/** The one file of what was given; null when there are more, or none. */
export function only(files: readonly TableFile[]): TableFile | null {
  const [file, ...others] = files
  return file && others.length === 0 && file.sizeBytes > 0 ? file : null
}
