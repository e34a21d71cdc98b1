import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ApiKey } from '../../shared/contract'
import type { Action } from '../../shared/domain/actions'
import type { KeyId, PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Logger } from '../platform/logger'
import type { SecurityTables } from './tables'

const KEY_BYTES = 32
const RANDOM_KEY = /^lla_[\w-]{43}$/
const MAX_KEY_LENGTH = 1024
const MIN_GIVEN_LENGTH = 32
/** Characters of a hash that find its row; the rest is compared in constant time. */
const LOOKUP_LENGTH = 16
const USE_WRITTEN_EVERY_MS = 60_000

interface Key {
  id: KeyId
  principal: PrincipalId
  prefix: string
  hash: Buffer
  createdAt: number
  expiresAt: number | null
  revokedAt: number | null
  lastUsedAt: number | null
  /** The actions that the key is limited to; null: whatever its principal may do. */
  scopes: readonly Action[] | null
}

/** The text of a new key: 256 random bits. */
export function randomKey(): string {
  return `lla_${randomBytes(KEY_BYTES).toString('base64url')}`
}

/** API keys: 256 random bits, shown once, stored as their SHA-256 (a key is too long to guess from its hash). */
export class KeyStore {
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #query
  readonly #byId = new Map<string, Key>()
  readonly #byHash = new Map<string, Key[]>()
  readonly #byPrincipal = new Map<string, Key[]>()
  readonly #useWritten = new Map<KeyId, number>()

  constructor(deps: { database: Database; clock: Clock; logger: Logger }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#query = deps.database.builder<SecurityTables>()
  }

  load(): void {
    for (const row of this.#database.all(
      this.#query.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id'),
    )) {
      this.#remember({
        id: row.id as KeyId,
        principal: row.principal as PrincipalId,
        prefix: row.prefix,
        hash: Buffer.from(row.hash, 'hex'),
        createdAt: row.created_at,
        expiresAt: row.expires_at,
        revokedAt: row.revoked_at,
        lastUsedAt: row.last_used_at,
        scopes: row.scopes === null ? null : (JSON.parse(row.scopes) as Action[]),
      })
    }
  }

  /** @param text a key that is known already, for example one chosen by a person, instead of a random one */
  create(
    principal: PrincipalId,
    {
      expiresAt,
      scopes,
      text,
    }: { expiresAt: number | null; scopes: readonly Action[] | null; text?: string },
  ): { id: KeyId; key: string } {
    if (text !== undefined && (text.length < MIN_GIVEN_LENGTH || text.length > MAX_KEY_LENGTH)) {
      throw new AppError(
        'system.invalid',
        `The owner's key must have ${MIN_GIVEN_LENGTH} to ${MAX_KEY_LENGTH} characters.`,
        { field: 'ownerKey' },
      )
    }
    const now = this.#clock.now()
    if (expiresAt !== null && !(expiresAt > now)) {
      throw new AppError('system.invalid', 'The expiry of a key must lie in the future.', {
        field: 'expiresAt',
      })
    }
    const secret = text ?? randomKey()
    const key: Key = {
      id: this.#clock.newId<KeyId>('key'),
      principal,
      // A key that a person chose may be weak: show less of it.
      prefix: secret.slice(0, RANDOM_KEY.test(secret) ? 8 : 4),
      hash: hashKey(secret),
      createdAt: now,
      expiresAt,
      revokedAt: null,
      lastUsedAt: null,
      scopes,
    }
    this.#database.run(
      this.#query.insertInto('api_keys').values({
        id: key.id,
        principal,
        prefix: key.prefix,
        hash: key.hash.toString('hex'),
        created_at: now,
        expires_at: expiresAt,
        revoked_at: null,
        last_used_at: null,
        scopes: scopes === null ? null : JSON.stringify(scopes),
      }),
    )
    this.#remember(key)
    this.#database.onRollback(() => this.#forget(key))
    return { id: key.id, key: secret }
  }

  /** The key that this text is, if it may be used now. */
  find(text: string): { id: KeyId; principal: PrincipalId } | null {
    if (text.length > MAX_KEY_LENGTH) return null
    const hash = hashKey(text)
    const candidates = this.#byHash.get(lookupOf(hash)) ?? []
    const key = candidates.find((candidate) => timingSafeEqual(candidate.hash, hash))
    if (!key || !this.isUsable(key.id)) return null
    this.#noteUse(key)
    return { id: key.id, principal: key.principal }
  }

  /** Neither revoked nor expired. */
  isUsable(id: KeyId): boolean {
    const key = this.#byId.get(id)
    return (
      key !== undefined &&
      key.revokedAt === null &&
      (key.expiresAt === null || this.#clock.now() < key.expiresAt)
    )
  }

  isLimited(id: KeyId): boolean {
    return this.#byId.get(id)?.scopes !== null
  }

  /** Whether a key with these scopes could do no more than this one. */
  isWithin(scopes: readonly Action[] | undefined, id: KeyId): boolean {
    return !this.isLimited(id) || (scopes?.every((action) => this.covers(id, action)) ?? false)
  }

  /** Whether the key itself leaves room for the action; the policies decide beyond that. */
  covers(id: KeyId, action: Action): boolean {
    const scopes = this.#byId.get(id)?.scopes ?? null
    return scopes === null || scopes.includes(action)
  }

  /** Revoking again changes nothing. @throws AppError `security.not_found` */
  revoke(id: string): ApiKey {
    const key = this.#byId.get(id)
    if (!key) throw new AppError('security.not_found', `There is no key ${id}.`, { key: id })
    if (key.revokedAt === null) {
      const now = this.#clock.now()
      this.#database.run(this.#query.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id))
      key.revokedAt = now
      this.#database.onRollback(() => {
        key.revokedAt = null
      })
    }
    return toApiKey(key)
  }

  /** Oldest first, revoked ones too. */
  of(principal: string): ApiKey[] {
    return (this.#byPrincipal.get(principal) ?? []).map(toApiKey)
  }

  #noteUse(key: Key): void {
    const now = this.#clock.now()
    key.lastUsedAt = now
    const written = this.#useWritten.get(key.id)
    if (written !== undefined && now - written < USE_WRITTEN_EVERY_MS) return
    this.#useWritten.set(key.id, now)
    const update = this.#query.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', key.id)
    this.#database
      .write(() => this.#database.run(update))
      .catch((error: unknown) => {
        this.#logger.warn({ err: error, id: key.id }, 'the last use of a key could not be written')
      })
  }

  #remember(key: Key): void {
    this.#byId.set(key.id, key)
    add(this.#byHash, lookupOf(key.hash), key)
    add(this.#byPrincipal, key.principal, key)
  }

  #forget(key: Key): void {
    this.#byId.delete(key.id)
    remove(this.#byHash, lookupOf(key.hash), key)
    remove(this.#byPrincipal, key.principal, key)
  }
}

function add(keys: Map<string, Key[]>, under: string, key: Key): void {
  const others = keys.get(under)
  if (others) others.push(key)
  else keys.set(under, [key])
}

function remove(keys: Map<string, Key[]>, under: string, key: Key): void {
  keys.set(
    under,
    (keys.get(under) ?? []).filter((other) => other !== key),
  )
}

function hashKey(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

function lookupOf(hash: Buffer): string {
  return hash.toString('hex').slice(0, LOOKUP_LENGTH)
}

function toApiKey(key: Key): ApiKey {
  return {
    id: key.id,
    prefix: key.prefix,
    createdAt: toIso(key.createdAt),
    expiresAt: key.expiresAt === null ? null : toIso(key.expiresAt),
    revokedAt: key.revokedAt === null ? null : toIso(key.revokedAt),
    lastUsedAt: key.lastUsedAt === null ? null : toIso(key.lastUsedAt),
    ...(key.scopes === null ? {} : { scopes: [...key.scopes] }),
  }
}
