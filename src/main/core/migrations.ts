import { type Migration, sql } from 'kysely'

/** JSON columns hold contract shapes as text and are parsed again when they are read. */
export interface CoreTables {
  core_devices: {
    id: string
    kind: string
    name: string
    vendor: string
    origin: string
    capacity: string
    properties: string
    health: string
    found_by: string
    yields_to_others: number
    created_at: number
  }
  core_leases: {
    id: string
    state: string
    holder: string
    job: string | null
    purpose: string
    priority: number
    need: string
    placement: string
    created_at: number
    expires_at: number | null
    /** Null while in force. */
    ended_at: number | null
  }
  core_quotas: { principal: string; limits: string; budget: string | null; weight: number }
  /** What principals with a budget used, in slots of its window; Unix ms. */
  core_uses: {
    principal: string
    since: number
    until: number
    cpu_seconds: number
    gpu_seconds: number
    jobs: number
  }
  /** One row a minute and device, kept for a day. */
  core_telemetry: {
    device: string
    at: number
    load: number
    memory_used: number
    memory_total: number
    temperature: number | null
    power: number | null
  }
}

export const coreMigrations: Record<string, Migration> = {
  '0001-core': {
    async up(db) {
      await db.schema
        .createTable('core_devices')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('vendor', 'text', (column) => column.notNull())
        .addColumn('origin', 'text', (column) => column.notNull())
        .addColumn('capacity', 'text', (column) => column.notNull())
        .addColumn('properties', 'text', (column) => column.notNull())
        .addColumn('health', 'text', (column) => column.notNull())
        .addColumn('found_by', 'text', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('core_leases')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('holder', 'text', (column) => column.notNull())
        .addColumn('job', 'text')
        .addColumn('purpose', 'text', (column) => column.notNull())
        .addColumn('priority', 'real', (column) => column.notNull())
        .addColumn('need', 'text', (column) => column.notNull())
        .addColumn('placement', 'text', (column) => column.notNull())
        .addColumn('created_at', 'integer', (column) => column.notNull())
        .addColumn('expires_at', 'integer')
        .addColumn('ended_at', 'integer')
        .execute()
      // Partial: granting a lease writes no index but its key.
      await db.schema
        .createIndex('core_leases_ended')
        .on('core_leases')
        .column('ended_at')
        .where('ended_at', 'is not', null)
        .execute()
      await db.schema
        .createTable('core_quotas')
        .addColumn('principal', 'text', (column) => column.primaryKey())
        .addColumn('limits', 'text', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('core_telemetry')
        .addColumn('device', 'text', (column) => column.notNull())
        .addColumn('at', 'integer', (column) => column.notNull())
        .addColumn('load', 'real', (column) => column.notNull())
        .addColumn('memory_used', 'real', (column) => column.notNull())
        .addColumn('memory_total', 'real', (column) => column.notNull())
        .addColumn('temperature', 'real')
        .addColumn('power', 'real')
        .addPrimaryKeyConstraint('core_telemetry_key', ['device', 'at'])
        .modifyEnd(sql`without rowid`)
        .execute()
      await db.schema.createIndex('core_telemetry_at').on('core_telemetry').column('at').execute()
    },
  },
  '0012-budgets': {
    async up(db) {
      await db.schema.alterTable('core_quotas').addColumn('budget', 'text').execute()
      await db.schema
        .alterTable('core_quotas')
        .addColumn('weight', 'real', (column) => column.notNull().defaultTo(1))
        .execute()
      await db.schema
        .createTable('core_uses')
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('since', 'integer', (column) => column.notNull())
        .addColumn('until', 'integer', (column) => column.notNull())
        .addColumn('cpu_seconds', 'real', (column) => column.notNull())
        .addColumn('gpu_seconds', 'real', (column) => column.notNull())
        .addColumn('jobs', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('core_uses_key', ['principal', 'since'])
        .modifyEnd(sql`without rowid`)
        .execute()
    },
  },
  '0017-yielding-devices': {
    async up(db) {
      await db.schema
        .alterTable('core_devices')
        .addColumn('yields_to_others', 'integer', (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
}
