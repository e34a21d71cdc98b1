import { create } from 'zustand'
import type {
  AuditRecord,
  DatasetSummary,
  Device,
  Import,
  Job,
  Lease,
  ModelSummary,
  Principal,
  QueueView,
  StorageTask,
  SystemInfo,
} from '../../../shared/contract'
import type { Action } from '../../../shared/domain/actions'
import { askAgain, createLiveStore } from './live'
import { createPolledStore } from './poll'
import { compareRecords } from './record-order'
import { useTelemetry } from './telemetry'

export { useTelemetry }

export const useDevices = createLiveStore<Device>((client, signal) =>
  client.core.devices.watch(undefined, { signal }),
)
export const useJobs = createLiveStore<Job>((client, signal) =>
  client.compute.jobs.watch(undefined, { signal }),
)
export const useModels = createLiveStore<ModelSummary>((client, signal) =>
  client.storage.models.watch(undefined, { signal }),
)
export const useDatasets = createLiveStore<DatasetSummary>((client, signal) =>
  client.datasets.watch(undefined, { signal }),
)
export const useImports = createLiveStore<Import>((client, signal) =>
  client.storage.imports.watch(undefined, { signal }),
)
/** Checks and collections of the whole store. */
export const useStorageTasks = createLiveStore<StorageTask>((client, signal) =>
  client.storage.tasks.watch(undefined, { signal }),
)
export const useLeases = createLiveStore<Lease>((client, signal) =>
  client.core.leases.watch(undefined, { signal }),
)
/** The newest records; the log itself never ends. */
export const useAudit = createLiveStore<AuditRecord>(
  (client, signal) => client.security.audit.watch(undefined, { signal }),
  { most: 2_000, compare: compareRecords },
)

/** One look at the queue, kept for the small charts. */
export interface QueuePoint {
  atMs: number
  running: number
  waiting: number
  finished: number
  medianWaitMs: number | null
}

const QUEUE_POINTS = 450

/** The last 15 minutes of the queue as this window saw it, oldest first. */
export const useQueueHistory = create<{ points: readonly QueuePoint[] }>(() => ({ points: [] }))

function remember(view: QueueView | null): void {
  if (view === null) {
    useQueueHistory.setState({ points: [] })
    return
  }
  const point: QueuePoint = {
    atMs: Date.now(),
    running: view.byState['running'] ?? 0,
    waiting: (view.byState['queued'] ?? 0) + (view.byState['held'] ?? 0),
    finished: view.lastHour.succeeded + view.lastHour.failed + view.lastHour.cancelled,
    medianWaitMs: view.lastHour.medianWaitMs,
  }
  useQueueHistory.setState((state) => ({ points: [...state.points.slice(1 - QUEUE_POINTS), point] }))
}

export const useQueue = createPolledStore<QueueView>(
  (client, signal) => client.compute.queue(undefined, { signal }),
  2_000,
  remember,
)
export const useSystemInfo = createPolledStore<SystemInfo>(
  (client, signal) => client.system.info(undefined, { signal }),
  10_000,
)
/** Who sits at this window. */
export const useMe = createPolledStore<Principal>(
  (client, signal) => client.security.me(undefined, { signal }),
  60_000,
)
/** What who sits here may do with the machine. */
export const useRights = createPolledStore<ReadonlySet<Action>>(
  async (client, signal) => new Set((await client.security.rights({}, { signal })).actions),
  60_000,
)

useRights.subscribe(({ value: now }, { value: before }) => {
  if (now && before && (now.size !== before.size || [...now].some((action) => !before.has(action))))
    askAgain()
})

const all = [
  useDevices,
  useJobs,
  useModels,
  useDatasets,
  useImports,
  useStorageTasks,
  useLeases,
  useAudit,
  useTelemetry,
  useQueue,
  useSystemInfo,
  useMe,
  useRights,
]

/** Begins to follow everything the window shows; returns the stop. */
export function startStores(): () => void {
  const stops = all.map((store) => store.start())
  return () => {
    for (const stop of stops) stop()
  }
}
