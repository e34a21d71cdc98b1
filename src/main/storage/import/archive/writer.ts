import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assertEntryName, foldedName } from '../formats/zip'
import { quoted, Rejection } from '../rejection'

const MOST_ENTRIES = 10_000
/** As in `transfer.ts`: a commit of the database must not wait for more than this. */
const FLUSH_BYTES = 16 * 1024 * 1024

/**
 * Writes the entries of an archive into a folder of our own. Names are checked and never become more than a path below it;
 * no link is ever made, so none can be written through.
 */
export class ArchiveWriter {
  readonly #to: string
  readonly #file: string
  readonly #names = new Set<string>()
  readonly #onProgress: (bytesDone: number) => void
  readonly #roomBytes: number
  #written = 0

  /** @param file the archive's name, for findings @param roomBytes what may be written in all */
  constructor(to: string, file: string, roomBytes: number, onProgress: (bytesDone: number) => void) {
    this.#to = to
    this.#file = file
    this.#roomBytes = roomBytes
    this.#onProgress = onProgress
  }

  get written(): number {
    return this.#written
  }

  async folder(name: string): Promise<void> {
    await mkdir(join(this.#to, this.#claim(name.replace(/\/$/, ''), true)), { recursive: true, mode: 0o700 })
  }

  /** @throws Rejection when the content has not as many bytes as `sizeBytes` (null: as many as there are) */
  async add(name: string, content: AsyncIterable<Uint8Array>, sizeBytes: number | null): Promise<void> {
    const path = join(this.#to, this.#claim(name, false))
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const output = await open(path, 'wx', 0o600)
    try {
      const written = await this.#write(output, content, sizeBytes, name)
      if (sizeBytes !== null && written !== sizeBytes)
        throw this.unsafe(`${quoted(name)} has ${written} bytes, but says ${sizeBytes}`)
    } finally {
      await output.close()
    }
  }

  unsafe(what: string): Rejection {
    return new Rejection('storage.unsafe', `The archive is not safe to open: ${what}.`, this.#file)
  }

  async #write(
    output: FileHandle,
    content: AsyncIterable<Uint8Array>,
    limit: number | null,
    name: string,
  ): Promise<number> {
    let done = 0
    let unsynced = 0
    for await (const chunk of content) {
      done += chunk.length
      this.#written += chunk.length
      if (limit !== null && done > limit) throw this.unsafe(`${quoted(name)} is larger than it says`)
      if (this.#written > this.#roomBytes)
        throw this.unsafe('its content would fill the disk, or is compressed as only a bomb is')
      await output.write(chunk)
      this.#onProgress(this.#written)
      unsynced += chunk.length
      if (unsynced < FLUSH_BYTES) continue
      await output.datasync()
      unsynced = 0
    }
    return done
  }

  /** A name is used once, also by systems that fold case. */
  #claim(name: string, isFolder: boolean): string {
    assertEntryName(name, this.#file)
    const folded = foldedName(name)
    if (this.#names.has(folded) && !isFolder) throw this.unsafe(`it names ${quoted(name)} twice`)
    this.#names.add(folded)
    if (this.#names.size > MOST_ENTRIES) throw this.unsafe(`it has more than ${MOST_ENTRIES} entries`)
    return name
  }
}
