import type { Decision } from '../../shared/contract'
import { ACTION_NAMES, ACTIONS, type Action, isAction, READ_ACTIONS } from '../../shared/domain/actions'
import type { KeyId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { AuditEntry } from './audit-log'
import { BUILT_IN_POLICIES } from './built-in-policies'
import type { PolicyEngine } from './cedar/engine'
import { formatUid, parseResource, resourceUid } from './cedar/entities'
import type { Caller, Resource } from './index'
import { oneLine } from './names'
import type { PrincipalStore } from './principals'

/**
 * Work at the speed of machines, thousands a second: its record shares the group commit of what it allows. Anything
 * else is rare, and its record is on the disk before the change begins.
 */
export const WORK: ReadonlySet<string> = new Set<Action>([
  'job.submit',
  'job.control',
  'model.run',
  'lease.request',
  'lease.release',
])

export interface AuthorizerDeps {
  clock: Clock
  engine: PolicyEngine
  principals: PrincipalStore
  recordAllowed(entry: AuditEntry, durable: boolean): void
  recordDenied(entry: AuditEntry): void
  describe: (resource: Resource) => Resource
}

/** Of a caller, what is recorded and what is decided by. */
type Asker = Pick<Caller, 'principal' | 'key' | 'name' | 'via'>

/** The one place where yes or no is said. */
export class Authorizer {
  readonly #deps: AuthorizerDeps

  constructor(deps: AuthorizerDeps) {
    this.#deps = deps
  }

  authorize(caller: Asker, action: Action, resource: Resource, tried?: string): Decision {
    const decision = this.#decide(caller.principal, caller.key, action, resource)
    const name = oneLine(this.#deps.principals.find(caller.principal)?.name ?? caller.name, 80)
    if (decision.decision === 'allow') {
      if (!READ_ACTIONS.has(action)) {
        const { recordAllowed } = this.#deps
        const summary = `${name} ${tried ?? `was allowed ${attempt(action, resource)}`}`
        recordAllowed(this.#entry(caller, name, action, resource, decision, summary), !WORK.has(action))
      }
      return decision
    }
    const sentence = `${name} was denied ${attempt(action, resource)}: ${reason(decision)}`
    const summary = tried === undefined ? sentence : `${sentence} (tried: ${tried})`
    this.#deps.recordDenied(this.#entry(caller, name, action, resource, decision, summary))
    throw new AppError('security.denied', `${sentence}. ${remedyOf(decision)}`, {
      policies: decision.policies,
      action,
      resource: formatUid(resourceUid(resource)),
    })
  }

  allows(caller: Pick<Caller, 'principal' | 'key'>, action: Action, resource: Resource): boolean {
    return this.#decide(caller.principal, caller.key, action, resource).decision === 'allow'
  }

  explain(principal: string, action: string, resourceText: string): Decision {
    const { id } = this.#deps.principals.get(principal)
    if (!isAction(action)) {
      throw new AppError('system.invalid', `There is no action ${oneLine(action, 100)}.`, {
        field: 'action',
        actions: ACTION_NAMES,
      })
    }
    const resource = parseResource(resourceText)
    if (resource.type !== ACTIONS[action]) {
      throw new AppError(
        'system.invalid',
        `${action} is about a ${ACTIONS[action]}, not a ${resource.type}.`,
        { field: 'resource', wants: ACTIONS[action] },
      )
    }
    return this.#decide(id, null, action, this.#deps.describe(resource))
  }

  /** Name, kind and roles come from the database: what a transport or a handler says about them counts for nothing. */
  #decide(principal: string, key: KeyId | null, action: Action, resource: Resource): Decision {
    const account = this.#deps.principals.find(principal)
    if (!account) return denied('this account does not exist any more')
    // A session opened with a key ends with the key.
    if (key !== null && !this.#deps.principals.keys.isUsable(key))
      return denied('the key was revoked or has expired')
    if (!isAction(action)) return denied('there is no such action')
    if (ACTIONS[action] !== resource.type)
      return denied(`${action} is about a ${ACTIONS[action]}, not a ${resource.type}`)
    if (key !== null && !this.#deps.principals.keys.covers(key, action))
      return denied('the key is limited to other actions')
    return this.#deps.engine.decide(account, action, resource)
  }

  #entry(
    caller: Asker,
    name: string,
    action: Action,
    resource: Resource,
    decision: Decision,
    summary: string,
  ): AuditEntry {
    return {
      at: this.#deps.clock.now(),
      principal: caller.principal,
      principalName: name,
      action,
      resource: formatUid(resourceUid(resource)),
      decision: decision.decision,
      policies: decision.policies,
      via: caller.via,
      summary,
    }
  }
}

function denied(why: string): Decision {
  return { decision: 'deny', policies: [], errors: [why] }
}

function attempt(action: string, resource: Resource): string {
  const what = oneLine(action, 100)
  if (resource.type === 'System') return what
  return `${what} on ${oneLine(resource.id, 120)}`
}

function remedyOf({ policies }: Decision): string {
  const meaning = BUILT_IN_POLICIES.find(({ id }) => policies.includes(id))?.description
  return meaning ?? 'Whoever manages policies here can change that.'
}

function reason({ policies, errors }: Decision): string {
  if (policies.length > 0)
    return `forbidden by ${policies.length === 1 ? 'policy' : 'policies'} ${policies.join(', ')}`
  if (errors.length > 0) return errors.map((error) => oneLine(error, 200)).join('; ')
  return 'no policy permits it'
}
