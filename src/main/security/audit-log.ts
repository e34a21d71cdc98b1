import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AuditRecord } from '../../shared/contract'
import type { AuditId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { Emitter } from '../platform/events'
import type { Logger } from '../platform/logger'
import { statement } from '../platform/statement'
import { oneLine } from './names'
import type { SecurityTables } from './tables'

/** A decision to record; `at` in Unix milliseconds. */
export interface AuditEntry {
  at: number
  principal: string
  principalName: string
  action: string
  resource: string
  decision: AuditRecord['decision']
  policies: string[]
  via: AuditRecord['via']
  summary: string
}

export interface AuditQuery {
  limit: number
  cursor?: string | undefined
  decision?: 'allow' | 'deny' | undefined
  principal?: string | undefined
}

/** `brokenAt`: the first record that does not fit. */
export interface Verification {
  valid: boolean
  records: number
  brokenAt: AuditId | null
}

type Row = SecurityTables['audit']

/** What the first record's hash is chained to. */
const GENESIS = '0'.repeat(64)
const VERIFY_CHUNK = 500
/** So long a record may wait for the commit of what it allowed. */
const PATIENCE_MS = 20
const MAX_UNWRITTEN = 100_000

/**
 * The append-only log of decisions. Each record's hash is SHA-256 over the hash before it and the record, so a changed,
 * inserted or removed record shows. Records wait in memory in order and reach the disk by one group commit, which is
 * queued when the first of them is made: before, hence in the same commit as, what the decision allowed.
 */
export class AuditLog {
  readonly #database: Database
  readonly #logger: Logger
  readonly #query
  readonly #insert
  readonly #recorded: Emitter<AuditRecord>
  #unwritten: AuditEntry[] = []
  #head = { seq: 0, hash: GENESIS }
  #isQueued = false
  #isFailing = false
  #verifying: Promise<Verification> | null = null

  constructor(deps: { database: Database; logger: Logger }) {
    this.#database = deps.database
    this.#logger = deps.logger
    this.#query = deps.database.builder<SecurityTables>()
    this.#insert = statement<Row, unknown>((value) =>
      this.#query.insertInto('audit').values({
        seq: value('seq'),
        at: value('at'),
        principal: value('principal'),
        principal_name: value('principal_name'),
        action: value('action'),
        resource: value('resource'),
        decision: value('decision'),
        policies: value('policies'),
        via: value('via'),
        summary: value('summary'),
        hash: value('hash'),
      }),
    )
    this.#recorded = new Emitter((error) =>
      deps.logger.error({ err: error }, 'a listener of the audit log failed'),
    )
  }

  /** Records, once they are on the disk. */
  get onDidAudit() {
    return this.#recorded.event
  }

  load(): void {
    const last = this.#database.first(
      this.#query.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1),
    )
    // Numbers go on after the highest ever given: records cut off at the end leave a gap that verify() finds.
    this.#head = { seq: Math.max(last?.seq ?? 0, this.#highestGiven()), hash: last?.hash ?? GENESIS }
  }

  /**
   * @param durable on the disk when this returns; otherwise with the next group commit
   * @throws AppError when the log cannot be written: then nothing that must be recorded may be allowed
   */
  append(entry: AuditEntry, durable: boolean): void {
    this.#assertRoom()
    this.#unwritten.push({
      ...entry,
      principal: oneLine(entry.principal),
      principalName: oneLine(entry.principalName),
      action: oneLine(entry.action),
      resource: oneLine(entry.resource),
      summary: oneLine(entry.summary),
    })
    if (!durable && !this.#isFailing) {
      this.#queue()
      return
    }
    try {
      this.flush()
    } catch (error) {
      // It was not allowed after all.
      this.#unwritten.pop()
      throw error
    }
  }

  /** That what was recorded is on the disk, or will be. @throws AppError as {@link append} */
  assertWritten(): void {
    this.#assertRoom()
    if (this.#isFailing) this.flush()
  }

  #assertRoom(): void {
    if (this.#unwritten.length < MAX_UNWRITTEN) return
    const message = 'The audit log cannot be written, so nothing may be changed. Check the disk.'
    throw new AppError('system.stopping', message)
  }

  /** Writes what waits, now. */
  flush(): void {
    if (this.#unwritten.length === 0) return
    const records = this.#database.transaction(() => this.#write())
    this.#isFailing = false
    for (const record of records) this.#recorded.fire(record)
  }

  /** Newest first. @throws AppError `system.invalid` for a cursor that is none */
  list(query: AuditQuery): { items: AuditRecord[]; nextCursor: string | null } {
    this.flush()
    let select = this.#query
      .selectFrom('audit')
      .selectAll()
      .orderBy('seq', 'desc')
      .limit(query.limit + 1)
    if (query.cursor !== undefined) {
      if (!/^\d{1,15}$/.test(query.cursor))
        throw new AppError('system.invalid', 'The cursor is not one of this list.', { field: 'cursor' })
      select = select.where('seq', '<', Number(query.cursor))
    }
    if (query.decision !== undefined) select = select.where('decision', '=', query.decision)
    if (query.principal !== undefined) select = select.where('principal', '=', query.principal)
    const rows = this.#database.all(select)
    const items = rows.slice(0, query.limit)
    const last = items.at(-1)
    return {
      items: items.map(toRecord),
      nextCursor: rows.length > items.length && last ? String(last.seq) : null,
    }
  }

  /** Recomputes the chain in parts, letting others run in between; who asks meanwhile is given the same answer. */
  verify(): Promise<Verification> {
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = null
    })
    return this.#verifying
  }

  async #verify(): Promise<Verification> {
    this.flush()
    const end = Math.max(this.#head.seq, this.#highestGiven())
    let records = 0
    let { seq, hash } = { seq: 0, hash: GENESIS }
    while (seq < end) {
      const part = this.#query
        .selectFrom('audit')
        .selectAll()
        .where('seq', '>', seq)
        .where('seq', '<=', end)
        .orderBy('seq')
        .limit(VERIFY_CHUNK)
      const rows = this.#database.all(part)
      // Rows missing at the end.
      if (rows.length === 0) return { valid: false, records, brokenAt: auditId(seq + 1) }
      for (const row of rows) {
        if (row.seq !== seq + 1 || row.hash !== chain(hash, row))
          return { valid: false, records, brokenAt: auditId(seq + 1) }
        seq = row.seq
        hash = row.hash
        records++
      }
      await nextTurn()
    }
    return { valid: true, records, brokenAt: null }
  }

  #queue(): void {
    if (this.#isQueued) return
    this.#isQueued = true
    const written = this.#database.write(() => {
      this.#isQueued = false
      return this.#write()
    }, PATIENCE_MS)
    written.then(
      (records) => {
        for (const record of records) this.#recorded.fire(record)
      },
      (error: unknown) => {
        this.#isQueued = false
        this.#isFailing = true
        this.#logger.error(
          { err: error, records: this.#unwritten.length },
          'the audit log could not be written; changes are refused until it can',
        )
      },
    )
  }

  /** Within a transaction; undone with it. */
  #write(): AuditRecord[] {
    const entries = this.#unwritten
    const head = this.#head
    this.#unwritten = []
    this.#database.onRollback(() => {
      this.#head = head
      this.#unwritten = [...entries, ...this.#unwritten]
    })
    return entries.map((entry) => {
      const row = toRow(this.#head.seq + 1, entry)
      const hash = chain(this.#head.hash, row)
      this.#database.run(this.#insert({ ...row, hash }))
      this.#head = { seq: row.seq, hash }
      return toRecord({ ...row, hash })
    })
  }

  #highestGiven(): number {
    return (
      this.#database.first(
        this.#query.selectFrom('sqlite_sequence').select('seq').where('name', '=', 'audit'),
      )?.seq ?? 0
    )
  }
}

function toRow(seq: number, entry: AuditEntry): Omit<Row, 'hash'> {
  const { at, principal, principalName, action, resource, decision, policies, via, summary } = entry
  return {
    seq,
    at,
    principal,
    principal_name: principalName,
    action,
    resource,
    decision,
    policies: JSON.stringify(policies),
    via,
    summary,
  }
}

/** SHA-256 over the previous hash and the record as JSON without spaces, its keys in alphabetical order. */
function chain(previous: string, row: Omit<Row, 'hash'>): string {
  const { action, at, decision, policies, principal, principal_name, resource, seq, summary, via } = row
  const canonical = JSON.stringify({
    action,
    at,
    decision,
    policies,
    principal,
    principal_name,
    resource,
    seq,
    summary,
    via,
  })
  return createHash('sha256').update(previous).update(canonical).digest('hex')
}

function auditId(seq: number): AuditId {
  return `audit-${seq}` as AuditId
}

function toRecord(row: Row): AuditRecord {
  return {
    id: auditId(row.seq),
    at: toIso(row.at),
    principal: row.principal,
    principalName: row.principal_name,
    action: row.action,
    resource: row.resource,
    decision: row.decision === 'allow' ? 'allow' : 'deny',
    policies: parsePolicies(row.policies),
    via: row.via as AuditRecord['via'],
    summary: row.summary,
    hash: row.hash,
  }
}

/** A damaged row can still be listed; verify() tells that it is damaged. */
function parsePolicies(text: string): string[] {
  try {
    const policies: unknown = JSON.parse(text)
    return Array.isArray(policies) ? policies.map(String) : []
  } catch {
    return []
  }
}
