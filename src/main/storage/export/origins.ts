import type { MadeFrom } from '../../../shared/contract'
import type { Database } from '../../platform/database'
import type { Origins, Sees, VersionKey } from '../origins'
import type { StorageTables } from '../schema'
import type { ArchivedOrigins } from './manifest'

type ArchivedOrigin = ArchivedOrigins['models'][number]

/** Of each kind. Each is looked for in one turn, and an archive of a few kilobytes may name very many. */
const MOST_ORIGINS = 100

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
    const named = (kind: VersionKey['kind']) =>
      seen
        .filter((parent) => parent.kind === kind)
        .slice(0, MOST_ORIGINS)
        .flatMap(({ name, version }) => {
          const digest = this.#digestOf(kind, name, version)
          return digest === null ? [] : [{ name, version, digest }]
        })
    return { models: named('model'), datasets: named('dataset') }
  }

  /** Those whose bytes are here under the same name, and that who brings the archive may name. */
  here(
    { models, datasets }: ArchivedOrigins,
    mayName: (kind: VersionKey['kind'], reference: string) => boolean,
  ): MadeFrom {
    const known = (kind: VersionKey['kind'], archived: readonly ArchivedOrigin[]) => {
      const distinct = new Map(archived.map((origin) => [`${origin.name}@${origin.digest}`, origin]))
      return [...distinct.values()]
        .slice(0, MOST_ORIGINS)
        .flatMap(({ name, digest }) => {
          const version = this.#versionOf(kind, name, digest)
          return version === null ? [] : [`${name}@${version}`]
        })
        .filter((reference) => mayName(kind, reference))
    }
    return { models: known('model', models), datasets: known('dataset', datasets), job: null }
  }

  #digestOf(kind: VersionKey['kind'], name: string, version: number): string | null {
    const query = this.#versions(kind).select('digest').where('name', '=', name)
    return this.#database.first(query.where('version', '=', version))?.digest ?? null
  }

  #versionOf(kind: VersionKey['kind'], name: string, digest: string): number | null {
    const query = this.#versions(kind).select('version').where('name', '=', name)
    return this.#database.first(query.where('digest', '=', digest))?.version ?? null
  }

  /** Of models or of data sets, by the same columns. */
  #versions(kind: VersionKey['kind']) {
    const models = this.#tables.selectFrom('model_versions').select(['model as name', 'version', 'digest'])
    const datasets = this.#tables
      .selectFrom('dataset_versions')
      .select(['dataset as name', 'version', 'digest'])
    return this.#tables.selectFrom((kind === 'model' ? models : datasets).as('versions'))
  }
}
