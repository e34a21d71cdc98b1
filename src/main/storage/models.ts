import {
  type Alias,
  type AliasChange,
  type CanaryPlan,
  type LineageGraph,
  type Model,
  ModelFormat,
  type ModelSummary,
  type ModelVersion,
  VersionPolicy,
} from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { type ParsedReference, parseModelReference } from '../../shared/domain/references'
import { keptVersions } from '../../shared/domain/version-policy'
import { AppError } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { Emitter } from '../platform/events'
import { Aliases, LATEST, namesOf, type ObservedRun } from './aliases'
import { misfit } from './architecture'
import { diffVersions } from './diff'
import type { Bringer, StorageDeps } from './index'
import { newNumber } from './numbering'
import { few, type Origins, referenceTo, type Sees, seesAll, type VersionKey } from './origins'
import type { StorageTables } from './schema'
import { type NotesChange, VersionFacts } from './version-facts'
import { type Candidate, type FixedVersion, VersionRows } from './versions'

/** Every version is kept, none stays warm. */
const KEEP_ALL: VersionPolicy = { keep: 'all', count: 3, warm: false }

export interface ModelsDeps {
  database: Database
  clock: Clock
  usersOf(model: string, version: number): string[]
  mayName: StorageDeps['mayName']
  /** Where a version of a data set came from. */
  describeDataset(key: VersionKey): { job: string | null; source: string | null }
  origins: Origins
}

/** Models, their immutable versions, and the aliases that point to them. */
export class Models {
  readonly #database: Database
  readonly #clock: Clock
  readonly #usersOf: ModelsDeps['usersOf']
  readonly #mayName: ModelsDeps['mayName']
  readonly #describeDataset: ModelsDeps['describeDataset']
  readonly aliases: Aliases
  readonly facts: VersionFacts
  readonly origins: Origins
  readonly #tables
  readonly #versions: VersionRows
  readonly #changed = new Emitter<{ changed: ModelSummary[]; removed: string[] }>()
  readonly onDidChange = this.#changed.event

  constructor({ database, clock, usersOf, mayName, describeDataset, origins }: ModelsDeps) {
    this.#database = database
    this.#clock = clock
    this.#usersOf = usersOf
    this.#mayName = mayName
    this.#tables = database.builder<StorageTables>()
    this.#versions = new VersionRows(database)
    this.#describeDataset = describeDataset
    this.aliases = new Aliases(database, clock)
    this.facts = new VersionFacts(database)
    this.origins = origins
  }

  /** By name. */
  list(): ModelSummary[] {
    return this.#summaries(null)
  }

  get(name: string): Model {
    return { ...this.#require(name), history: this.history(name) }
  }

  version(name: string, version: number): ModelVersion {
    const found = this.#fixed(name, version)
    return {
      ...found,
      lineage: { ...found.lineage, ...this.origins.of({ kind: 'model', name, version }) },
      aliases: this.aliases.of(name).flatMap((alias) => (alias.version === version ? [alias.alias] : [])),
      ...this.facts.notes(name, version),
    }
  }

  /**
   * The version that a reference means now.
   * @param chance 0 to 1: decides whether a split alias means its canary; without it, it means the stable version
   */
  resolve(reference: string, chance = 1): { found: FixedVersion; alias: string | null } {
    const parsed = parseModelReference(reference)
    if (!parsed) {
      const message = `"${reference}" is no model reference. Write NAME@VERSION or NAME@ALIAS, for example silero-vad@1.`
      throw new AppError('storage.not_found', message, { reference })
    }
    const alias = 'alias' in parsed ? parsed.alias : null
    const canary = alias === null || chance >= 1 ? null : this.aliases.canaryFor(parsed.name, alias, chance)
    return { found: this.#fixed(parsed.name, canary ?? this.#numberOf(parsed)), alias }
  }

  /** The stable version of a reference first, then the canary that some of its requests get. */
  meanings(reference: string): number[] {
    return [...new Set([1, 0].map((chance) => this.resolve(reference, chance).found.version))]
  }

  /** The number that these bytes have, or would get, as a version of a model. */
  numberFor(model: string, digest: string, wanted: number | null): number {
    return this.#versions.findByDigest(model, digest) ?? Math.max(this.#next(model), wanted ?? 0)
  }

  /** Whether there is, or was, a model of that name: its numbers go on. */
  isTaken(name: string): boolean {
    return this.#next(name) > 1
  }

  /** @throws AppError `storage.conflict` for a number that no new version can get */
  assertNumber(model: string, wanted: number | null): void {
    newNumber(model, this.#next(model), wanted)
  }

  /** The versions of all models that have these bytes. */
  knownAs(digest: string): { model: string; version: number }[] {
    return this.#versions.allByDigest(digest)
  }

  /**
   * Within the caller's transaction. The same bytes are the same version, whatever number was asked for: `known`. Tell with
   * {@link announce}. @throws AppError `storage.conflict`
   */
  add(candidate: Candidate, importId: string | null, by: PrincipalId): { version: number; known: boolean } {
    const { model, family } = candidate
    const now = this.#clock.now()
    const present = this.#versions.findByDigest(model, candidate.digest)
    if (present !== null) return { version: present, known: true }
    const version = newNumber(model, this.#next(model), candidate.version)
    const next = { next_version: version + 1, updated_at: now }
    this.#database.run(
      this.#tables
        .insertInto('models')
        .values({ name: model, created_at: now, family, policy_json: null, ...next })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(next)),
    )
    this.#versions.insert(candidate, version, importId, now, by)
    this.origins.add({ kind: 'model', name: model, version }, candidate.madeFrom)
    if (candidate.notes) this.facts.annotate(model, version, candidate.notes)
    const architecture =
      candidate.architecture &&
      this.#architectureHere(candidate.architecture, model, version, {
        principal: by,
        key: candidate.key ?? null,
      })
    if (architecture) this.facts.annotate(model, version, { architecture })
    return { version, known: false }
  }

  /** Within the caller's transaction. Tell with {@link announce}. */
  setFamily(name: string, family: string | null): void {
    this.#database.run(this.#tables.updateTable('models').set({ family }).where('name', '=', name))
  }

  /** Null also for a model that is not there. */
  familyOf(name: string): string | null {
    return this.#summary(name)?.family ?? null
  }

  /** Tells the listeners how a model looks now; after the commit. */
  announce(name: string): void {
    const summary = this.#summary(name)
    this.#changed.fire(summary ? { changed: [summary], removed: [] } : { changed: [], removed: [name] })
  }

  /** @param sees what of those that need it the refusal may name */
  remove(name: string, version: number, sees: Sees): void {
    this.#database.transaction(() => {
      this.#fixed(name, version)
      this.#assertUnused(name, version, sees)
      this.#delete(name, version)
    })
    this.announce(name)
  }

  /** @returns false when it is gone already, or something has come to need or keep it */
  removeUnused(name: string, version: number): boolean {
    const removed = this.#database.transaction(() => {
      if (!this.#versions.find(name, version)) return false
      if (this.#needs(name, version, seesAll).length > 0 || this.#keptOf(name).has(version)) return false
      this.#delete(name, version)
      return true
    })
    if (removed) this.announce(name)
    return removed
  }

  setAlias(name: string, alias: string, version: number, by: PrincipalId, reason: string | null): Alias {
    return this.#changeAlias(name, alias, () => {
      this.#fixed(name, version)
      return this.aliases.point(name, alias, version, by, reason)
    })
  }

  /** Back to where the alias pointed before its last move. */
  rollBack(name: string, alias: string, by: PrincipalId, reason: string | null): Alias {
    return this.#changeAlias(name, alias, () => {
      this.#require(name)
      const before = this.aliases.before(name, alias)
      if (!this.#versions.find(name, before)) {
        const message = `Version ${before} of ${name}, to which "${alias}" pointed before, has been deleted. Point the alias to another version.`
        throw new AppError('storage.conflict', message, { model: name, version: before })
      }
      return this.aliases.point(name, alias, before, by, reason ?? 'Went back')
    })
  }

  /** @throws AppError `storage.conflict` when callers of the present version cannot call the canary */
  setCanary(
    name: string,
    alias: string,
    plan: CanaryPlan | null,
    by: PrincipalId,
    reason: string | null,
  ): Alias {
    return this.#changeAlias(name, alias, () => {
      this.#require(name)
      const { version } = this.aliases.require(name, alias)
      if (plan) this.#assertCanary(name, version, plan.version)
      this.aliases.split(name, alias, plan, by, reason)
      return true
    })
  }

  promoteCanary(name: string, alias: string, by: PrincipalId): Alias {
    return this.#changeAlias(name, alias, () => {
      this.#require(name)
      const { canary } = this.aliases.require(name, alias)
      if (!canary)
        throw new AppError('storage.conflict', `The alias "${alias}" of ${name} has no canary.`, { alias })
      return this.aliases.point(name, alias, canary.version, by, 'The canary was promoted')
    })
  }

  removeAlias(name: string, alias: string, by: PrincipalId): void {
    this.#database.transaction(() => {
      this.#require(name)
      this.aliases.remove(name, alias, by)
      this.#touch(name)
    })
    this.announce(name)
  }

  /** Newest first, at most 1,000. */
  history(name: string): AliasChange[] {
    this.#require(name)
    return this.aliases.history(name)
  }

  /** Counts a run for the canary of its alias. Within the caller's transaction; listeners hear of it after. */
  observe(run: ObservedRun): void {
    if (!this.aliases.observe(run)) return
    queueMicrotask(() => this.announce(run.model))
  }

  update(name: string, change: { family?: string | null | undefined; policy?: VersionPolicy | undefined }) {
    this.#database.transaction(() => {
      this.#require(name)
      const { family, policy } = change
      this.#database.run(
        this.#tables
          .updateTable('models')
          .set({
            updated_at: this.#clock.now(),
            ...(family !== undefined && { family }),
            ...(policy && { policy_json: JSON.stringify(policy) }),
          })
          .where('name', '=', name),
      )
    })
    this.announce(name)
    return this.get(name)
  }

  /**
   * @throws AppError `storage.not_found`, also for an architecture that is not there; `storage.conflict` for one that the
   * weights do not fit, and for the version itself
   */
  annotate(name: string, version: number, change: NotesChange): ModelVersion {
    this.#database.transaction(() => {
      this.#fixed(name, version)
      const architecture = change.architecture && this.#architecture(change.architecture, name, version)
      this.facts.annotate(name, version, { ...change, architecture })
      this.#touch(name)
    })
    this.announce(name)
    return this.version(name, version)
  }

  /** As `name@version`, whatever the reference was: what weights run in does not move. */
  #architecture(reference: string, name: string, version: number): string {
    const { found } = this.resolve(reference)
    if (found.model === name && found.version === version) {
      const message = `${name}@${version} cannot be its own architecture. Name the TorchScript version whose weights it holds.`
      throw new AppError('storage.conflict', message, { architecture: `${name}@${version}` })
    }
    if (found.format !== 'torchscript') {
      const message = `${reference} is ${found.format}; only a TorchScript version can lend its graph to weights.`
      throw new AppError('storage.conflict', message, { format: found.format })
    }
    const graph = `${found.model}@${found.version}`
    const why = misfit(
      this.facts.tensors(name, version),
      this.facts.tensors(found.model, found.version),
      graph,
    )
    if (why !== null) {
      const message = `The weights of ${name}@${version} do not fit ${graph}: ${why}.`
      throw new AppError('storage.conflict', message, { architecture: graph })
    }
    return graph
  }

  /** In whose graph a version runs, by its bytes; null for one that needs none. */
  architectureOf(name: string, version: number): { name: string; digest: string } | null {
    const { architecture } = this.facts.notes(name, version)
    if (architecture === null) return null
    const { found } = this.resolve(architecture)
    return { name: found.model, digest: found.digest }
  }

  /**
   * As `name@version`; null when the version is not here, is none that the weights fit, or may not be named by who brings
   * them: then a person names another.
   */
  #architectureHere(
    { name, digest }: { name: string; digest: string },
    weights: string,
    version: number,
    by: Bringer,
  ): string | null {
    const here = this.#versions.findByDigest(name, digest)
    if (here === null || (name === weights && here === version)) return null
    if (this.#fixed(name, here).format !== 'torchscript') return null
    const graph = `${name}@${here}`
    if (!this.#mayName(by, 'architecture', graph)) return null
    const why = misfit(this.facts.tensors(weights, version), this.facts.tensors(name, here), graph)
    return why === null ? graph : null
  }

  /** The versions that the model's policy does not keep, oldest first; {@link removeUnused} sees what still needs them. */
  expendable(name: string): number[] {
    const kept = this.#keptOf(name)
    const versions = this.#summary(name)?.versions ?? []
    return versions.filter((version) => !kept.has(version)).reverse()
  }

  /** Whether the model's policy keeps this version loaded; false for a model that is no more. */
  staysWarm(name: string, version: number): boolean {
    return this.#summary(name)?.policy.warm === true && this.#keptOf(name).has(version)
  }

  lineage(name: string, sees: Sees): LineageGraph {
    const { versions } = this.#require(name)
    const keys = versions.map((version) => ({ kind: 'model' as const, name, version }))
    const originOf = (key: VersionKey) =>
      key.kind === 'dataset' ? this.#describeDataset(key) : this.describe(key)
    return this.origins.graph(keys, originOf, sees)
  }

  /** Where a version came from; nothing for one that is no more. */
  describe({ name, version }: VersionKey): { job: string | null; source: string | null } {
    const found = this.#versions.find(name, version)
    return { job: found?.lineage.job ?? null, source: found?.lineage.source || null }
  }

  /** The versions that the model's policy keeps; none of a model that is no more. */
  #keptOf(name: string): Set<number> {
    const summary = this.#summary(name)
    if (!summary) return new Set()
    const { policy, versions, aliases } = summary
    const tags = this.facts.tags(name)
    return keptVersions(
      policy,
      versions.map((version) => ({
        version,
        aliases: namesOf(aliases, version),
        tags: tags.get(version) ?? [],
      })),
    )
  }

  #changeAlias(name: string, alias: string, change: () => boolean): Alias {
    const moved = this.#database.transaction(() => {
      const changed = change()
      if (changed) this.#touch(name)
      return changed
    })
    if (moved) this.announce(name)
    return this.aliases.require(name, alias)
  }

  #assertCanary(name: string, stable: number, canary: number): void {
    const from = this.version(name, stable)
    const to = this.version(name, canary)
    if (stable === canary) {
      throw new AppError('storage.conflict', `The alias already points to version ${canary}.`, { canary })
    }
    if (diffVersions(from, to).compatible) return
    const message = `Version ${canary} of ${name} wants other inputs or gives other outputs than version ${stable}, so its callers cannot be sent there.`
    throw new AppError('storage.conflict', message, { stable, canary })
  }

  #numberOf(reference: ParsedReference): number {
    const { name } = reference
    if ('version' in reference) return reference.version
    const version =
      reference.alias === LATEST ? this.#versions.latest(name) : this.aliases.pointedTo(name, reference.alias)
    if (version !== null) return version
    this.#require(name)
    return this.aliases.require(name, reference.alias).version
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

  #assertUnused(name: string, version: number, sees: Sees): void {
    const needs = this.#needs(name, version, sees)
    if (needs.length === 0) return
    const message = `Version ${version} of ${name} cannot be removed: ${needs.join(', and ')}.`
    const users = this.#usersOf(name, version).filter((job) => sees('job', job))
    throw new AppError('storage.in_use', message, { aliases: namesOf(this.aliases.of(name), version), users })
  }

  #delete(name: string, version: number): void {
    this.#versions.delete(name, version)
    this.origins.remove({ kind: 'model', name, version })
    this.#touch(name)
  }

  /** Who needs a version, in words that name what a reader sees. */
  #needs(name: string, version: number, sees: Sees): string[] {
    const aliases = namesOf(this.aliases.of(name), version)
    const users = this.#usersOf(name, version)
    const made = this.origins.madeFrom({ kind: 'model', name, version })
    const weights = this.facts.architectureOf(name, version)
    const seesKey = (key: VersionKey) => sees(key.kind, key.name)
    return [
      ...(aliases.length > 0 ? [`the alias ${aliases.join(', ')} points to it`] : []),
      ...(users.length > 0 ? [`it is needed by ${few(users, (job) => sees('job', job), String)}`] : []),
      ...(weights.length > 0 ? [`it is the architecture of ${few(weights, seesKey, referenceTo)}`] : []),
      ...(made.length > 0
        ? [`${few(made, seesKey, referenceTo)} ${made.length === 1 ? 'was' : 'were'} made from it`]
        : []),
    ]
  }

  /** The lowest number that no version of it ever had. */
  #next(name: string): number {
    const query = this.#tables.selectFrom('models').select('next_version').where('name', '=', name)
    return this.#database.first(query)?.next_version ?? 1
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
        .select(['v.model', 'v.version', 'v.format', 'v.size_bytes'])
        .select(['m.updated_at', 'm.family', 'm.policy_json'])
        .$if(name !== null, (query) => query.where('v.model', '=', name ?? ''))
        .orderBy('v.model')
        .orderBy('v.version', 'desc'),
    )
    const aliases = this.aliases.byModel(name)
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
          family: row.family,
          policy: row.policy_json === null ? KEEP_ALL : VersionPolicy.parse(JSON.parse(row.policy_json)),
        })
      }
    }
    return [...summaries.values()]
  }

  #touch(name: string): void {
    this.#database.run(
      this.#tables.updateTable('models').set({ updated_at: this.#clock.now() }).where('name', '=', name),
    )
  }
}
