import type {
  Device,
  DeviceDeclaration,
  Lease,
  Placement,
  Quota,
  QuotaSettings,
  Resources,
  TelemetrySample,
} from '../../shared/contract'
import type { TimedResource } from '../../shared/domain/budget'
import type { JobId, LeaseId, PrincipalId } from '../../shared/domain/ids'
import type { PlaceHints } from '../../shared/domain/place-hints'
import type { ResourceVector } from '../../shared/domain/resources'
import type { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Disposable, Event } from '../platform/events'
import type { Logger } from '../platform/logger'
import type { BudgetUse } from './budget-account'
import type { GpuProgram, Host } from './host'
import type { FreeDevice } from './place'
import type { Limits } from './quotas'

export { BudgetAccount, type BudgetUse, type UseRates } from './budget-account'
export { createCore } from './core'
export { createDeviceStore } from './device-store'
export { numaNodeOf } from './hints'
export { coreMigrations } from './migrations'
export { type FreeDevice, giveBackTo, isSharedOut, place, takeFrom } from './place'
export { createQuotaStore } from './quota-store'
export { Unavailable } from './refusal'
export { rankOf } from './waiting'

export interface AllocateOptions {
  holder: PrincipalId
  purpose: string
  priority: number
  job?: JobId | null
  place?: PlaceHints | null | undefined
  /** Since when it waits, Unix ms, which counts as priority; absent: it comes now. */
  since?: number
  /** Null: held until released or until this process dies. */
  ttlMs: number | null
}

/** What a lease is held for, as others are told. */
export type LeaseUse = Pick<Lease, 'job' | 'purpose' | 'priority'>

export interface RequestOptions extends AllocateOptions {
  /** How long to wait for resources that others hold. */
  waitMs: number
  signal?: AbortSignal | undefined
}

/** Room that is kept for a request, against all who go after it. */
export interface KeptRoom {
  purpose: string
  holder: PrincipalId
  /** See {@link rankOf}: who has a higher one, or the same, is not bound by it. */
  rank: number
  /** As they would be without it. */
  devices: FreeDevice[]
  room: Placement
  /** What leases hold on these devices that are older: their ends count for the request. */
  before: Placement
  /** Those that are not: their jobs, or where they are no job's, they themselves. */
  since: ReadonlySet<JobId | LeaseId>
}

/** Room for one who waits outside the queue of requests, and plans by itself what starts before it. */
export interface RoomToKeep {
  placement: Placement
  /** For what, as those are told who do not get it. */
  purpose: string
  holder: PrincipalId
  priority: number
  /** Since when it waits, Unix ms. */
  since: number
}

/** Of the memory of the host. */
export interface MemoryLack {
  /** More than is free, as if nobody else asked. */
  missingBytes: number
  /** All that is asked for. */
  needBytes: number
}

/** Grants resource vectors as leases: all or nothing, by priority, never more than there is. */
export interface Core extends Disposable {
  /** Finds devices, reconciles leases (those held by a dead process end), begins telemetry. */
  start(): Promise<void>

  listDevices(): Device[]
  /** @throws AppError `system.invalid` for a vector without anything to offer */
  declareDevice(declaration: DeviceDeclaration, by: PrincipalId): Device
  /** @throws AppError `core.not_found`, `system.invalid` for one that is no detected CPU */
  updateDevice(id: string, change: Pick<Device, 'yieldsToOthers'>): Device
  /** @throws AppError `core.not_found`, `core.in_use` while a lease lies on it, `system.invalid` for a detected one */
  removeDevice(id: string): void
  rescan(): Promise<Device[]>
  resources(): Resources
  /** Of all devices together that are not missing. */
  capacity(): ResourceVector
  /** Newest sample of each device. */
  latestTelemetry(): TelemetrySample[]
  telemetry(query: {
    device?: string | undefined
    fromMs?: number | undefined
    stepMs?: number | undefined
  }): TelemetrySample[]

  /** Devices as the planner sees them now: without the room that is kept for a request. */
  freeDevices(): FreeDevice[]
  /** Null when it is for none. */
  keptRoom(): KeptRoom | null
  /**
   * Keeps room, as for the request that has waited longest, until the function that it returns is called: others who
   * rank lower get only what lies beside it. It binds nobody who passes a `placement` to {@link allocate}.
   */
  keepRoom(room: RoomToKeep): () => void
  /**
   * Throws `core.impossible` (details `{missing}`) when no device of this machine could ever hold the vector.
   * @param whateverHealth those count too that are gone or not fit for work, and may come back
   */
  assertPossible(need: ResourceVector, place?: PlaceHints, whateverHealth?: boolean): void
  /**
   * Grants now or throws; synchronous, so that it may be part of a caller's transaction. `placement` as planned by
   * {@link place} over {@link freeDevices}; when absent it is planned here.
   * @throws AppError `core.unavailable` with `{missing, holders, estimateMs}`, `core.impossible`, `core.quota_exceeded`,
   * `core.budget_exceeded`
   */
  allocate(need: ResourceVector, options: AllocateOptions, placement?: Placement): Lease
  /** Grants when it can within `waitMs`, in order of priority (ageing) and arrival. @throws as {@link allocate} */
  request(need: ResourceVector, options: RequestOptions): Promise<Lease>
  renew(id: LeaseId, ttlMs: number): Lease
  /**
   * Idempotent for a lease that has ended. @throws AppError `core.not_found` for one that never was, and for one that a job
   * held until its end: it is forgotten with it
   */
  release(id: LeaseId): void
  /**
   * From now on it counts, for quotas and budgets, in equal parts for these, once for each time that one is named; it stays
   * its holder's. In memory, as long as it is in force. @throws AppError `core.not_found` for one that is not
   * @param use what it is held for from now on: it may go on from one job of its holder to the next
   */
  share(id: LeaseId, among: readonly PrincipalId[], use?: LeaseUse): void
  getLease(id: string): Lease
  /** Leases in force, oldest first. */
  listLeases(): Lease[]

  getQuota(principal: string): Quota
  /** Replaces what was set before. @throws AppError `system.invalid` */
  setQuota(settings: QuotaSettings): Quota
  removeQuota(principal: string): void
  /** What bounds a principal now; null when nothing does. */
  limitsOf(principal: string): Limits | null
  /** What a principal has used of its budget until now; null without one. */
  budgetUse(principal: string): BudgetUse | null
  /** Whether quota and budget let the principal hold `need` now, beside what it holds. */
  mayHold(need: ResourceVector, principal: PrincipalId): boolean
  /** @throws AppError `core.quota_exceeded` when that is more than the principal may ever hold */
  assertMayEverHold(need: ResourceVector, principal: PrincipalId): void
  /** What the shares of principals are divided by; absent: 1. */
  weights(): ReadonlyMap<PrincipalId, number>
  /** @throws AppError `core.budget_exceeded` with `{resource, used, limit, resetsAt, retryAfterMs}` */
  assertJob(principal: string): void
  /** Counts a submission against the budget, within the transaction that stores it. @throws as {@link assertJob} */
  chargeJob(principal: string): void
  /** Why work of the principal was stopped after {@link onDidUseUpBudget}. */
  budgetStop(principal: string, resource: TimedResource): AppError

  /** Memory that is never granted, for the rest of the machine. */
  setReservedMemory(bytes: number): void

  readonly onDidChangeDevices: Event<{ changed: Device[]; removed: string[] }>
  readonly onDidChangeLeases: Event<{ changed: Lease[]; removed: string[] }>
  /**
   * What the first of those requests lack that lack memory of the host and nothing else, in the order in which they would get
   * it: of those that wait, again at each change; or of one that was refused, after those that wait and go before it.
   */
  readonly onDidLackMemory: Event<readonly MemoryLack[]>
  /** Once a second. */
  readonly onDidSample: Event<TelemetrySample[]>
  /** All programs on the GPUs whose tool names them; once a second while memory of a GPU is leased. */
  readonly onDidSeeGpuPrograms: Event<readonly GpuProgram[]>
  /** Leases of no job end by themselves then; jobs are their owner's to stop. */
  readonly onDidUseUpBudget: Event<{ principal: PrincipalId; resource: TimedResource }>
}

export interface CoreDeps {
  database: Database
  clock: Clock
  logger: Logger
  /** The machine itself; a test puts another in its place. */
  host?: Host | undefined
}
