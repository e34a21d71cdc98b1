import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Policy, PolicyProblem } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable } from '../platform/events'
import type { Logger } from '../platform/logger'
import { BUILT_IN_POLICIES, textOf } from './built-in-policies'
import { type CheckedPolicy, PolicyChecker } from './cedar/checker'
import type { PolicyEngine } from './cedar/engine'
import { SCHEMA } from './cedar/schema'
import { Statement } from './cedar/statement'
import type { SecurityTables } from './tables'

const PolicyId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
const MAX_TEXT = 100_000
type Row = SecurityTables['policies']

/** The policies people wrote, kept in the database, and the built-in ones; what is in force is in the engine. */
export class PolicyStore implements Disposable {
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #engine: PolicyEngine
  readonly #checker: PolicyChecker
  readonly #query
  /** Statements of the stored policies, by policy. */
  #stored = new Map<string, readonly Statement[]>()
  #unreadable = new Map<string, string>()
  #installedAt = 0

  constructor(deps: { database: Database; clock: Clock; logger: Logger }, engine: PolicyEngine) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#engine = engine
    this.#checker = new PolicyChecker(deps.clock)
    this.#query = deps.database.builder<SecurityTables>()
  }

  /**
   * Puts the stored policies into force. One whose seal does not fit (damaged, or checked against another schema) is
   * checked again; if it does not pass, its permits are gone and its forbids become {@link lockdown}.
   * @param installedAt when the built-in policies came with the program
   */
  async load(installedAt: number): Promise<void> {
    this.#installedAt = installedAt
    for (const row of this.#rows()) {
      const { statements, problems } = await this.#read(row)
      if (problems.length === 0) {
        this.#stored.set(row.id, statements)
        continue
      }
      const why = problems.map(({ message }) => message).join('; ')
      this.#logger.error({ policy: row.id, problems }, 'a stored policy is not valid')
      this.#unreadable.set(row.id, why)
      this.#stored.set(row.id, mayForbid(row) ? [lockdown(row.id)] : [])
    }
    this.#enforce()
  }

  /** What a person should know, as sentences. */
  problems(): string[] {
    return [...this.#unreadable].map(([id, why]) => {
      const locked = (this.#stored.get(id) ?? []).length > 0
      const effect = locked ? 'It may forbid something, so only owners may do anything' : 'It permits nothing'
      return `The stored policy ${id} is not valid: ${why}. ${effect} until it is set again or removed.`
    })
  }

  list(): Policy[] {
    return [...BUILT_IN_POLICIES.map((policy) => this.#builtIn(policy)), ...this.#rows().map(toPolicy)]
  }

  get(id: string): Policy {
    const builtIn = BUILT_IN_POLICIES.find((policy) => policy.id === id)
    if (builtIn) return this.#builtIn(builtIn)
    const row = this.#database.first(this.#query.selectFrom('policies').selectAll().where('id', '=', id))
    if (!row) throw notFound(id)
    return toPolicy(row)
  }

  async check(id: string, text: string): Promise<CheckedPolicy> {
    if (text.length > MAX_TEXT) {
      const message = `the text has ${text.length} characters; the most is ${MAX_TEXT}`
      return { problems: [{ message, line: null, column: null }], statements: [] }
    }
    return this.#checker.check(id, text)
  }

  /** @param assertAllowed asked when the text has been checked, before it comes into force */
  async set(
    id: string,
    text: string,
    description: string,
    by: PrincipalId,
    assertAllowed: () => void,
  ): Promise<Policy> {
    if (!PolicyId.safeParse(id).success) {
      throw new AppError('system.invalid', 'A policy is named with 1-63 of a-z, 0-9 and dash.', {
        field: 'id',
      })
    }
    assertNotBuiltIn(id)
    const { problems, statements } = await this.check(id, text)
    if (problems.length > 0) throw invalidPolicy(id, problems)
    assertAllowed()
    const content = { text, statements: JSON.stringify(statements) }
    const row: Row = {
      id,
      ...content,
      description,
      checked: seal(content),
      updated_at: this.#clock.now(),
      updated_by: by,
    }
    const { id: _id, ...changes } = row
    this.#database.run(
      this.#query
        .insertInto('policies')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changes)),
    )
    this.#stored.set(id, statements)
    this.#unreadable.delete(id)
    this.#enforce()
    return toPolicy(row)
  }

  remove(id: string): void {
    assertNotBuiltIn(id)
    if (this.#database.run(this.#query.deleteFrom('policies').where('id', '=', id)) === 0) throw notFound(id)
    this.#stored.delete(id)
    this.#unreadable.delete(id)
    this.#enforce()
  }

  async dispose(): Promise<void> {
    await this.#checker.dispose()
  }

  #rows(): Row[] {
    return this.#database.all(this.#query.selectFrom('policies').selectAll().orderBy('id'))
  }

  async #read(row: Row): Promise<CheckedPolicy> {
    const sealed = row.checked === seal(row) ? parseStatements(row) : null
    if (sealed) return { problems: [], statements: sealed }
    try {
      const checked = await this.check(row.id, String(row.text))
      const content = { text: row.text, statements: JSON.stringify(checked.statements) }
      if (checked.problems.length === 0) {
        const repaired = { ...content, checked: seal(content) }
        this.#database.run(this.#query.updateTable('policies').set(repaired).where('id', '=', row.id))
      }
      return checked
    } catch (error) {
      this.#logger.error({ err: error, policy: row.id }, 'a stored policy could not be checked')
      return { problems: [{ message: 'it could not be checked', line: null, column: null }], statements: [] }
    }
  }

  #enforce(): void {
    const builtIn = BUILT_IN_POLICIES.flatMap(({ statements }) => statements)
    this.#engine.setStatements([...builtIn, ...[...this.#stored.values()].flat()])
  }

  #builtIn(policy: (typeof BUILT_IN_POLICIES)[number]): Policy {
    return {
      id: policy.id,
      text: textOf(policy),
      builtIn: true,
      description: policy.description,
      updatedAt: toIso(this.#installedAt),
      updatedBy: 'system',
    }
  }
}

/** What stands for a policy that may have forbidden something and can no longer be read. */
function lockdown(id: string): Statement {
  const text = 'forbid (principal, action, resource) unless { principal in Role::"owner" };'
  return { id, text, effect: 'forbid', principal: null, names: ['Role'] }
}

/** Binds the statements to the text they were read from and the schema they were checked against. */
function seal(content: { text: string; statements: string }): string {
  return createHash('sha256')
    .update(JSON.stringify([SCHEMA, content.text, content.statements]))
    .digest('hex')
}

function parseStatements(row: Row): Statement[] | null {
  try {
    return z.array(Statement).parse(JSON.parse(row.statements))
  } catch {
    return null
  }
}

/** Only a policy that is known to hold permits alone may be dropped without harm. */
function mayForbid(row: Row): boolean {
  const statements = parseStatements(row)
  if (!statements || statements.length === 0) return true
  return statements.some(({ effect }) => effect === 'forbid') || /\bforbid\b/.test(String(row.text))
}

function toPolicy(row: Row): Policy {
  const { id, text, description } = row
  return {
    id,
    text,
    description,
    builtIn: false,
    updatedAt: toIso(row.updated_at),
    updatedBy: row.updated_by,
  }
}

function assertNotBuiltIn(id: string): void {
  if (BUILT_IN_POLICIES.some((policy) => policy.id === id)) {
    throw new AppError(
      'security.conflict',
      `The policy ${id} is built in and cannot be changed. Choose another name.`,
      { policy: id },
    )
  }
}

function notFound(id: string): AppError {
  return new AppError('security.not_found', `There is no policy named ${id}.`, { policy: id })
}

function invalidPolicy(id: string, problems: PolicyProblem[]): AppError {
  const [first] = problems
  const place = first?.line ? ` at line ${first.line}, column ${first.column}` : ''
  const others = problems.length > 1 ? ` and ${problems.length - 1} more` : ''
  return new AppError(
    'security.invalid_policy',
    `The policy ${id} is not valid: ${first?.message}${place}${others}.`,
    { problems },
  )
}
