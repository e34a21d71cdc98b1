import type { Job } from '../../../shared/contract'
import type { JobId, LeaseId } from '../../../shared/domain/ids'
import { toIso } from '../../platform/clock'
import type { QueuedJob } from '../schedule/types'
import { JobLog } from './job-log'
import type { JobDefinition, JobStatus } from './job-row'

/** Why an attempt was told to stop. */
export type AbortReason = 'cancelled' | 'timeout' | 'deadline' | 'stopping'

/** A job that has not ended: its row, and what only memory needs to know. */
export class ActiveJob {
  readonly seq: number
  readonly definition: JobDefinition
  /** Changed only through `JobIndex.change`. */
  status: JobStatus
  /** Which queue it stands in: jobs of one class need the same of engine, devices and principal. */
  readonly engineKey: string
  readonly classKey: string
  /** Jobs it still waits for. */
  readonly waitingOn = new Set<JobId>()
  /** Its place in the queue while it could start. */
  queued: QueuedJob | null = null
  log: JobLog | null = new JobLog()
  /** 0 to 1, as far as the running attempt says. */
  progress = 0
  lease: LeaseId | null = null
  /** Stops the running attempt. */
  abort: ((reason: AbortReason) => void) | null = null
  /** As last explained. */
  waitReason: string | null = null
  estimateMs: number | null = null

  constructor(seq: number, definition: JobDefinition, status: JobStatus) {
    this.seq = seq
    this.definition = definition
    this.status = status
    this.engineKey = engineKeyOf(definition)
    this.classKey = `${this.engineKey}|${definition.principal}|${JSON.stringify(definition.need)}`
    if (definition.items > 1) this.progress = status.itemsDone / definition.items
  }

  get id(): JobId {
    return this.definition.id
  }
}

/** Engines are shared by jobs of the same version and number of threads; all synthetic loads share theirs. */
export function engineKeyOf(definition: Pick<JobDefinition, 'model' | 'modelVersion' | 'parameters'>): string {
  const { model, modelVersion, parameters } = definition
  return parameters.kind === 'synthetic' ? SYNTHETIC : `${model}@${modelVersion}#${parameters.threads}`
}

export const SYNTHETIC = 'synthetic'

/** A job as the contract shows it. */
export function viewOf(definition: JobDefinition, status: JobStatus, live: ActiveJob | null, nowMs: number): Job {
  const waits = status.state === 'queued' || status.state === 'held'
  return {
    id: definition.id,
    kind: definition.kind,
    name: definition.name,
    model: definition.reference,
    modelVersion: definition.modelVersion,
    state: status.state,
    priority: status.priority,
    attempt: status.attempt,
    maxAttempts: definition.maxAttempts,
    progress: status.state === 'succeeded' ? 1 : (live?.progress ?? status.itemsDone / definition.items),
    waitReason: waits ? (live?.waitReason ?? null) : null,
    estimateMs: live?.estimateMs ?? null,
    need: definition.need,
    placement: status.placement,
    timings: {
      queuedMs: status.state === 'queued' ? Math.max(status.queuedMs, nowMs - status.readyAt) : status.queuedMs,
      loadMs: status.loadMs,
      computeMs: status.computeMs,
    },
    error: status.error,
    timeoutMs: definition.timeoutMs,
    dependsOn: [...definition.dependsOn],
    labels: { ...definition.labels },
    principal: definition.principal,
    createdAt: toIso(definition.createdAt),
    startedAt: status.startedAt === null ? null : toIso(status.startedAt),
    finishedAt: status.finishedAt === null ? null : toIso(status.finishedAt),
  }
}
