import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../platform/logger'
import { KEPT_INDEX } from '../../runtimes/protocol'
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

  /** After it was paused: notes whether there is more to go on from than before. */
  async observe(job: ActiveJob): Promise<void> {
    const keptAt = await stat(join(this.folderOf(job), KEPT_INDEX)).then(
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

  async #remove(name: string): Promise<void> {
    try {
      await rm(join(this.#dir, name), { recursive: true, force: true })
    } catch (error) {
      this.#logger.warn({ err: error, job: name }, 'The state of a paused text could not be removed')
    }
  }
}
