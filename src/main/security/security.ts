import type { Principal } from '../../shared/contract'
import type { Action } from '../../shared/domain/actions'
import type { PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { Emitter } from '../platform/events'
import { type AuditEntry, AuditLog } from './audit-log'
import { Authorizer, WORK } from './authorizer'
import { PolicyEngine } from './cedar/engine'
import { formatUid } from './cedar/entities'
import { SYSTEM_ID } from './cedar/schema'
import type { Caller, Resource, Security, SecurityDeps } from './index'
import { cleanName, foldName } from './names'
import { PasswordHasher } from './password-hasher'
import { PolicyStore } from './policy-store'
import { type Account, PrincipalStore } from './principals'
import { RepeatBudget } from './repeat-budget'
import { SignInLimiter } from './sign-in-limiter'

/** In a minute: denials of one principal and action, and allowed changes that are repeats of each other. */
const DENIALS_RECORDED = 20
const REPEATS_RECORDED = 100

const THE_SYSTEM: Resource = { type: 'System', id: SYSTEM_ID }

/** What exists from start() on. */
interface Running {
  policies: PolicyStore
  authorizer: Authorizer
}

export function createSecurity(deps: SecurityDeps): Security {
  const { clock, database, logger } = deps
  const principals = new PrincipalStore(deps)
  const audit = new AuditLog(deps)
  const limiters = {
    signIn: new SignInLimiter(clock),
    /** Names that nobody has: however many are tried, the failures of the others are not forgotten. */
    unknown: new SignInLimiter(clock),
    /** Apart, since anybody can fail to sign in under a name, and only its owner gets here. */
    change: new SignInLimiter(clock),
  }
  const hasher = new PasswordHasher()
  const changedPrincipals = new Emitter<void>((error) =>
    logger.error({ err: error }, 'a listener of principals failed'),
  )
  const changedPassword = new Emitter<string>((error) =>
    logger.error({ err: error }, 'a listener of passwords failed'),
  )
  /** What is denied stays denied, and what was allowed has been done, also when that cannot be written down. */
  const tryAppend = (entry: AuditEntry) => {
    try {
      audit.append(entry, false)
    } catch (error) {
      logger.error({ err: error, summary: entry.summary }, 'a decision could not be recorded')
    }
  }
  const denials = new RepeatBudget({
    clock,
    most: DENIALS_RECORDED,
    keyOf: ({ principal, action }) => [principal, action],
    record: tryAppend,
  })
  const repeats = new RepeatBudget({
    clock,
    most: REPEATS_RECORDED,
    // Each piece of work names another job or lease, so it repeats whatever it is about.
    keyOf: ({ principal, action, resource, via, summary }) =>
      WORK.has(action) ? [principal, action, via] : [principal, action, via, resource, summary],
    record: tryAppend,
  })
  let running: Running | null = null

  function started(): Running {
    if (!running) throw new AppError('system.stopping', 'Access control is not running.')
    return running
  }

  function ownerAccount(): Account {
    const account = principals.windowAccount()
    if (!account) throw new AppError('system.stopping', 'Access control is not running.')
    return account
  }

  /** The first start: the owner and the given key, or neither. */
  function makeOwner(): Account {
    return database.transaction(() => {
      const account = principals.create({
        kind: 'user',
        name: ownerNameFrom(deps.ownerName),
        roles: ['owner'],
        isWindow: true,
      })
      if (deps.ownerKey !== undefined) principals.createKey(account.id, { text: deps.ownerKey })
      return account
    })
  }

  async function checkPassword(
    limiter: SignInLimiter,
    who: string,
    stored: string | null,
    password: string,
    message: string,
  ): Promise<void> {
    limiter.begin(who)
    const fits = await hasher.verify(stored, password).catch((error: unknown) => {
      limiter.undo(who)
      throw error
    })
    if (!fits) throw new AppError('security.wrong_password', message)
    limiter.succeed(who)
  }

  function entryOf(
    { id, name }: { id: string; name: string },
    action: string,
    decision: AuditEntry['decision'],
    summary: string,
    via: Caller['via'],
  ): AuditEntry {
    return {
      at: clock.now(),
      principal: id,
      principalName: name,
      action,
      resource: formatUid(THE_SYSTEM),
      decision,
      policies: [],
      via,
      summary,
    }
  }

  function recordDenied(entry: AuditEntry): void {
    if (denials.isSingle(entry)) tryAppend(entry)
  }

  /** @throws AppError when the log cannot be written: then nothing that must be recorded may be allowed */
  function recordAllowed(entry: AuditEntry, durable: boolean): void {
    audit.assertWritten()
    if (repeats.isSingle(entry)) audit.append(entry, durable)
  }

  /** A call that was allowed before it turned out what it is about. */
  function denyLater({ principal, name, via }: Caller, action: Action, why: string): void {
    recordDenied(
      entryOf({ id: principal, name }, action, 'deny', `${name} was denied ${action}: ${why}`, via),
    )
  }

  /** What a key that is limited to some actions asks for, and would be rid of its limits with. */
  function beyondKey(by: Caller, action: Action): AppError {
    const why = 'with it this key could do more than it is limited to'
    denyLater(by, action, why)
    return new AppError('security.denied', `${by.name} was denied ${action}: ${why}.`, {
      policies: [],
      action,
    })
  }

  function view(id: string): Principal {
    return principals.view(principals.get(id))
  }

  return {
    async start() {
      if (running) return
      principals.load()
      audit.load()
      const owner = principals.windowAccount() ?? makeOwner()
      const engine = new PolicyEngine(logger)
      const policies = new PolicyStore(deps, engine)
      await policies.load(owner.createdAt)
      const authorizer = new Authorizer({
        clock,
        engine,
        principals,
        recordAllowed,
        recordDenied,
        describe: deps.describe ?? ((resource) => resource),
      })
      // The engine's first decision compiles its code, some 25 ms; here nobody waits for it.
      engine.decide(owner, 'settings.read', THE_SYSTEM)
      running = { policies, authorizer }
    },

    problems: () => running?.policies.problems() ?? [],

    owner: () => toCaller(ownerAccount(), 'window'),

    authenticateKey(key, via) {
      const found = principals.keys.find(key)
      const account = found && principals.find(found.principal)
      return account ? { ...toCaller(account, via), key: found.id } : null
    },

    renewed({ principal, key }, via) {
      const account = principals.find(principal)
      if (!account || (key !== null && !principals.keys.isUsable(key))) return null
      return { ...toCaller(account, via), key }
    },

    async authenticatePassword(name, password, via) {
      const account = principals.findByName(name)
      const who = account ?? { id: 'unknown', name }
      try {
        await checkPassword(
          account ? limiters.signIn : limiters.unknown,
          account?.id ?? foldName(name),
          account?.passwordHash ?? null,
          password,
          'The name or the password is not right.',
        )
      } catch (error) {
        const summary = `A sign-in as ${name} failed: wrong name or password`
        if (isWrongPassword(error)) recordDenied(entryOf(who, 'sign-in', 'deny', summary, via))
        throw error
      }
      // It may have been removed, or the password changed, while this one was checked.
      const current = account && principals.find(account.id)
      if (!current || current.passwordHash !== account.passwordHash)
        throw new AppError('security.wrong_password', 'The name or the password is not right.')
      recordAllowed(entryOf(who, 'sign-in', 'allow', `${name} signed in with a password`, via), false)
      return toCaller(current, via)
    },

    authorize: (caller, action, resource, summary) =>
      started().authorizer.authorize(caller, action, resource, summary),
    allows: (caller, action, resource) => started().authorizer.allows(caller, action, resource),
    explain: (principal, action, resource) => started().authorizer.explain(principal, action, resource),

    listPrincipals: () => principals.list(),
    getPrincipal: view,
    createPrincipal(input) {
      const account = principals.create(input)
      changedPrincipals.fire()
      return principals.view(account)
    },
    removePrincipal(id) {
      principals.remove(id)
      changedPrincipals.fire()
    },
    async setPassword(id, password, current, by) {
      const account = principals.get(id)
      if (account.kind !== 'user')
        throw new AppError('system.invalid', 'Apps have keys, not passwords.', { field: 'id' })
      if (password.length < 8 || password.length > 256) {
        throw new AppError('system.invalid', 'A password has 8 to 256 characters.', { field: 'password' })
      }
      if (account.id === by.principal && account.passwordHash !== null) {
        await checkPassword(
          limiters.change,
          account.id,
          account.passwordHash,
          current ?? '',
          'The current password is not right.',
        ).catch((error: unknown) => {
          if (isWrongPassword(error)) denyLater(by, 'password.change', 'the current password was wrong')
          throw error
        })
      } else if (by.key && principals.keys.isLimited(by.key)) throw beyondKey(by, 'password.change')
      principals.setPasswordHash(account, await hasher.hash(password))
      changedPrincipals.fire()
      changedPassword.fire(account.id)
    },
    createKey(principal, options, by) {
      if (by?.key && !principals.keys.isWithin(options.scopes, by.key))
        throw beyondKey(by, 'principal.manage')
      const key = principals.createKey(principal, options)
      changedPrincipals.fire()
      return key
    },
    revokeKey(id) {
      const key = principals.keys.revoke(id)
      changedPrincipals.fire()
      return key
    },

    listPolicies: () => started().policies.list(),
    getPolicy: (id) => started().policies.get(id),
    async setPolicy(id, text, description, by) {
      const { policies, authorizer } = started()
      const action = 'policy.manage'
      // That it was allowed is on record; that it no longer is, is not yet.
      const assertAllowed = () => {
        if (!authorizer.allows(by, action, THE_SYSTEM))
          authorizer.authorize(by, action, THE_SYSTEM, `saved the policy ${id}`)
      }
      return policies.set(id, text, description, by.principal, assertAllowed)
    },
    removePolicy: (id) => started().policies.remove(id),
    async validatePolicy(text) {
      const { problems } = await started().policies.check('policy', text)
      return { valid: problems.length === 0, problems }
    },

    listAudit: (query) => audit.list(query),
    verifyAudit: () => audit.verify(),
    onDidAudit: audit.onDidAudit,
    onDidChangePrincipals: changedPrincipals.event,
    onDidChangePassword: changedPassword.event,

    async dispose() {
      denials.dispose()
      repeats.dispose()
      audit.flush()
      await running?.policies.dispose()
      running = null
    },
  }
}

function isWrongPassword(error: unknown): boolean {
  return error instanceof AppError && error.code === 'security.wrong_password'
}

function toCaller(account: Account, via: Caller['via']): Caller {
  const { id, name, kind, roles } = account
  return { principal: id as PrincipalId, name, kind, roles: [...roles], via, key: null }
}

/** The operating system may know a person by a name that we would not take from anyone else, or by none. */
function ownerNameFrom(name: string): string {
  try {
    return cleanName(name)
  } catch {
    return 'owner'
  }
}
