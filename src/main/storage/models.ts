import {
  type Alias,
  type AliasChange,
  type Model,
  ModelFormat,
  type ModelSummary,
  type ModelVersion,
} from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { AliasName, type ParsedReference, parseModelReference } from '../../shared/domain/references'
import { AppError } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { Emitter } from '../platform/events'
import type { StorageTables } from './schema'
import { type Candidate, type FixedVersion, VersionRows } from './versions'

/** Implied: the newest version. Nobody sets or removes it. */
const LATEST = 'latest'

export interface ModelsDeps {
  database: Database
  clock: Clock
  usersOf(model: string, version: number): string[]
}

/** Models, their immutable versions, and the aliases that point to them. */
export class Models {
  readonly #database: Database
  readonly #clock: Clock
  readonly #usersOf: ModelsDeps['usersOf']
  readonly #tables
  readonly #versions: VersionRows
  readonly #changed = new Emitter<{ changed: ModelSummary[]; removed: string[] }>()
  readonly onDidChange = this.#changed.event

  constructor({ database, clock, usersOf }: ModelsDeps) {
    this.#database = database
    this.#clock = clock
    this.#usersOf = usersOf
    this.#tables = database.builder<StorageTables>()
    this.#versions = new VersionRows(database)
  }

  /** By name. */
  list(): ModelSummary[] {
    return this.#summaries(null)
  }

  get(name: string): Model {
    return { ...this.#require(name), history: this.history(name) }
  }

  /** Newest first. */
  versions(name: string): ModelVersion[] {
    this.#require(name)
    return this.#versions.numbers(name).map((version) => this.version(name, version))
  }

  version(name: string, version: number): ModelVersion {
    return { ...this.#fixed(name, version), aliases: this.#aliasesOf(name, version) }
  }

  /** The version that a reference means now. */
  resolve(reference: string): { found: FixedVersion; alias: string | null } {
    const parsed = parseModelReference(reference)
    if (!parsed) {
      const message = `"${reference}" is no model reference. Write NAME@VERSION or NAME@ALIAS, for example silero-vad@1.`
      throw new AppError('storage.not_found', message, { reference })
    }
    return {
      found: this.#fixed(parsed.name, this.#numberOf(parsed)),
      alias: 'alias' in parsed ? parsed.alias : null,
    }
  }

  /** Within the caller's transaction. The same bytes are the same version: `known`. Tell with {@link announce}. */
  add(candidate: Candidate, importId: string | null, by: PrincipalId): { version: number; known: boolean } {
    const { model } = candidate
    const now = this.#clock.now()
    const present = this.#versions.findByDigest(model, candidate.digest)
    if (present !== null) return { version: present, known: true }
    const row = this.#database.first(
      this.#tables.selectFrom('models').select('next_version').where('name', '=', model),
    )
    const version = row?.next_version ?? 1
    const next = { next_version: version + 1, updated_at: now }
    this.#database.run(
      row
        ? this.#tables.updateTable('models').set(next).where('name', '=', model)
        : this.#tables.insertInto('models').values({ name: model, created_at: now, ...next }),
    )
    this.#versions.insert(candidate, version, importId, now, by)
    return { version, known: false }
  }

  /** Tells the listeners how a model looks now; after the commit. */
  announce(name: string): void {
    const summary = this.#summary(name)
    this.#changed.fire(summary ? { changed: [summary], removed: [] } : { changed: [], removed: [name] })
  }

  remove(name: string, version: number): void {
    this.#database.transaction(() => {
      this.#fixed(name, version)
      this.#assertUnused(name, version)
      this.#versions.delete(name, version)
      this.#touch(name)
    })
    this.announce(name)
  }

  setAlias(name: string, alias: string, version: number, by: PrincipalId): Alias {
    assertAliasName(alias)
    const at = this.#clock.now()
    const moved = this.#database.transaction(() => {
      this.#fixed(name, version)
      const before = this.#pointedTo(name, alias)
      if (before === version) return false
      const values = { version, set_at: at, set_by: by }
      this.#database.run(
        this.#tables
          .insertInto('model_aliases')
          .values({ model: name, alias, ...values })
          .onConflict((conflict) => conflict.columns(['model', 'alias']).doUpdateSet(values)),
      )
      this.#remember(name, { alias, from_version: before, to_version: version, at, by })
      return true
    })
    if (moved) this.announce(name)
    const set = this.#aliasList(name).find((candidate) => candidate.alias === alias)
    return set ?? { alias, version, setAt: toIso(at), setBy: by }
  }

  removeAlias(name: string, alias: string, by: PrincipalId): void {
    assertAliasName(alias)
    this.#database.transaction(() => {
      this.#require(name)
      const before = this.#pointedTo(name, alias)
      if (before === null) throw this.#noSuchAlias(name, alias)
      this.#database.run(
        this.#tables.deleteFrom('model_aliases').where('model', '=', name).where('alias', '=', alias),
      )
      this.#remember(name, { alias, from_version: before, to_version: null, at: this.#clock.now(), by })
    })
    this.announce(name)
  }

  /** Newest first. */
  history(name: string): AliasChange[] {
    this.#require(name)
    const rows = this.#database.all(
      this.#tables.selectFrom('alias_changes').selectAll().where('model', '=', name).orderBy('id', 'desc'),
    )
    return rows.map((row) => ({
      alias: row.alias,
      from: row.from_version,
      to: row.to_version,
      at: toIso(row.at),
      by: row.by,
    }))
  }

  #numberOf(reference: ParsedReference): number {
    const { name } = reference
    if ('version' in reference) return reference.version
    const version =
      reference.alias === LATEST ? this.#versions.latest(name) : this.#pointedTo(name, reference.alias)
    if (version !== null) return version
    this.#require(name)
    throw this.#noSuchAlias(name, reference.alias)
  }

  #fixed(name: string, version: number): FixedVersion {
    const found = this.#versions.find(name, version)
    if (found) return found
    const { versions } = this.#require(name)
    const message = `${name} has no version ${version}. It has ${versions.length === 1 ? 'version' : 'versions'} ${versions.join(', ')}.`
    throw new AppError('storage.not_found', message, { model: name, version, versions })
  }

  #require(name: string): ModelSummary {
    const summary = this.#summary(name)
    if (summary) return summary
    const message = `There is no model named "${name}". Import it first, or check the name.`
    throw new AppError('storage.not_found', message, { model: name })
  }

  #noSuchAlias(name: string, alias: string): AppError {
    const aliases = this.#aliasList(name).map((known) => known.alias)
    const has = aliases.length === 0 ? 'It has no alias yet' : `It has ${aliases.join(', ')}`
    const message = `${name} has no alias "${alias}". ${has}; "latest" always means its newest version.`
    return new AppError('storage.not_found', message, { model: name, alias, aliases })
  }

  #assertUnused(name: string, version: number): void {
    const aliases = this.#aliasesOf(name, version)
    const users = this.#usersOf(name, version)
    if (aliases.length === 0 && users.length === 0) return
    const reasons = [
      ...(aliases.length > 0 ? [`the alias ${aliases.join(', ')} points to it`] : []),
      ...(users.length > 0
        ? [`it is needed by ${users.slice(0, 5).join(', ')}${users.length > 5 ? ', ...' : ''}`]
        : []),
    ]
    const message = `Version ${version} of ${name} cannot be removed: ${reasons.join(', and ')}.`
    throw new AppError('storage.in_use', message, { aliases, users })
  }

  /** Null for a model that has no version (any more). */
  #summary(name: string): ModelSummary | null {
    return this.#summaries(name)[0] ?? null
  }

  /** One model, or all by name, in as many queries. */
  #summaries(name: string | null): ModelSummary[] {
    const rows = this.#database.all(
      this.#tables
        .selectFrom('model_versions as v')
        .innerJoin('models as m', 'm.name', 'v.model')
        .select(['v.model', 'v.version', 'v.format', 'v.size_bytes', 'm.updated_at'])
        .$if(name !== null, (query) => query.where('v.model', '=', name ?? ''))
        .orderBy('v.model')
        .orderBy('v.version', 'desc'),
    )
    const aliases = this.#aliases(name)
    const summaries = new Map<string, ModelSummary>()
    for (const row of rows) {
      const present = summaries.get(row.model)
      if (present) present.versions.push(row.version)
      else {
        summaries.set(row.model, {
          id: row.model,
          name: row.model,
          latest: row.version,
          format: ModelFormat.parse(row.format),
          sizeBytes: row.size_bytes,
          aliases: aliases.get(row.model) ?? [],
          versions: [row.version],
          updatedAt: toIso(row.updated_at),
        })
      }
    }
    return [...summaries.values()]
  }

  /** By model, each in the order of the alphabet. */
  #aliases(name: string | null): Map<string, Alias[]> {
    const rows = this.#database.all(
      this.#tables
        .selectFrom('model_aliases')
        .selectAll()
        .$if(name !== null, (query) => query.where('model', '=', name ?? ''))
        .orderBy('alias'),
    )
    const aliases = new Map<string, Alias[]>()
    for (const row of rows) {
      const alias = { alias: row.alias, version: row.version, setAt: toIso(row.set_at), setBy: row.set_by }
      const others = aliases.get(row.model)
      if (others) others.push(alias)
      else aliases.set(row.model, [alias])
    }
    return aliases
  }

  #aliasList(name: string): Alias[] {
    return this.#aliases(name).get(name) ?? []
  }

  #aliasesOf(name: string, version: number): string[] {
    return this.#aliasList(name).flatMap((alias) => (alias.version === version ? [alias.alias] : []))
  }

  #pointedTo(name: string, alias: string): number | null {
    const query = this.#tables.selectFrom('model_aliases').select('version').where('model', '=', name)
    return this.#database.first(query.where('alias', '=', alias))?.version ?? null
  }

  #remember(model: string, change: Omit<StorageTables['alias_changes'], 'id' | 'model'>): void {
    const query = this.#tables.selectFrom('alias_changes').select((select) => select.fn.max('id').as('last'))
    const id = (this.#database.first(query)?.last ?? 0) + 1
    this.#database.run(this.#tables.insertInto('alias_changes').values({ id, model, ...change }))
    this.#touch(model)
  }

  #touch(name: string): void {
    this.#database.run(
      this.#tables.updateTable('models').set({ updated_at: this.#clock.now() }).where('name', '=', name),
    )
  }
}

function assertAliasName(alias: string): void {
  if (alias === LATEST) {
    const message =
      '"latest" always means the newest version and cannot be set or removed. Choose another name.'
    throw new AppError('storage.conflict', message, { alias })
  }
  const parsed = AliasName.safeParse(alias)
  if (!parsed.success) {
    throw new AppError(
      'system.invalid',
      `"${alias}" is no alias: use 1-32 of a-z, 0-9 and dash, beginning with a letter.`,
      { field: 'alias' },
    )
  }
}
