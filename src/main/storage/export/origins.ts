import type { MadeFrom } from '../../../shared/contract'
import type { Database } from '../../platform/database'
import type { Origins, Sees, VersionKey } from '../origins'
import type { StorageTables } from '../schema'
import type { ArchivedOrigins } from './manifest'

type ArchivedOrigin = ArchivedOrigins['models'][number]

/** What versions were made from, told by their bytes: what is `digits@1` here may be `digits@7` elsewhere. */
export class OriginDigests {
  readonly #database: Database
  readonly #origins: Origins
  readonly #tables

  constructor(database: Database, origins: Origins) {
    this.#database = database
    this.#origins = origins
    this.#tables = database.builder<StorageTables>()
  }

  /** For the manifest of a version; without what has been removed since, and what its reader does not see. */
  of(key: VersionKey, sees: Sees): ArchivedOrigins {
    const seen = this.#origins.parents(key).filter(({ kind, name }) => sees(kind, name))
    const archived = seen.flatMap((parent) => {
      const rows = this.#versions(parent.kind, parent.name)
      return rows.filter(({ version }) => version === parent.version).map((row) => ({ ...parent, ...row }))
    })
    const named = (kind: VersionKey['kind']) =>
      archived
        .filter((origin) => origin.kind === kind)
        .map(({ name, version, digest }) => ({ name, version, digest }))
    return { models: named('model'), datasets: named('dataset') }
  }

  /** Those whose bytes are here under the same name, and that who brings the archive may name. */
  here(
    { models, datasets }: ArchivedOrigins,
    mayName: (kind: VersionKey['kind'], reference: string) => boolean,
  ): MadeFrom {
    const known = (kind: VersionKey['kind']) => (origin: ArchivedOrigin) =>
      this.#versions(kind, origin.name)
        .filter(({ digest }) => digest === origin.digest)
        .map(({ version }) => `${origin.name}@${version}`)
        .filter((reference) => mayName(kind, reference))
    return { models: models.flatMap(known('model')), datasets: datasets.flatMap(known('dataset')), job: null }
  }

  #versions(kind: VersionKey['kind'], name: string): { version: number; digest: string }[] {
    const columns = ['version', 'digest'] as const
    const models = this.#tables.selectFrom('model_versions').select(columns)
    const datasets = this.#tables.selectFrom('dataset_versions').select(columns)
    return kind === 'model'
      ? this.#database.all(models.where('model', '=', name))
      : this.#database.all(datasets.where('dataset', '=', name))
  }
}
