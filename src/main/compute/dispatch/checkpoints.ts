import type { Tensors } from '../../../shared/domain/tensor'
import { packTensors } from '../../../shared/domain/tensor-codec'
import type { Clock } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Storage } from '../../storage'
import type { ActiveJob } from '../jobs/active-job'
import { byteSize, itemsName, PART_BYTES } from '../jobs/artifact-names'
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
 * the growing interval bounds the number of parts of a long batch.
 */
export class Checkpoints {
  readonly #deps: CheckpointDeps
  readonly #job: ActiveJob
  readonly #beganMs: number
  #lastMs: number
  #start: number
  #buffer: Tensors[] = []
  #bytes = 0

  constructor(deps: CheckpointDeps, job: ActiveJob) {
    this.#deps = deps
    this.#job = job
    this.#start = job.status.itemsDone
    this.#beganMs = deps.clock.now()
    this.#lastMs = this.#beganMs
  }

  /** Items that are done, stored or not. */
  get done(): number {
    return this.#start + this.#buffer.length
  }

  async add(startAt: number, outputs: readonly Tensors[]): Promise<void> {
    if (startAt !== this.done) throw new Error(`Items from ${startAt} on came when ${this.done} was next.`)
    for (const item of outputs) {
      this.#buffer.push(item)
      this.#bytes += byteSize(item)
    }
    const now = this.#deps.clock.now()
    const intervalMs = Math.max(SHORTEST_INTERVAL_MS, (now - this.#beganMs) / 50)
    const complete = this.done >= this.#job.definition.items
    if (complete || this.#bytes >= PART_BYTES || now - this.#lastMs >= intervalMs) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#buffer.length === 0) return
    const { storage, database, index, clock } = this.#deps
    const items = this.#buffer
    const start = this.#start
    const staged = await storage.artifacts.stage(packTensors(items))
    await database.write(() => {
      storage.artifacts.attach(staged, this.#job.id, itemsName(start))
      index.change(this.#job, { itemsDone: start + items.length, interruptions: 0 })
    })
    this.#start += items.length
    this.#buffer = []
    this.#bytes = 0
    this.#lastMs = clock.now()
  }
}
