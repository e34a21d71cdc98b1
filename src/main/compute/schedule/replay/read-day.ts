import { existsSync } from 'node:fs'
import type { DeviceId, PrincipalId } from '../../../../shared/domain/ids'
import { subtractVectors } from '../../../../shared/domain/resources'
import { AppError } from '../../../../shared/errors'
import { createDeviceStore, createQuotaStore, type FreeDevice, numaNodeOf } from '../../../core'
import { systemClock } from '../../../platform/clock'
import { openToRead } from '../../../platform/database'
import { createSettings } from '../../../settings'
import { createJobStore, type StoredJob } from '../../jobs/job-store'
import { type RecordedDay, recordedDay } from './recorded'

const DAY_MS = 86_400_000
const PAGE = 1000

/**
 * The last recorded day of a database, which the system may be using: the 24 hours up to the newest job. The machine is what was
 * stored of it last.
 * @throws AppError `system.invalid` when there is none, `storage.corrupt`
 */
export function readDay(file: string): RecordedDay {
  if (!existsSync(file)) throw new AppError('system.invalid', `There is no ${file}.`, { field: 'recorded' })
  const database = openToRead(file)
  try {
    const store = createJobStore(database)
    const jobs: StoredJob[] = []
    let cursor: string | undefined
    let isEarlier = false
    do {
      const page = store.list({ limit: PAGE, cursor })
      const since = (jobs[0] ?? page.items[0])?.definition.createdAt ?? 0
      const day = page.items.filter(({ definition }) => definition.createdAt > since - DAY_MS)
      jobs.push(...day)
      isEarlier = day.length < page.items.length
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined && !isEarlier)
    const { reservedMemoryBytes, engineIdleMs } = createSettings(database).get()
    const devices = createDeviceStore(database, systemClock)
      .all()
      .filter(({ health }) => health === 'ok')
      .map((device): FreeDevice => {
        const { id, kind } = device
        const reserve = kind === 'cpu' ? { memoryBytes: reservedMemoryBytes } : {}
        const capacity = subtractVectors(device.capacity, reserve)
        const numaNode = numaNodeOf(device)
        return { id: id as DeviceId, kind, free: capacity, capacity, healthy: true, numaNode }
      })
    const quotas = createQuotaStore(database).all()
    return recordedDay({
      stored: jobs,
      devices,
      engineIdleMs,
      weights: new Map(quotas.map(({ principal, weight }) => [principal as PrincipalId, weight])),
      limits: new Map(quotas.map(({ principal, limit }) => [principal as PrincipalId, limit])),
      budgets: new Map(
        quotas.flatMap(({ principal, budget }) =>
          // What was used before the day is not on record for as long as that.
          budget ? [[principal as PrincipalId, { budget, uses: [] }] as const] : [],
        ),
      ),
    })
  } finally {
    void database.dispose()
  }
}
