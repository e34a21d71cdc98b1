import type { Import } from '../../../shared/contract'
import type { Database } from '../../platform/database'
import type { Logger } from '../../platform/logger'
import type { Datasets } from '../datasets/datasets'
import type { Models } from '../models'
import type { Proposal } from './candidate'
import type { ImportRows } from './import-rows'

interface SuggestionsDeps {
  database: Database
  logger: Logger
  models: Models
  datasets: Datasets
}

/** What imports are suggested to become: the next number of their name, unless their bytes are there already. */
export class Suggestions {
  readonly #rows: ImportRows
  readonly #deps: SuggestionsDeps
  readonly #tell: (view: Import) => void
  #renewing: Promise<void> = Promise.resolve()

  constructor(rows: ImportRows, deps: SuggestionsDeps, tell: (view: Import) => void) {
    this.#rows = rows
    this.#deps = deps
    this.#tell = tell
  }

  of({ kind, name, digest, version, family }: Proposal): Import['suggestion'] {
    const { models, datasets } = this.#deps
    if (kind === 'dataset')
      return { name, family: null, version: datasets.numberFor(name, digest, version), knownAs: [] }
    return {
      name,
      family: models.familyOf(name) ?? family,
      version: models.numberFor(name, digest, version),
      knownAs: models.knownAs(digest),
    }
  }

  /** A new version may have taken the number that others wait with, or be the same bytes: they are told soon. */
  renew(name: string, firstFile: string): void {
    // Not the results of all there ever were: each holds those before it.
    this.#renewing = Promise.all([this.#renewing, this.#renew(name, firstFile)]).then(() => undefined)
  }

  /** Resolves when all that wait have been told. */
  async settled(): Promise<void> {
    await this.#renewing
  }

  /** Never rejects: what was added is there all the same. */
  async #renew(name: string, firstFile: string): Promise<void> {
    const { database, logger } = this.#deps
    const failed = (err: unknown, id?: string) =>
      logger.warn({ err, import: id }, 'What waits still suggests what it did before.')
    try {
      const ids = this.#rows.waiting(name, firstFile)
      // They may be hundreds: the database takes them in groups, a turn for each.
      await Promise.all(
        ids.map((id) => database.write(() => this.#renewOne(id)).catch((error) => failed(error, id))),
      )
    } catch (error) {
      failed(error)
    }
  }

  /** Within the caller's transaction. */
  #renewOne(id: string): void {
    const proposal = this.#rows.proposal(id)
    const view = this.#rows.find(id)
    if (!proposal || !view) return
    const suggestion = this.of(proposal)
    if (JSON.stringify(suggestion) === JSON.stringify(view.suggestion)) return
    this.#rows.setSuggestion(id, suggestion)
    this.#deps.database.afterCommit(() => this.#tell({ ...view, suggestion }))
  }
}
