import { randomFillSync } from 'node:crypto'
import { rmSync, statfsSync } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from './clock'
import type { Disposable } from './events'
import { diskSpace, syncDirectory } from './files'
import type { Logger } from './logger'

/** What the records of a few hundred deletions take, with the pages that SQLite copies for them. */
const RESERVE_BYTES = 8 * 1024 * 1024
/** The reserve is made where so many times its size is free: it must not be what fills the disk. */
const ROOM = 4
const LOOK_MS = 15_000
const PIECE_BYTES = 1024 * 1024

/**
 * Room on the disk of the data folder for the one thing that a full disk must still allow: to delete. SQLite writes before
 * anything is freed, and at zero bytes it cannot. So a file of real blocks lies there; it is given up to a deletion that finds
 * the disk full, and made again when there is room.
 */
export class DiskReserve implements Disposable {
  readonly #folder: string
  readonly #path: string
  readonly #clock: Clock
  readonly #logger: Logger
  #cancelTimer: () => void = () => undefined
  #making: Promise<void> = Promise.resolve()
  #disposed = false

  constructor(folder: string, clock: Clock, logger: Logger) {
    this.#folder = folder
    this.#path = join(folder, 'reserve')
    this.#clock = clock
    this.#logger = logger
  }

  /** Makes the reserve, now or when there is room for it. */
  start(): void {
    this.#making = this.make()
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'No room is kept for deletions.'))
      .then(() => {
        if (!this.#disposed) this.#cancelTimer = this.#clock.setTimer(LOOK_MS, () => this.start())
      })
  }

  dispose(): Promise<void> {
    this.#disposed = true
    this.#cancelTimer()
    return this.#making
  }

  /** Gives the reserve up where less than it is free. */
  giveUp(): void {
    const { bavail, bsize } = statfsSync(this.#folder)
    if (bavail * bsize < RESERVE_BYTES) rmSync(this.#path, { force: true })
  }

  /** @returns whether the reserve is there */
  async make(): Promise<boolean> {
    if ((await this.#sizeBytes()) === RESERVE_BYTES) return true
    const { freeBytes } = await diskSpace(this.#folder)
    if (freeBytes < ROOM * RESERVE_BYTES) return false
    const file = await open(this.#path, 'w', 0o600)
    try {
      // Noise: zeros are no blocks on a disk that compresses.
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      for (let done = 0; done < RESERVE_BYTES; done += PIECE_BYTES) {
        await file.writeFile(randomFillSync(piece))
      }
      await file.sync()
    } catch (error) {
      await rm(this.#path, { force: true })
      throw error
    } finally {
      await file.close()
    }
    await syncDirectory(this.#folder)
    return true
  }

  async #sizeBytes(): Promise<number> {
    return stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    )
  }
}
