import type { StorageQuota } from '../../shared/contract'
import { formatBytes } from '../../shared/domain/units'
import { AppError } from '../../shared/errors'
import type { Database } from '../platform/database'
import type { StorageTables } from './schema'

/**
 * How many bytes of versions a principal may have: all that it has made, of models and of data sets, and what of its
 * imports waits for a confirmation. Each version counts whole, however many share its bytes, so that what one principal
 * does is never a matter of what others have stored.
 */
export class StorageQuotas {
  readonly #database: Database
  readonly #tables

  constructor(database: Database) {
    this.#database = database
    this.#tables = database.builder<StorageTables>()
  }

  get(principal: string): StorageQuota {
    return { principal, limitBytes: this.#limitOf(principal), usedBytes: this.#usedBy(principal) }
  }

  /** @param limitBytes null: as much as the disk holds. What is there already stays, however low the limit. */
  set(principal: string, limitBytes: number | null): StorageQuota {
    this.#database.run(
      limitBytes === null
        ? this.#tables.deleteFrom('storage_quotas').where('principal', '=', principal)
        : this.#tables
            .insertInto('storage_quotas')
            .values({ principal, limit_bytes: limitBytes })
            .onConflict((conflict) => conflict.column('principal').doUpdateSet({ limit_bytes: limitBytes })),
    )
    return this.get(principal)
  }

  /**
   * Within the transaction that has just written what the principal made: beyond its quota, all of it is undone. Only this
   * decides; to ask {@link assertRoom} before spares the work.
   * @throws AppError `storage.quota_exceeded`
   */
  assertWithin(principal: string): void {
    const { limitBytes, usedBytes } = this.get(principal)
    if (limitBytes === null || usedBytes <= limitBytes) return
    throw exceeded(limitBytes, usedBytes)
  }

  /** @throws AppError `storage.quota_exceeded` for more bytes than there is room for now */
  assertRoom(principal: string, bytes: number): void {
    const limitBytes = this.#limitOf(principal)
    if (limitBytes === null) return
    const wouldBeBytes = this.#usedBy(principal) + bytes
    if (wouldBeBytes > limitBytes) throw exceeded(limitBytes, wouldBeBytes)
  }

  #limitOf(principal: string): number | null {
    const query = this.#tables.selectFrom('storage_quotas').select('limit_bytes')
    return this.#database.first(query.where('principal', '=', principal))?.limit_bytes ?? null
  }

  #usedBy(principal: string): number {
    const sizes = this.#tables
      .selectFrom('model_versions')
      .select('size_bytes')
      .where('created_by', '=', principal)
      .unionAll(
        this.#tables.selectFrom('dataset_versions').select('size_bytes').where('created_by', '=', principal),
      )
      .unionAll(
        this.#tables
          .selectFrom('imports')
          .select('bytes_total as size_bytes')
          .where('created_by', '=', principal)
          .where('state', '=', 'waiting'),
      )
    return this.#database.all(sizes).reduce((sum, row) => sum + row.size_bytes, 0)
  }
}

function exceeded(limitBytes: number, wouldBeBytes: number): AppError {
  return new AppError(
    'storage.quota_exceeded',
    `This would make ${formatBytes(wouldBeBytes)} of models and data sets, and ${formatBytes(limitBytes)} are allowed. Delete versions you no longer need, or ask the owner for more.`,
    { limitBytes, wouldBeBytes },
  )
}
