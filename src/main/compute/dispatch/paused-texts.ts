import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../platform/logger'
import { KEPT_INDEX, UNFINISHED } from '../../runtimes/protocol'
import type { ActiveJob } from '../jobs/active-job'

/**
 * Where language models leave what they need to go on with a text: a folder for each job, as large as what the model
 * holds in mind. What is lost of it costs time only, for a text that is written anew is the same.
 */
export class PausedTexts {
  readonly #dir: string
  readonly #logger: Logger

  constructor(dir: string, logger: Logger) {
    this.#dir = dir
    this.#logger = logger
  }

  folderOf({ id }: ActiveJob): string {
    return join(this.#dir, id)
  }

  /** After it was paused: notes whether there is more to go on from than before, and removes what is not whole. */
  async observe(job: ActiveJob): Promise<void> {
    const folder = this.folderOf(job)
    // The disk was full, or the worker was ended while it wrote: as large as what the model holds in mind.
    const names = await readdir(folder).catch(() => [])
    for (const name of names) if (name.endsWith(UNFINISHED)) await this.#remove(join(job.id, name))
    const keptAt = await stat(join(folder, KEPT_INDEX)).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    )
    job.pauseLost = keptAt === job.textKeptAt
    job.textKeptAt = keptAt
  }

  /** The job has ended. */
  drop({ id, definition }: ActiveJob): void {
    if (definition.kind === 'generate') void this.#remove(id)
  }

  /** Removes what jobs left that have ended. */
  async sweep(isActive: (id: string) => boolean): Promise<void> {
    const names = await readdir(this.#dir).catch(() => [])
    for (const name of names) if (!isActive(name)) await this.#remove(name)
  }

  async #remove(path: string): Promise<void> {
    try {
      await rm(join(this.#dir, path), { recursive: true, force: true })
    } catch (error) {
      this.#logger.warn({ err: error, path }, 'The state of a paused text could not be removed')
    }
  }
}
