import type { AuthorizationAnswer } from '@cedar-policy/cedar-wasm/nodejs'
import type { Decision } from '../../../shared/contract'
import type { Action } from '../../../shared/domain/actions'
import { AppError } from '../../../shared/errors'
import type { Logger } from '../../platform/logger'
import type { Resource } from '../index'
import {
  isOwned,
  isWellFormed,
  type PolicyPrincipal,
  principalUid,
  resourceUid,
  sliceEntities,
} from './entities'
import { type Cedar, loadCedar } from './load'
import { SCHEMA } from './schema'
import { principalKey, type Statement } from './statement'

const SCHEMA_NAME = 'llmagentos'
const MAX_CACHED = 10_000

/**
 * Decides by the statements in force; what none permits is denied. Statements that can only be about someone else are
 * left out of a principal's prepared set (their scope could never match), so a decision costs the same however many
 * apps have policies of their own.
 */
export class PolicyEngine {
  readonly #logger: Logger
  readonly #load: () => Cedar
  #cedar: Cedar
  #statements: readonly Statement[] = []
  #effects = new Map<string, Statement['effect']>()
  #idsMatter: ReadonlySet<string> = new Set()
  readonly #prepared = new Set<string>()
  readonly #decisions = new Map<string, Decision>()

  constructor(logger: Logger, load = loadCedar) {
    this.#logger = logger
    this.#load = load
    this.#cedar = this.#begin()
  }

  /** The statements in force from now on; their ids are unique. */
  setStatements(statements: readonly Statement[]): void {
    this.#statements = statements
    this.#effects = new Map(statements.map(({ id, effect }) => [id, effect]))
    this.#idsMatter = new Set(statements.flatMap(({ names }) => names))
    this.#prepared.clear()
    this.#decisions.clear()
  }

  /** Never throws: what cannot be decided is denied, and `errors` says why. */
  decide(principal: PolicyPrincipal, action: Action, resource: Resource): Decision {
    if (![principal.id, principal.name, resource.id, resource.model ?? ''].every(isWellFormed)) {
      return { decision: 'deny', policies: [], errors: ['a name holds half a character (a lone surrogate)'] }
    }
    const key = this.#keyOf(principal, action, resource)
    const known = this.#decisions.get(key)
    if (known) return known
    try {
      const decision = this.#interpret(this.#ask(principal, action, resource))
      const oldest = this.#decisions.keys().next()
      if (this.#decisions.size >= MAX_CACHED && !oldest.done) this.#decisions.delete(oldest.value)
      this.#decisions.set(key, decision)
      return decision
    } catch (error) {
      this.#logger.error(
        { err: error, action, resource: resourceUid(resource) },
        'the policy engine failed; denied',
      )
      if (!(error instanceof AppError)) this.#restart()
      return { decision: 'deny', policies: [], errors: ['the policy engine failed; the log has the details'] }
    }
  }

  /** Everything a decision can depend on. The id of a job, a lease or an import matters only to policies that name one. */
  #keyOf(principal: PolicyPrincipal, action: Action, resource: Resource): string {
    const { type, owner, model, version } = resource
    const id = type === 'System' || (isOwned(type) && !this.#idsMatter.has(type)) ? null : resource.id
    return JSON.stringify([
      principal.kind,
      principal.id,
      principal.name,
      principal.roles,
      action,
      type,
      id,
      owner,
      model,
      version,
    ])
  }

  #ask(principal: PolicyPrincipal, action: Action, resource: Resource): AuthorizationAnswer {
    const uid = principalUid(principal)
    return this.#cedar.statefulIsAuthorized({
      principal: uid,
      action: { type: 'Action', id: action },
      resource: resourceUid(resource),
      context: {},
      preparsedSchemaName: SCHEMA_NAME,
      validateRequest: true,
      preparsedPolicySetId: this.#prepare(principalKey(uid.type, uid.id)),
      entities: sliceEntities(principal, resource),
    })
  }

  #prepare(principal: string): string {
    if (this.#prepared.has(principal)) return principal
    const relevant = this.#statements.filter(
      (statement) => statement.principal === null || statement.principal === principal,
    )
    const staticPolicies = Object.fromEntries(relevant.map(({ id, text }) => [id, text]))
    const answer = this.#cedar.preparsePolicySet(principal, { staticPolicies })
    if (answer.type === 'failure') {
      throw new AppError('internal', 'The policies in force cannot be prepared.', {
        errors: answer.errors.map((error) => error.message),
      })
    }
    this.#prepared.add(principal)
    return principal
  }

  #interpret(answer: AuthorizationAnswer): Decision {
    if (answer.type === 'failure')
      return { decision: 'deny', policies: [], errors: answer.errors.map((error) => error.message) }
    const { decision, diagnostics } = answer.response
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`)
    const policies = [...diagnostics.reason].sort()
    // Cedar leaves out a policy that fails (an overflow, say). For a forbid that would open a door: it denies instead.
    const brokenForbids = diagnostics.errors
      .map(({ policyId }) => policyId)
      .filter((id) => this.#effects.get(id) === 'forbid')
    if (brokenForbids.length === 0) return { decision, policies, errors }
    return {
      decision: 'deny',
      policies: decision === 'deny' ? [...policies, ...brokenForbids].sort() : brokenForbids.sort(),
      errors,
    }
  }

  /** An instance that threw may be broken for good. */
  #restart(): void {
    try {
      this.#cedar = this.#begin()
    } catch (error) {
      this.#logger.error({ err: error }, 'the policy engine could not be started again')
    }
    this.#prepared.clear()
  }

  #begin(): Cedar {
    const cedar = this.#load()
    const answer = cedar.preparseSchema(SCHEMA_NAME, SCHEMA)
    if (answer.type === 'failure') {
      throw new AppError('internal', 'The policy schema is broken.', {
        errors: answer.errors.map((error) => error.message),
      })
    }
    return cedar
  }
}
