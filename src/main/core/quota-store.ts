import { Budget } from '../../shared/contract'
import { ResourceVector } from '../../shared/domain/resources'
import type { Database } from '../platform/database'
import { statement } from '../platform/statement'
import type { CoreTables } from './migrations'
import type { UseSlot } from './rolling-use'

/** The limits of one principal, as they were set. */
export interface QuotaRecord {
  principal: string
  limit: ResourceVector
  budget: Budget | null
  weight: number
}

/** Quotas, and what was used of budgets, in the database. Synchronous: part of whatever transaction is open. */
export interface QuotaStore {
  all(): QuotaRecord[]
  set(record: QuotaRecord): void
  remove(principal: string): void
  uses(principal: string): UseSlot[]
  saveUse(principal: string, slot: UseSlot): void
  /** Forgets what ended before. */
  pruneUses(principal: string, beforeMs: number): void
}

export function createQuotaStore(database: Database): QuotaStore {
  const db = database.builder<CoreTables>()
  const saveUse = statement<CoreTables['core_uses'], unknown>((value) => {
    const amounts = {
      until: value('until'),
      cpu_seconds: value('cpu_seconds'),
      gpu_seconds: value('gpu_seconds'),
      jobs: value('jobs'),
    }
    return db
      .insertInto('core_uses')
      .values({ principal: value('principal'), since: value('since'), ...amounts })
      .onConflict((conflict) =>
        conflict.columns(['principal', 'since']).doUpdateSet((row) => ({
          until: row.ref('excluded.until'),
          cpu_seconds: row.ref('excluded.cpu_seconds'),
          gpu_seconds: row.ref('excluded.gpu_seconds'),
          jobs: row.ref('excluded.jobs'),
        })),
      )
  })

  return {
    all() {
      return database.all(db.selectFrom('core_quotas').selectAll()).map((row) => ({
        principal: row.principal,
        limit: ResourceVector.parse(JSON.parse(row.limits)),
        budget: row.budget === null ? null : Budget.parse(JSON.parse(row.budget)),
        weight: row.weight,
      }))
    },
    set({ principal, limit, budget, weight }) {
      const values = {
        limits: JSON.stringify(limit),
        budget: budget && JSON.stringify(budget),
        weight,
      }
      database.run(
        db
          .insertInto('core_quotas')
          .values({ principal, ...values })
          .onConflict((conflict) => conflict.column('principal').doUpdateSet(values)),
      )
    },
    remove(principal) {
      database.run(db.deleteFrom('core_quotas').where('principal', '=', principal))
      database.run(db.deleteFrom('core_uses').where('principal', '=', principal))
    },
    uses(principal) {
      return database
        .all(db.selectFrom('core_uses').selectAll().where('principal', '=', principal).orderBy('since'))
        .map(({ since, until, cpu_seconds, gpu_seconds, jobs }) => ({
          since,
          until,
          jobsUntil: until,
          cpuSeconds: cpu_seconds,
          gpuSeconds: gpu_seconds,
          jobs,
        }))
    },
    saveUse(principal, { since, until, jobsUntil, cpuSeconds, gpuSeconds, jobs }) {
      const last = Math.max(until, jobsUntil)
      database.run(
        saveUse({ principal, since, until: last, cpu_seconds: cpuSeconds, gpu_seconds: gpuSeconds, jobs }),
      )
    },
    pruneUses(principal, beforeMs) {
      database.run(
        db.deleteFrom('core_uses').where('principal', '=', principal).where('until', '<', beforeMs),
      )
    },
  }
}
