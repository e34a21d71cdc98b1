import type { Principal, Role } from '../../shared/contract'
import type { Action } from '../../shared/domain/actions'
import type { KeyId, PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Logger } from '../platform/logger'
import { KeyStore } from './keys'
import { cleanName, foldName, makePrincipalId } from './names'
import type { SecurityTables } from './tables'

/** A principal as the decisions need it; only ever read from the database. */
export interface Account {
  id: PrincipalId
  kind: Principal['kind']
  name: string
  roles: Role[]
  passwordHash: string | null
  createdAt: number
  isWindow: boolean
}

const ROLES_OF: Record<Principal['kind'], readonly Role[]> = {
  app: ['app'],
  user: ['owner', 'operator', 'viewer'],
}

/** Users and apps, held in memory as the database has them. */
export class PrincipalStore {
  readonly keys: KeyStore
  readonly #database: Database
  readonly #clock: Clock
  readonly #query
  readonly #living = new Map<string, Account>()

  constructor(deps: { database: Database; clock: Clock; logger: Logger }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#query = deps.database.builder<SecurityTables>()
    this.keys = new KeyStore(deps)
  }

  load(): void {
    const living = this.#query
      .selectFrom('principals')
      .selectAll()
      .where('removed_at', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
    for (const row of this.#database.all(living)) {
      const kind = row.kind === 'app' ? 'app' : 'user'
      const roles = parseRoles(row.roles).filter((role) => ROLES_OF[kind].includes(role))
      this.#living.set(row.id, {
        id: row.id as PrincipalId,
        kind,
        name: row.name,
        roles,
        passwordHash: row.password_hash,
        createdAt: row.created_at,
        isWindow: row.is_window === 1,
      })
    }
    this.keys.load()
  }

  /** The account of the person signed in to the operating system; made with the first start. */
  windowAccount(): Account | undefined {
    return [...this.#living.values()].find((account) => account.isWindow)
  }

  find(id: string): Account | undefined {
    return this.#living.get(id)
  }

  findByName(name: string): Account | undefined {
    const folded = foldName(name)
    return [...this.#living.values()].find((account) => foldName(account.name) === folded)
  }

  /** @throws AppError `security.not_found` */
  get(id: string): Account {
    const account = this.#living.get(id)
    if (!account)
      throw new AppError('security.not_found', `There is no user or app with the id ${id}.`, {
        principal: id,
      })
    return account
  }

  list(): Principal[] {
    return [...this.#living.values()].map((account) => this.view(account))
  }

  view(account: Account): Principal {
    const { id, kind, name, roles, createdAt } = account
    const keys = this.keys.of(id)
    return {
      id,
      kind,
      name,
      roles: [...roles],
      keys,
      hasPassword: account.passwordHash !== null,
      createdAt: toIso(createdAt),
    }
  }

  /** @throws AppError `security.conflict` for a name in use, `system.invalid` for roles that do not fit the kind */
  create(input: {
    kind: Principal['kind']
    name: string
    roles: readonly Role[]
    isWindow?: boolean
  }): Account {
    const { kind, isWindow = false } = input
    const name = cleanName(input.name)
    const roles = [...new Set(input.roles)]
    const misfit = roles.find((role) => !ROLES_OF[kind].includes(role))
    if (misfit !== undefined || roles.length === 0) {
      const what =
        kind === 'app'
          ? 'An app has the role app; what more it may do, policies say'
          : 'A user is owner, operator or viewer'
      throw new AppError('system.invalid', `${what}.`, { field: 'roles', allowed: ROLES_OF[kind] })
    }
    const namesake = this.findByName(name)
    if (namesake) {
      throw new AppError(
        'security.conflict',
        `There is already a ${namesake.kind} named ${namesake.name}. Choose another name.`,
        {
          principal: namesake.id,
        },
      )
    }
    return this.#database.transaction(() => {
      const id = makePrincipalId(name, kind, (candidate) => this.#wasGiven(candidate)) as PrincipalId
      const account: Account = {
        id,
        kind,
        name,
        roles,
        passwordHash: null,
        createdAt: this.#clock.now(),
        isWindow,
      }
      this.#database.run(
        this.#query.insertInto('principals').values({
          id,
          kind,
          name,
          folded_name: foldName(name),
          roles: JSON.stringify(roles),
          password_hash: null,
          created_at: account.createdAt,
          removed_at: null,
          is_window: isWindow ? 1 : 0,
        }),
      )
      this.#living.set(id, account)
      this.#database.onRollback(() => this.#living.delete(id))
      return account
    })
  }

  /**
   * Its keys are revoked; its id stays taken, so that a policy or a job that names it never means someone else.
   * @throws AppError `security.not_found`, `security.conflict` for the window's account, which is the last owner's
   */
  remove(id: string): void {
    const account = this.get(id)
    if (account.isWindow) {
      const message = `${account.name} is the owner of this machine, as whom the window acts, and cannot be removed.`
      throw new AppError('security.conflict', message, { principal: id })
    }
    this.#database.transaction(() => {
      for (const key of this.keys.of(id)) this.keys.revoke(key.id)
      const changes = { removed_at: this.#clock.now(), password_hash: null }
      this.#database.run(this.#query.updateTable('principals').set(changes).where('id', '=', id))
    })
    this.#living.delete(id)
  }

  /** @throws AppError `security.conflict` when the password was changed since `account` was read */
  setPasswordHash(account: Account, hash: string): void {
    const now = this.get(account.id)
    if (now.passwordHash !== account.passwordHash) {
      throw new AppError('security.conflict', 'The password was changed at the same time. Try again.', {
        principal: account.id,
      })
    }
    this.#database.run(
      this.#query.updateTable('principals').set({ password_hash: hash }).where('id', '=', account.id),
    )
    this.#living.set(account.id, { ...now, passwordHash: hash })
  }

  /** @throws AppError `security.not_found`, `system.invalid` for a time that is past or none */
  createKey(
    principal: string,
    options: { expiresAt?: string | undefined; scopes?: readonly Action[] | undefined; text?: string },
  ): { id: KeyId; key: string; expiresAt: string | null } {
    const account = this.get(principal)
    const { expiresAt, scopes = null, ...rest } = options
    const at = expiresAt === undefined ? null : Date.parse(expiresAt)
    const { id, key } = this.keys.create(account.id, { expiresAt: at, scopes, ...rest })
    return { id, key, expiresAt: at === null ? null : toIso(at) }
  }

  #wasGiven(id: string): boolean {
    return (
      this.#database.first(this.#query.selectFrom('principals').select('id').where('id', '=', id)) !==
      undefined
    )
  }
}

/** Unreadable roles are no roles. */
function parseRoles(text: string): Role[] {
  try {
    const roles: unknown = JSON.parse(text)
    return Array.isArray(roles) ? roles : []
  } catch {
    return []
  }
}
