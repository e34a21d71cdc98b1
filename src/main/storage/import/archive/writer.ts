import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { diskSpace } from '../../../platform/files'
import { FLUSH_BYTES, flushEnd, writeFlushed } from '../../flushing'
import { assertEntryName, crc32, foldedName } from '../formats/zip'
import { quoted, Rejection } from '../rejection'

/** As many files as a version may have, and the manifest of its archive. */
const MOST_ENTRIES = 10_001
/** Room that stays for the database and the rest of the machine. */
const RESERVE_BYTES = 64 * 1024 * 1024

/**
 * Writes the entries of an archive into a folder of our own. Names are checked and never become more than a path below it;
 * no link is ever made, so none can be written through.
 */
export class ArchiveWriter {
  readonly #to: string
  readonly #file: string
  /** By folded name: every entry, and the folders above it. */
  readonly #kinds = new Map<string, 'file' | 'folder'>()
  readonly #onProgress: (bytesDone: number) => void
  readonly #mostBytes: number
  #written = 0
  /** How much there was when the disk was last asked for its room. */
  #askedAt = Number.NEGATIVE_INFINITY
  #entries = 0

  /** @param file the archive's name, for findings @param mostBytes what may be written in all */
  constructor(to: string, file: string, mostBytes: number, onProgress: (bytesDone: number) => void) {
    this.#to = to
    this.#file = file
    this.#mostBytes = mostBytes
    this.#onProgress = onProgress
  }

  get written(): number {
    return this.#written
  }

  async folder(name: string): Promise<void> {
    await mkdir(join(this.#to, this.#claim(name.replace(/\/$/, ''), true)), { recursive: true, mode: 0o700 })
  }

  /**
   * @param sizeBytes null: as many as there are @param crc null: the archive does not say
   * @throws Rejection when the content is not what these say
   */
  async add(
    name: string,
    content: AsyncIterable<Uint8Array>,
    sizeBytes: number | null,
    crc: number | null,
  ): Promise<void> {
    const path = join(this.#to, this.#claim(name, false))
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const output = await open(path, 'wx', 0o600)
    try {
      const written = await this.#write(output, content, sizeBytes, name)
      if (sizeBytes !== null && written.bytes !== sizeBytes)
        throw this.unsafe(`${quoted(name)} has ${written.bytes} bytes, but says ${sizeBytes}`)
      if (crc !== null && written.crc !== crc) {
        const message = `The archive is damaged: ${quoted(name)} is not what its checksum says. Make or download it again.`
        throw new Rejection('storage.unreadable', message, this.#file)
      }
    } finally {
      await output.close()
    }
  }

  /** Others write to the disk at the same time, so it is asked again and again. @throws Rejection */
  async assertRoom(bytes: number): Promise<void> {
    this.#askedAt = this.#written
    const { freeBytes } = await diskSpace(this.#to)
    if (Math.max(this.#written, bytes) <= this.#mostBytes && bytes <= freeBytes - RESERVE_BYTES) return
    throw this.unsafe('its content would fill the disk, or is compressed as only a bomb is')
  }

  unsafe(what: string): Rejection {
    return new Rejection('storage.unsafe', `The archive is not safe to open: ${what}.`, this.#file)
  }

  async #write(
    output: FileHandle,
    content: AsyncIterable<Uint8Array>,
    limit: number | null,
    name: string,
  ): Promise<{ bytes: number; crc: number }> {
    let done = 0
    let crc = 0
    for await (const chunk of content) {
      done += chunk.length
      crc = crc32(chunk, crc)
      this.#written += chunk.length
      if (limit !== null && done > limit) throw this.unsafe(`${quoted(name)} is larger than it says`)
      if (this.#written > this.#mostBytes || this.#written - this.#askedAt >= FLUSH_BYTES)
        await this.assertRoom(chunk.length)
      await writeFlushed(output, chunk, done - chunk.length)
      this.#onProgress(this.#written)
    }
    await flushEnd(output, done)
    return { bytes: done, crc }
  }

  /** A name is used once, as a file or as a folder, also by systems that fold case. */
  #claim(name: string, isFolder: boolean): string {
    assertEntryName(name, this.#file)
    const folded = foldedName(name)
    for (let end = folded.indexOf('/'); end > 0; end = folded.indexOf('/', end + 1))
      this.#settle(folded.slice(0, end), 'folder', name)
    if (this.#kinds.get(folded) === 'file' && !isFolder) throw this.unsafe(`it names ${quoted(name)} twice`)
    this.#settle(folded, isFolder ? 'folder' : 'file', name)
    if (++this.#entries > MOST_ENTRIES) throw this.unsafe(`it has more than ${MOST_ENTRIES} entries`)
    return name
  }

  #settle(folded: string, kind: 'file' | 'folder', name: string): void {
    const before = this.#kinds.get(folded) ?? kind
    if (before !== kind) throw this.unsafe(`a part of ${quoted(name)} is both a file and a folder`)
    this.#kinds.set(folded, kind)
  }
}
