import type { LineageGraph } from '../../shared/contract'
import { parseModelReference } from '../../shared/domain/references'
import type { Database } from '../platform/database'
import type { StorageTables } from './schema'

export type OriginKind = 'model' | 'dataset'

/** A version of a model or data set. */
export interface VersionKey {
  kind: OriginKind
  name: string
  version: number
}

/** Whether a reader may see the versions of a model or data set, by its name, or a job, by its id. */
export type Sees = (kind: OriginKind | 'job', id: string) => boolean

export const seesAll: Sees = () => true

/** Of those that a refusal names. */
const MOST_NAMED = 5

/** Versions, jobs and sources of a graph, about: one version may have been made from thousands, and been made into as many. */
const MOST_NODES = 1_000

/** What versions were made from. Rows are written once, with the version. */
export class Origins {
  readonly #database: Database
  readonly #tables

  constructor(database: Database) {
    this.#database = database
    this.#tables = database.builder<StorageTables>()
  }

  /** Within the caller's transaction. @param from `name@version` of what is there */
  add(key: VersionKey, from: { models: readonly string[]; datasets: readonly string[] }): void {
    const rows = [
      ...from.models.map((reference) => ({ from_kind: 'model', ...parsed(reference) })),
      ...from.datasets.map((reference) => ({ from_kind: 'dataset', ...parsed(reference) })),
    ]
    for (const row of rows) {
      this.#database.run(
        this.#tables
          .insertInto('origins')
          .values({ ...key, ...row })
          .onConflict((conflict) => conflict.doNothing()),
      )
    }
  }

  /** Within the caller's transaction. */
  remove({ kind, name, version }: VersionKey): void {
    const query = this.#tables.deleteFrom('origins').where('kind', '=', kind).where('name', '=', name)
    this.#database.run(query.where('version', '=', version))
  }

  /** As `name@version`, by kind. */
  of({ kind, name, version }: VersionKey): { models: string[]; datasets: string[] } {
    const query = this.#tables.selectFrom('origins').selectAll().where('kind', '=', kind)
    const rows = this.#database.all(query.where('name', '=', name).where('version', '=', version))
    const named = (from: OriginKind) =>
      rows.filter((row) => row.from_kind === from).map((row) => `${row.from_name}@${row.from_version}`)
    return { models: named('model'), datasets: named('dataset') }
  }

  /** What was made from a version. */
  madeFrom({ kind, name, version }: VersionKey): VersionKey[] {
    const query = this.#tables.selectFrom('origins').selectAll().where('from_kind', '=', kind)
    const rows = this.#database.all(query.where('from_name', '=', name).where('from_version', '=', version))
    return rows.map((row) => ({ kind: kindOf(row.kind), name: row.name, version: row.version }))
  }

  /**
   * Everything that some versions came from and everything that came from them, as far as its reader sees: what lies
   * behind something hidden is left out with it.
   * @param originOf the job and the source of a version, where it has them
   */
  graph(
    starts: readonly VersionKey[],
    originOf: (key: VersionKey) => { job: string | null; source: string | null },
    sees: Sees,
  ): LineageGraph {
    const madeBy = (key: VersionKey) => {
      const { job, source } = originOf(key)
      return { job: job !== null && sees('job', job) ? job : null, source }
    }
    const nodes = new Map<string, LineageGraph['nodes'][number]>()
    const edges = new Map<string, LineageGraph['edges'][number]>()
    const link = (from: string, to: string) => edges.set(`${from} ${to}`, { from, to })
    const visit = (key: VersionKey) => {
      const id = idOf(key)
      if (nodes.has(id)) return
      nodes.set(id, { id, kind: key.kind, label: `${key.name}@${key.version}` })
      const { job, source } = madeBy(key)
      if (job) {
        nodes.set(`job:${job}`, { id: `job:${job}`, kind: 'job', label: job })
        link(`job:${job}`, id)
      } else if (source) {
        nodes.set(`source:${source}`, { id: `source:${source}`, kind: 'source', label: source })
        link(`source:${source}`, id)
      }
    }
    const walk = (next: (key: VersionKey) => VersionKey[], forwards: boolean) => {
      const open = [...starts]
      const mostNodes = nodes.size + MOST_NODES
      for (let key = open.shift(); key && nodes.size < mostNodes; key = open.shift()) {
        visit(key)
        for (const other of next(key).filter(({ kind, name }) => sees(kind, name))) {
          if (nodes.size >= mostNodes) return
          const known = nodes.has(idOf(other))
          visit(other)
          const [from, to] = forwards ? [key, other] : [other, key]
          const { job } = madeBy(to)
          link(idOf(from), job ? `job:${job}` : idOf(to))
          if (!known) open.push(other)
        }
      }
    }
    walk((key) => this.parents(key), false)
    walk((key) => this.madeFrom(key), true)
    return { nodes: [...nodes.values()], edges: [...edges.values()] }
  }

  /** What a version was made from. */
  parents(key: VersionKey): VersionKey[] {
    const { models, datasets } = this.of(key)
    const keyed = (kind: OriginKind) => (reference: string) => {
      const { from_name, from_version } = parsed(reference)
      return { kind, name: from_name, version: from_version }
    }
    return [...models.map(keyed('model')), ...datasets.map(keyed('dataset'))]
  }
}

/** The first names that a reader sees, and how many more there are. */
export function few<T>(all: readonly T[], isSeen: (one: T) => boolean, nameOf: (one: T) => string): string {
  const names = all.filter(isSeen).slice(0, MOST_NAMED).map(nameOf)
  const more = all.length - names.length
  if (more === 0) return names.join(', ')
  return names.length === 0 ? `${more} you may not see` : `${names.join(', ')} and ${more} more`
}

export function referenceTo({ name, version }: VersionKey): string {
  return `${name}@${version}`
}

function idOf({ kind, name, version }: VersionKey): string {
  return `${kind}:${name}@${version}`
}

function kindOf(text: string): OriginKind {
  return text === 'dataset' ? 'dataset' : 'model'
}

function parsed(reference: string): { from_name: string; from_version: number } {
  const found = parseModelReference(reference)
  if (!found || !('version' in found)) throw new TypeError(`${reference} names no version.`)
  return { from_name: found.name, from_version: found.version }
}
