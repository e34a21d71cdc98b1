import { PackedItems } from '../../../shared/domain/packed-items'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Storage } from '../../storage'
import type { ActiveJob } from '../jobs/active-job'
import { itemsName, PART_BYTES } from '../jobs/artifact-names'
import type { JobIndex } from '../jobs/job-index'

const SHORTEST_INTERVAL_MS = 250

export interface CheckpointDeps {
  storage: Storage
  database: Database
  clock: Clock
  index: JobIndex
}

/**
 * Finished items of a batch, kept in parts as they come. A part and the number of finished items become durable in one
 * transaction, so that a batch goes on where it was. At most 250 ms, or 2 % of the run so far, are lost with a crash;
 * the growing interval bounds the number of parts of a long batch. One part is written while the next one fills.
 */
export class Checkpoints {
  readonly #deps: CheckpointDeps
  readonly #job: ActiveJob
  readonly #beganMs: number
  #lastMs: number
  #done: number
  #buffer: PackedItems[] = []
  #bytes = 0
  #writing: Promise<void> | null = null
  #failure: { error: unknown } | null = null

  constructor(deps: CheckpointDeps, job: ActiveJob) {
    this.#deps = deps
    this.#job = job
    this.#done = job.status.itemsDone
    this.#beganMs = deps.clock.now()
    this.#lastMs = this.#beganMs
  }

  /** Items that are done, stored or not. */
  get done(): number {
    return this.#done
  }

  /** Waits only when parts come faster than the disk takes them. @throws what the last write threw */
  async add(startAt: number, outputs: PackedItems): Promise<void> {
    if (startAt !== this.#done) throw new Error(`Items from ${startAt} on came when ${this.#done} was next.`)
    this.#buffer.push(outputs)
    this.#bytes += outputs.byteLength
    this.#done += outputs.count
    if (this.#writing && this.#bytes >= PART_BYTES) await this.#writing
    if (this.#failure) throw this.#failure.error
    if (!this.#writing && this.#isDue()) this.#write()
  }

  /** Resolves when all that was added is stored. */
  async flush(): Promise<void> {
    while (!this.#failure && (this.#writing || this.#buffer.length > 0)) {
      if (!this.#writing) this.#write()
      await this.#writing
    }
    if (this.#failure) throw this.#failure.error
  }

  #isDue(): boolean {
    const now = this.#deps.clock.now()
    const intervalMs = Math.max(SHORTEST_INTERVAL_MS, (now - this.#beganMs) / 50)
    return this.#bytes >= PART_BYTES || now - this.#lastMs >= intervalMs
  }

  #write(): void {
    const items = PackedItems.join(this.#buffer)
    const start = this.#done - items.count
    this.#buffer = []
    this.#bytes = 0
    this.#writing = this.#store(start, items)
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        this.#writing = null
        this.#lastMs = this.#deps.clock.now()
      })
  }

  async #store(start: number, items: PackedItems): Promise<void> {
    const { storage, database, index } = this.#deps
    const staged = await storage.artifacts.stage(items.toPieces())
    await database.write(() => {
      storage.artifacts.attach(staged, this.#job.id, itemsName(start))
      index.change(this.#job, { itemsDone: start + items.count, interruptions: 0 })
    })
  }
}
