import { Device, DeviceKind } from '../../shared/contract'
import { ResourceVector } from '../../shared/domain/resources'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { CoreTables } from './migrations'

/** Devices as last seen: declared ones, and detected ones so that one that vanished is known to be missing. */
export interface DeviceStore {
  all(): Device[]
  save(device: Device): void
  remove(id: string): void
}

export function createDeviceStore(database: Database, clock: Clock): DeviceStore {
  const db = database.builder<CoreTables>()

  return {
    all() {
      const rows = database.all(db.selectFrom('core_devices').selectAll().orderBy('created_at').orderBy('id'))
      return rows.map((row) => ({
        id: row.id,
        kind: DeviceKind.parse(row.kind),
        name: row.name,
        vendor: row.vendor,
        origin: Device.shape.origin.parse(row.origin),
        capacity: ResourceVector.parse(JSON.parse(row.capacity)),
        properties: Device.shape.properties.parse(JSON.parse(row.properties)),
        health: Device.shape.health.parse(row.health),
        foundBy: row.found_by,
        yieldsToOthers: row.yields_to_others === 1,
      }))
    },
    save(device) {
      const values = {
        kind: device.kind,
        name: device.name,
        vendor: device.vendor,
        origin: device.origin,
        capacity: JSON.stringify(device.capacity),
        properties: JSON.stringify(device.properties),
        health: device.health,
        found_by: device.foundBy,
        yields_to_others: device.yieldsToOthers ? 1 : 0,
      }
      database.run(
        db
          .insertInto('core_devices')
          .values({ id: device.id, ...values, created_at: clock.now() })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(values)),
      )
    },
    remove(id) {
      database.run(db.deleteFrom('core_devices').where('id', '=', id))
    },
  }
}
