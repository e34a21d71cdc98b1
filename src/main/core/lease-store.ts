import { Lease, Placement } from '../../shared/contract'
import { ResourceVector } from '../../shared/domain/resources'
import { toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { statement } from '../platform/statement'
import type { HeldLease } from './ledger'
import type { CoreTables } from './migrations'
import { toQuanta } from './quanta'

/** Ended leases stay to be asked about (`release` is idempotent) until both bounds are passed by others. */
const KEEP_ENDED_MS = 24 * 3_600_000
const KEEP_ENDED_ROWS = 10_000

/** Leases in the database. Synchronous: part of whatever transaction is open. */
export interface LeaseStore {
  insert(held: HeldLease, nowMs: number): void
  end(id: string, state: 'released' | 'expired', nowMs: number): void
  setExpiry(id: string, expiresAtMs: number): void
  /** In force as the last process left them. */
  inForce(): HeldLease[]
  find(id: string): Lease | undefined
  prune(nowMs: number): void
}

type Row = CoreTables['core_leases']

export function createLeaseStore(database: Database): LeaseStore {
  const db = database.builder<CoreTables>()
  const insert = statement<Row, unknown>((value) =>
    db.insertInto('core_leases').values({
      id: value('id'),
      state: value('state'),
      holder: value('holder'),
      job: value('job'),
      purpose: value('purpose'),
      priority: value('priority'),
      need: value('need'),
      placement: value('placement'),
      created_at: value('created_at'),
      expires_at: value('expires_at'),
      ended_at: value('ended_at'),
    }),
  )
  const end = statement<Pick<Row, 'id' | 'state' | 'ended_at'>, unknown>((value) =>
    db
      .updateTable('core_leases')
      .set({ state: value('state'), ended_at: value('ended_at') })
      .where('id', '=', value('id')),
  )
  const byId = statement<{ id: string }, Row>((value) =>
    db.selectFrom('core_leases').selectAll().where('id', '=', value('id')),
  )

  return {
    insert({ lease, expiresAtMs }, nowMs) {
      database.run(
        insert({
          id: lease.id,
          state: lease.state,
          holder: lease.holder,
          job: lease.job,
          purpose: lease.purpose,
          priority: lease.priority,
          need: JSON.stringify(lease.need),
          placement: JSON.stringify(lease.placement),
          created_at: nowMs,
          expires_at: expiresAtMs,
          ended_at: null,
        }),
      )
    },
    end(id, state, nowMs) {
      database.run(end({ id, state, ended_at: nowMs }))
    },
    setExpiry(id, expiresAtMs) {
      database.run(db.updateTable('core_leases').set({ expires_at: expiresAtMs }).where('id', '=', id))
    },
    inForce() {
      const rows = database.all(
        db
          .selectFrom('core_leases')
          .selectAll()
          .where('ended_at', 'is', null)
          .orderBy('created_at')
          .orderBy('id'),
      )
      return rows.map((row) => {
        const lease = leaseOf(row)
        return {
          lease,
          shares: new Map(lease.placement.map(({ device, amounts }) => [device, toQuanta(amounts)])),
          need: toQuanta(lease.need),
          expiresAtMs: row.expires_at,
        }
      })
    },
    find(id) {
      const row = database.first(byId({ id }))
      return row && leaseOf(row)
    },
    prune(nowMs) {
      database.run(db.deleteFrom('core_leases').where('ended_at', '<', nowMs - KEEP_ENDED_MS))
      const oldestKept = db
        .selectFrom('core_leases')
        .select('ended_at')
        .where('ended_at', 'is not', null)
        .orderBy('ended_at', 'desc')
        .offset(KEEP_ENDED_ROWS)
        .limit(1)
      database.run(db.deleteFrom('core_leases').where('ended_at', '<=', oldestKept))
    },
  }
}

function leaseOf(row: Row): Lease {
  return {
    id: row.id,
    state: Lease.shape.state.parse(row.state),
    need: ResourceVector.parse(JSON.parse(row.need)),
    placement: Placement.parse(JSON.parse(row.placement)),
    holder: row.holder,
    job: row.job,
    purpose: row.purpose,
    priority: row.priority,
    createdAt: toIso(row.created_at),
    expiresAt: row.expires_at === null ? null : toIso(row.expires_at),
  }
}
