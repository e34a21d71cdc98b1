import { createReadStream, type ReadStream } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip, createInflateRaw } from 'node:zlib'
import { codeOf } from '../../../platform/error-code'
import { type FileBytes, withBytes } from '../file-bytes'
import { readZip, type ZipEntry } from '../formats/zip'
import { Rejection } from '../rejection'
import { isLitter, type SourceFile } from '../source'
import { hasChecksum, unpackTar } from './tar'
import { ArchiveWriter } from './writer'

/** What a compressed stream may grow to: real ones stay far below, a bomb needs a thousand. */
const LARGEST_RATIO = 100
const RATIO_FROM_BYTES = 64 * 1024 * 1024

export type ArchiveKind = 'zip' | 'tar' | 'gzip'

/** What kind of archive the bytes are; null for none. Models that are ZIPs themselves are recognised before. */
export function archiveKindOf(bytes: FileBytes): ArchiveKind | null {
  if (bytes.size < 4) return null
  const head = bytes.slice(0, Math.min(bytes.size, 512))
  if (head.readUInt32LE() === 0x04034b50) return 'zip'
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip'
  return head.length === 512 && head.some((byte) => byte !== 0) && hasChecksum(head) ? 'tar' : null
}

/** How far unpacking is. Done and total are bytes of the content, or of the archive where that does not say its content's. */
export interface Unpacking {
  writtenBytes: number
  bytesDone: number
  bytesTotal: number
}

/**
 * Unpacks an archive into `to`, which is made, and names the folder to look at: where all of it lies in one folder, that.
 * Sizes are bounded before and while it is written. @throws Rejection for anything unsafe or damaged
 */
export async function unpack(
  archive: SourceFile,
  kind: ArchiveKind,
  to: string,
  onProgress: (unpacking: Unpacking) => void,
): Promise<string> {
  await mkdir(to, { recursive: true, mode: 0o700 })
  const most = kind === 'tar' ? Infinity : Math.max(RATIO_FROM_BYTES, archive.sizeBytes * LARGEST_RATIO)
  const writing = (progress: (writtenBytes: number) => Omit<Unpacking, 'writtenBytes'>) =>
    new ArchiveWriter(to, archive.path, most, (writtenBytes) =>
      onProgress({ writtenBytes, ...progress(writtenBytes) }),
    )
  try {
    if (kind === 'zip') {
      const entries = await withBytes(archive, readZip)
      const bytesTotal = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
      const writer = writing((bytesDone) => ({ bytesDone, bytesTotal }))
      await writer.assertRoom(bytesTotal)
      await unpackZip(archive, entries, writer)
    } else {
      const input = createReadStream(archive.absolutePath)
      const writer = writing(() => ({ bytesDone: input.bytesRead, bytesTotal: archive.sizeBytes }))
      await (kind === 'tar' ? unpackTar(input, writer) : unpackGzip(input, archive, writer))
    }
  } catch (error) {
    throw isZlibError(error)
      ? new Rejection(
          'storage.unreadable',
          'The archive is damaged: it cannot be inflated. Get it again.',
          archive.path,
        )
      : error
  }
  return topOf(to)
}

async function unpackZip(
  archive: SourceFile,
  entries: readonly ZipEntry[],
  writer: ArchiveWriter,
): Promise<void> {
  for (const { name, dataAt, compressedBytes, sizeBytes, isStored, crc } of entries) {
    if (name.endsWith('/')) {
      await writer.folder(name)
      continue
    }
    if (compressedBytes === 0) {
      await writer.add(name, Readable.from([]), sizeBytes, crc)
      continue
    }
    const raw = createReadStream(archive.absolutePath, { start: dataAt, end: dataAt + compressedBytes - 1 })
    await writer.add(name, isStored ? raw : raw.pipe(createInflateRaw()), sizeBytes, crc)
  }
}

/** A tar within, or one file. */
async function unpackGzip(input: ReadStream, archive: SourceFile, writer: ArchiveWriter): Promise<void> {
  const stream = input.pipe(createGunzip())
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
  let head: Buffer = Buffer.alloc(0)
  while (head.length < 512) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield head
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value
  }
  if (head.length >= 512 && hasChecksum(head.subarray(0, 512))) await unpackTar(whole(), writer)
  else await writer.add(basename(archive.path).replace(/\.gz$/i, '') || 'content', whole(), null, null)
}

async function topOf(folder: string): Promise<string> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !isLitter(name))
  const [only] = entries
  return only?.isDirectory() && entries.length === 1 ? topOf(join(folder, only.name)) : folder
}

function isZlibError(error: unknown): boolean {
  return codeOf(error)?.startsWith('Z_') === true
}
