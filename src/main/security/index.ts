import type {
  ApiKey,
  AuditRecord,
  Decision,
  Policy,
  PolicyProblem,
  Principal,
  Role,
} from '../../shared/contract'
import type { Action, ResourceType } from '../../shared/domain/actions'
import type { KeyId, PrincipalId } from '../../shared/domain/ids'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable, Event } from '../platform/events'
import type { Logger } from '../platform/logger'
import type { Verification } from './audit-log'
import { SYSTEM_ID } from './cedar/schema'

export { holderOf } from './holder'
export { randomKey } from './keys'
export { createSecurity } from './security'
export { securityMigrations } from './tables'

/** Who calls, as the transport verified it; never taken from a payload. */
export interface Caller {
  principal: PrincipalId
  name: string
  kind: Principal['kind']
  roles: Role[]
  via: AuditRecord['via']
  key: KeyId | null
}

/**
 * What an action is about, sliced to what the policies may look at. For `ModelRef` the id is `name@selector` as asked
 * for, and its parent is the model; for `Job`, `Lease` and `Import` the owner is an attribute.
 */
export interface Resource {
  type: ResourceType
  id: string
  /** `Job`, `Lease`, `Import`: the principal it belongs to. */
  owner?: PrincipalId | undefined
  /** `ModelRef`: the model and the version it now means. */
  model?: string | undefined
  version?: number | undefined
}

/** The machine as a whole: what actions of resource type `System` are about. */
export const THE_SYSTEM: Resource = { type: 'System', id: SYSTEM_ID }

/** Identity, access control and audit. */
export interface Security extends Disposable {
  /** Makes the owner account at the first start, loads and checks the policies. */
  start(): Promise<void>
  /** What a person should know, as sentences: stored policies that are not valid. */
  problems(): string[]

  /** The person signed in to the operating system: the identity of the window. From start() on. */
  owner(): Caller
  /** Null for a key that is unknown, expired or revoked; compares hashes in constant time. */
  authenticateKey(key: string, via: Caller['via']): Caller | null
  /** Who signed in before, as they stand now; null when they were removed, or their key was revoked or has expired. */
  renewed(caller: Caller, via: Caller['via']): Caller | null
  /** @throws AppError `security.wrong_password`, `network.rate_limited` after repeated failures */
  authenticatePassword(name: string, password: string, via: Caller['via']): Promise<Caller>
  /**
   * The one decision for every transport: default deny. Roles come from the database, not from `caller`; a key that has
   * been revoked since ends what was opened with it. Denials, and allowed actions that change something, are audited: the
   * record of a job, a run or a lease becomes durable in the group commit of the next `database.write`, any other
   * allowed change is on the disk when this returns.
   * @param summary what was tried, to follow the caller's name: `moved the alias production of silero-vad to 2`
   * @throws AppError `security.denied` with `{policies}`
   */
  authorize(
    caller: Pick<Caller, 'principal' | 'key' | 'name' | 'via'>,
    action: Action,
    resource: Resource,
    summary?: string,
  ): Decision
  /** The same decision without an audit record: to filter a list. */
  allows(caller: Pick<Caller, 'principal' | 'key'>, action: Action, resource: Resource): boolean
  /** What would be decided. @param resource Cedar form, `Type::"id"` @throws AppError `system.invalid`, `security.not_found` */
  explain(principal: string, action: string, resource: string): Decision

  listPrincipals(): Principal[]
  getPrincipal(id: string): Principal
  createPrincipal(input: { kind: Principal['kind']; name: string; roles: Role[] }): Principal
  /** Revokes its keys; its id is never given again. @throws AppError `security.conflict` for the window's account, the last owner */
  removePrincipal(id: string): void
  /**
   * @param current asked of whoever changes their own
   * @throws AppError `security.wrong_password`, `security.denied` for a key limited by scopes, which could sign in with it
   */
  setPassword(id: string, password: string, current: string | undefined, by: Caller): Promise<void>
  /**
   * @param options `scopes` limits the key to these actions, within what its principal may do; `text` is one of
   * {@link randomKey} that was written down before
   * @param by whose call it is, if any
   * @throws AppError `security.denied` for a key limited by scopes that asks for one that may do more
   */
  createKey(
    principal: string,
    options: {
      expiresAt?: string | undefined
      scopes?: readonly Action[] | undefined
      text?: string
    },
    by?: Caller,
  ): { id: KeyId; key: string; expiresAt: string | null }
  revokeKey(id: string): ApiKey

  listPolicies(): Policy[]
  getPolicy(id: string): Policy
  /**
   * @param by who may do so, also still when the text has been checked
   * @throws AppError `security.invalid_policy` with `{problems}`, `security.conflict` for a built-in one, `security.denied`
   */
  setPolicy(id: string, text: string, description: string, by: Caller): Promise<Policy>
  removePolicy(id: string): void
  validatePolicy(text: string): Promise<{ valid: boolean; problems: PolicyProblem[] }>

  listAudit(query: {
    limit: number
    cursor?: string | undefined
    decision?: 'allow' | 'deny' | undefined
    principal?: string | undefined
  }): {
    items: AuditRecord[]
    nextCursor: string | null
  }
  verifyAudit(): Promise<Verification>

  readonly onDidAudit: Event<AuditRecord>
  readonly onDidChangePrincipals: Event<void>
  /** With the principal's id. */
  readonly onDidChangePassword: Event<string>
}

export interface SecurityDeps {
  database: Database
  clock: Clock
  logger: Logger
  /** The operating system's name of the person who starts the program. */
  ownerName: string
  /** At the first start: the owner's API key, 32 characters or more. */
  ownerKey?: string | undefined
  /** For {@link Security.explain}: the same resource with what other modules know of it (owner, model, version). */
  describe?: ((resource: Resource) => Resource) | undefined
}
