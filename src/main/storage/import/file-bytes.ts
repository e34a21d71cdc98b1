import { closeSync, fstatSync, readSync } from 'node:fs'
import { readAt } from '../../platform/files'
import { Rejection } from './rejection'
import { assertUnchanged, openUnchanged, type SourceFile } from './source'

const SMALLEST_WINDOW = 4 * 1024
const LARGEST_WINDOW = 64 * 1024

/**
 * Random access to an open file through one small window: it grows while reading goes straight on and shrinks after a
 * jump, so that metadata between large tensors is read without the tensors.
 */
export class FileBytes {
  readonly file: string
  readonly size: number
  /** Bytes taken from the disk so far. */
  bytesRead = 0
  readonly #descriptor: number
  readonly #window = Buffer.allocUnsafe(LARGEST_WINDOW)
  #from = 0
  #to = 0
  #next = SMALLEST_WINDOW

  /** @param file its name for findings */
  constructor(descriptor: number, size: number, file: string) {
    this.#descriptor = descriptor
    this.size = size
    this.file = file
  }

  byte(position: number): number {
    if (position < this.#from || position >= this.#to) this.#fill(position)
    return this.#window[position - this.#from] ?? 0
  }

  /** A copy of some bytes; what lies past the end of the file is a rejection. */
  slice(position: number, length: number): Buffer {
    if (position + length > this.size) throw this.#cutShort()
    if (position >= this.#from && position + length <= this.#to) {
      return Buffer.from(this.#window.subarray(position - this.#from, position - this.#from + length))
    }
    const bytes = Buffer.allocUnsafe(length)
    if (readAt(this.#descriptor, bytes, position) < length) throw this.#cutShort()
    this.bytesRead += length
    return bytes
  }

  #fill(position: number): void {
    this.#next = position === this.#to ? Math.min(this.#next * 2, LARGEST_WINDOW) : SMALLEST_WINDOW
    const count = readSync(
      this.#descriptor,
      this.#window,
      0,
      Math.min(this.#next, this.size - position),
      position,
    )
    if (count <= 0) throw this.#cutShort()
    this.bytesRead += count
    this.#from = position
    this.#to = position + count
  }

  #cutShort(): Rejection {
    return new Rejection(
      'storage.unreadable',
      'The file ends in the middle of its data. It was probably not copied or downloaded completely; get it again.',
      this.file,
    )
  }
}

/** Reads a file of the source. @throws AppError `storage.unreadable` when it changes meanwhile */
export async function withBytes<T>(file: SourceFile, work: (bytes: FileBytes) => T | Promise<T>): Promise<T> {
  const descriptor = openUnchanged(file)
  try {
    const result = await work(new FileBytes(descriptor, fstatSync(descriptor).size, file.path))
    assertUnchanged(descriptor, file)
    return result
  } finally {
    closeSync(descriptor)
  }
}
