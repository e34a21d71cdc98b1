import type { Selectable } from 'kysely'
import { z } from 'zod'
import {
  type Alias,
  type AliasChange,
  type Canary,
  CanaryChange,
  type CanaryPlan,
} from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { AliasName } from '../../shared/domain/references'
import { AppError } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { observed, p95, type ShareOfTraffic, verdictOn } from './canary'
import type { StorageTables } from './schema'

/** Implied: the newest version. Nobody sets or removes it. */
export const LATEST = 'latest'

/** One request that a version has answered, or failed to. */
export interface ObservedRun {
  model: string
  version: number
  alias: string
  ok: boolean
  /** Time in the runtime. */
  computeMs: number
}

/** Changes that a history tells. */
const MOST_CHANGES = 1_000

const Times = z.array(z.number())

/** Those of a model's aliases that point to a version, or send a part of their traffic to it. */
export function namesOf(aliases: readonly Alias[], version: number): string[] {
  return aliases.flatMap((alias) =>
    alias.version === version || alias.canary?.version === version ? [alias.alias] : [],
  )
}

/** Where the aliases of models point, where they pointed before, and how their traffic is split. */
export class Aliases {
  readonly #database: Database
  readonly #clock: Clock
  readonly #tables

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#tables = database.builder<StorageTables>()
  }

  /** By model, each in the order of the alphabet. @param name null: of all models */
  byModel(name: string | null): Map<string, Alias[]> {
    const rows = this.#database.all(
      this.#tables
        .selectFrom('model_aliases')
        .selectAll()
        .$if(name !== null, (query) => query.where('model', '=', name ?? ''))
        .orderBy('alias'),
    )
    const canaries = this.#canaries(name)
    const aliases = new Map<string, Alias[]>()
    for (const row of rows) {
      const canary = canaries.get(`${row.model}@${row.alias}`) ?? null
      const { alias, version } = row
      const view = { alias, version, setAt: toIso(row.set_at), setBy: row.set_by, canary }
      aliases.set(row.model, [...(aliases.get(row.model) ?? []), view])
    }
    return aliases
  }

  of(model: string): Alias[] {
    return this.byModel(model).get(model) ?? []
  }

  pointedTo(model: string, alias: string): number | null {
    const query = this.#tables.selectFrom('model_aliases').select('version').where('model', '=', model)
    return this.#database.first(query.where('alias', '=', alias))?.version ?? null
  }

  /** @throws AppError `storage.not_found` */
  require(model: string, alias: string): Alias {
    const aliases = this.of(model)
    const found = aliases.find((candidate) => candidate.alias === alias)
    if (found) return found
    const names = aliases.map((known) => known.alias)
    const has = names.length === 0 ? 'It has no alias yet' : `It has ${names.join(', ')}`
    const message = `${model} has no alias "${alias}". ${has}; "latest" always means its newest version.`
    throw new AppError('storage.not_found', message, { model, alias, aliases: names })
  }

  /**
   * Within the caller's transaction. A canary ends with the move. @returns false when it pointed there already: then nothing
   * moves, and a canary goes on
   */
  point(model: string, alias: string, version: number, by: PrincipalId, reason: string | null): boolean {
    assertAliasName(alias)
    const at = this.#clock.now()
    const before = this.pointedTo(model, alias)
    if (before === version) return false
    this.#forgetCanary(model, alias)
    const values = { version, set_at: at, set_by: by }
    this.#database.run(
      this.#tables
        .insertInto('model_aliases')
        .values({ model, alias, ...values })
        .onConflict((conflict) => conflict.columns(['model', 'alias']).doUpdateSet(values)),
    )
    this.#remember(model, { alias, from_version: before, to_version: version, at, by, reason, canary: null })
    return true
  }

  /** Within the caller's transaction. @throws AppError `storage.not_found` */
  remove(model: string, alias: string, by: PrincipalId): void {
    assertAliasName(alias)
    const { version } = this.require(model, alias)
    this.#forgetCanary(model, alias)
    this.#database.run(
      this.#tables.deleteFrom('model_aliases').where('model', '=', model).where('alias', '=', alias),
    )
    this.#remember(model, {
      alias,
      from_version: version,
      to_version: null,
      at: this.#clock.now(),
      by,
      reason: null,
      canary: null,
    })
  }

  /** Newest first, at most {@link MOST_CHANGES}. */
  history(model: string): AliasChange[] {
    const query = this.#tables.selectFrom('alias_changes').selectAll().where('model', '=', model)
    return this.#database.all(query.orderBy('id', 'desc').limit(MOST_CHANGES)).map((row) => ({
      alias: row.alias,
      from: row.from_version,
      to: row.to_version,
      at: toIso(row.at),
      by: row.by,
      reason: row.reason,
      canary: row.canary_json === null ? null : CanaryChange.parse(JSON.parse(row.canary_json)),
    }))
  }

  /** Where the alias pointed before its last move. @throws AppError `storage.conflict` when it never moved */
  before(model: string, alias: string): number {
    const { version } = this.require(model, alias)
    const last = this.#database.first(
      this.#tables
        .selectFrom('alias_changes')
        .select('from_version')
        .where('model', '=', model)
        .where('alias', '=', alias)
        .where('to_version', '=', version)
        .where('from_version', 'is not', version)
        .orderBy('id', 'desc')
        .limit(1),
    )
    if (last && last.from_version !== null) return last.from_version
    const message = `The alias "${alias}" of ${model} has pointed to version ${version} from its beginning, so there is nothing to go back to.`
    throw new AppError('storage.conflict', message, { model, alias })
  }

  /** Within the caller's transaction; null ends a canary. The counts begin anew. */
  split(model: string, alias: string, plan: CanaryPlan | null, by: PrincipalId, reason: string | null): void {
    assertAliasName(alias)
    const { version, canary: before } = this.require(model, alias)
    this.#forgetCanary(model, alias)
    const changed = plan ?? before
    if (changed) {
      const canary = {
        event: plan ? ('started' as const) : ('stopped' as const),
        version: changed.version,
        weight: changed.weight,
      }
      this.#rememberCanary(model, alias, version, canary, by, reason)
    }
    if (!plan) return
    this.#database.run(
      this.#tables.insertInto('canaries').values({
        model,
        alias,
        version: plan.version,
        weight: plan.weight,
        max_error_rate: plan.maxErrorRate,
        max_p95_ms: plan.maxP95Ms,
        min_requests: plan.minRequests,
        started_at: this.#clock.now(),
        started_by: by,
        canary_requests: 0,
        canary_errors: 0,
        canary_times_json: '[]',
        stable_requests: 0,
        stable_errors: 0,
        stable_times_json: '[]',
      }),
    )
  }

  /** @param chance 0 to 1 @returns the canary's version for its share of the traffic, else null */
  canaryFor(model: string, alias: string, chance: number): number | null {
    const row = this.#canaryRow(model, alias)
    return row && chance < row.weight ? row.version : null
  }

  /**
   * Counts a request of a split alias; a canary beyond its bounds is rolled back. Within the caller's transaction.
   * @returns true when it was rolled back
   */
  observe({ model, version, alias, ...run }: ObservedRun): boolean {
    const row = this.#canaryRow(model, alias)
    if (!row) return false
    const side = version === row.version ? 'canary' : 'stable'
    const share = observed(shareOf(row, side), run)
    this.#database.run(
      this.#tables
        .updateTable('canaries')
        .set({
          [`${side}_requests`]: share.requests,
          [`${side}_errors`]: share.errors,
          [`${side}_times_json`]: JSON.stringify(share.timesMs),
        })
        .where('model', '=', model)
        .where('alias', '=', alias),
    )
    const reason = side === 'canary' ? verdictOn(viewOf(row), share) : null
    if (reason === null) return false
    this.#forgetCanary(model, alias)
    // The alias itself has not moved: what it pointed to before is as it was.
    const stays = this.pointedTo(model, alias)
    const canary = { event: 'rolled_back' as const, version: row.version, weight: row.weight }
    this.#rememberCanary(model, alias, stays, canary, row.started_by, reason)
    return true
  }

  #canaryRow(model: string, alias: string): Selectable<StorageTables['canaries']> | undefined {
    const query = this.#tables.selectFrom('canaries').selectAll().where('model', '=', model)
    return this.#database.first(query.where('alias', '=', alias))
  }

  #canaries(name: string | null): Map<string, Canary> {
    const query = this.#tables
      .selectFrom('canaries')
      .selectAll()
      .$if(name !== null, (rows) => rows.where('model', '=', name ?? ''))
    return new Map(this.#database.all(query).map((row) => [`${row.model}@${row.alias}`, viewOf(row)]))
  }

  #forgetCanary(model: string, alias: string): void {
    this.#database.run(
      this.#tables.deleteFrom('canaries').where('model', '=', model).where('alias', '=', alias),
    )
  }

  #rememberCanary(
    model: string,
    alias: string,
    stays: number | null,
    canary: z.infer<typeof CanaryChange>,
    by: string,
    reason: string | null,
  ): void {
    const at = this.#clock.now()
    this.#remember(model, { alias, from_version: stays, to_version: stays, at, by, reason, canary })
  }

  #remember(
    model: string,
    {
      canary,
      ...change
    }: Omit<StorageTables['alias_changes'], 'id' | 'model' | 'canary_json'> & Pick<AliasChange, 'canary'>,
  ): void {
    const query = this.#tables.selectFrom('alias_changes').select((select) => select.fn.max('id').as('last'))
    const id = (this.#database.first(query)?.last ?? 0) + 1
    this.#database.run(
      this.#tables
        .insertInto('alias_changes')
        .values({ id, model, ...change, canary_json: canary && JSON.stringify(canary) }),
    )
  }
}

function shareOf(row: Selectable<StorageTables['canaries']>, side: 'canary' | 'stable'): ShareOfTraffic {
  return {
    requests: row[`${side}_requests`],
    errors: row[`${side}_errors`],
    timesMs: Times.parse(JSON.parse(row[`${side}_times_json`])),
  }
}

function viewOf(row: Selectable<StorageTables['canaries']>): Canary {
  const seen = (side: 'canary' | 'stable') => {
    const { requests, errors, timesMs } = shareOf(row, side)
    return { requests, errors, p95Ms: p95(timesMs) }
  }
  return {
    version: row.version,
    weight: row.weight,
    maxErrorRate: row.max_error_rate,
    maxP95Ms: row.max_p95_ms,
    minRequests: row.min_requests,
    startedAt: toIso(row.started_at),
    startedBy: row.started_by,
    canary: seen('canary'),
    stable: seen('stable'),
  }
}

function assertAliasName(alias: string): void {
  if (alias === LATEST) {
    const message =
      '"latest" always means the newest version and cannot be set or removed. Choose another name.'
    throw new AppError('storage.conflict', message, { alias })
  }
  if (AliasName.safeParse(alias).success) return
  throw new AppError(
    'system.invalid',
    `"${alias}" is no alias: use 1-32 of a-z, 0-9 and dash, beginning with a letter.`,
    { field: 'alias' },
  )
}
