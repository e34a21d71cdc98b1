import type { Job, Named, StartEstimate, WaitCause } from '../../../shared/contract'
import type { JobId, LeaseId } from '../../../shared/domain/ids'
import type { Tensors } from '../../../shared/domain/tensor'
import { sayEnglish, waitWords } from '../../../shared/words/wait-words'
import { toIso } from '../../platform/clock'
import type { Forecast } from '../schedule/forecast'
import type { Step } from '../schedule/static/course'
import type { QueuedJob } from '../schedule/types'
import { earlierAttempt } from './earlier-attempts'
import { JobLog } from './job-log'
import type { JobDefinition, JobStatus } from './job-row'
import { partDone, preemptedCause } from './preemption'

/** Why an attempt was told to stop. */
export type AbortReason =
  | 'cancelled'
  | 'timeout'
  | 'deadline'
  | 'stopping'
  | 'preempted'
  | 'budget'
  | 'device_lost'
  | 'engine_gone'
  | 'apart'

/** A job that has not ended: its row, and what only memory needs to know. */
export class ActiveJob {
  /** The order of arrival; given with the row. */
  seq: number
  readonly definition: JobDefinition
  /** Changed only through `JobIndex.change`. */
  status: JobStatus
  readonly engineKey: string
  /** What jobs of one class have in common, but for their priority. */
  readonly #likeness: string
  /** Jobs of one kin may run in one go: they need the same of engine and devices, whoever submitted them. */
  readonly kinKey: string
  /** Jobs it still waits for. */
  readonly waitingOn = new Set<JobId>()
  /**
   * Its place in the course of its pipeline, what it counts for beside other jobs, and by how much sooner it is done on
   * its device than on others, ms; null: none is planned.
   */
  step: (Step & { costMs: number; gainMs: number }) | null = null
  /** It runs in one go with another, within that one's lease. */
  ridesAlong = false
  /** Jobs that run in one go with it, within its lease. */
  passengers: readonly ActiveJob[] = []
  /** So many jobs run in one go within the lease that it runs in. */
  together = 1
  /** It was in a run of several that came to nothing: it runs by itself from now on. */
  runsAlone = false
  /** Its place in the queue while it could start. */
  queued: QueuedJob | null = null
  /** It runs already, though its row does not say so yet. */
  claimed = false
  log: JobLog | null = new JobLog()
  /** Of a job that runs before it is on the disk; null: they are read from there. */
  inputs: Tensors | null = null
  /** What a language model has written so far, in the running attempt. */
  texts: string[] = []
  /** 0 to 1, as far as the running attempt says. */
  progress = 0
  /** The part, 0 to 1, that earlier attempts have done for good. */
  carried: number
  /** Name of the job for which its attempt was told to stop. */
  displacedBy: Named | null = null
  /** What it took to pause it when that was last done. */
  pauseMs = 0
  /** When its text was last kept, ms; null: never, as far as is known. */
  textKeptAt: number | null = null
  /** Its text could not be kept when it was last paused: then it is not stopped lightly again. */
  pauseLost = false
  /** The model of its attempt loads. */
  isLoading = false
  /** What that took. */
  loadMs = 0
  lease: LeaseId | null = null
  /** Stops the running attempt. */
  abort: ((reason: AbortReason) => void) | null = null
  /** As last explained; null: not yet, or it stands too far back. */
  waitCauses: readonly WaitCause[] | null = null
  /** As last foretold; null while it does not stand in the queue, or nobody knows. */
  forecast: Forecast | null = null
  /** Expected run time, known or guessed when its attempt began. */
  runMs: number | null = null

  constructor(definition: JobDefinition, status: JobStatus, seq = 0) {
    this.seq = seq
    this.definition = definition
    this.status = status
    this.engineKey = engineKeyOf(definition)
    const { need, place, principal, pipeline } = definition
    this.kinKey = `${this.engineKey}|${JSON.stringify(need)}${place ? JSON.stringify(place) : ''}`
    // The order within a pipeline is that of its course.
    this.#likeness = `${this.kinKey}|${principal}${pipeline ? `|${pipeline.id}` : ''}`
    this.carried = partDone(definition, status)
    this.progress = this.carried
  }

  get id(): JobId {
    return this.definition.id
  }

  /** Which queue it stands in: jobs of one class need the same of engine, devices and principal, and have one priority. */
  get classKey(): string {
    return `${this.#likeness}|${this.status.priority}`
  }
}

/**
 * Engines are shared by jobs of the same version and number of threads; all synthetic loads share theirs. Those of jobs
 * that lease an accelerator may be bound to it, and are no others'.
 */
export function engineKeyOf(
  definition: Pick<JobDefinition, 'model' | 'modelVersion' | 'parameters' | 'need'>,
): string {
  const { model, modelVersion, parameters, need } = definition
  if (parameters.kind === 'synthetic') return SYNTHETIC
  const tokens = contextTokens(parameters)
  const accelerated = (need.gpu ?? 0) > 0 || (need.npu ?? 0) > 0
  const version = `${model}@${modelVersion}#${parameters.threads}${tokens === undefined ? '' : `/${tokens}`}`
  return accelerated ? `${version}+accelerator` : version
}

export const SYNTHETIC = 'synthetic'

/** Tokens that the engine of a language model holds in mind at once; undefined for every other job. */
export function contextTokens(parameters: JobDefinition['parameters']): number | undefined {
  if (parameters.kind !== 'generate') return undefined
  return parameters.sampling.contextSize * parameters.sampling.completions
}

/** A job as reasons name it. */
export function namedJob({ id, name, principal }: JobDefinition): Named {
  return { id, name, principal }
}

/** A job as the contract shows it. */
export function viewOf(
  definition: JobDefinition,
  status: JobStatus,
  live: ActiveJob | null,
  nowMs: number,
  waitCauses = live ? waitCausesOf(live, nowMs) : [],
  forecast = live?.forecast ?? null,
): Job {
  const estimateMs = live && estimateOf(live, nowMs, forecast)
  // What waits for other jobs does not queue yet.
  const queuedSince = status.state === 'queued' && !live?.waitingOn.size ? status.readyAt : null
  return {
    id: definition.id,
    kind: definition.kind,
    name: definition.name,
    model: definition.reference,
    modelVersion: definition.modelVersion,
    dataset: definition.parameters.kind === 'batch' ? definition.parameters.dataset : null,
    state: status.state,
    priority: status.priority,
    preemptible: definition.preemptible,
    preemptions: status.preempted?.times ?? 0,
    queuedSince: queuedSince === null ? null : toIso(queuedSince),
    preemptedBy: status.state === 'queued' ? (status.preempted?.by ?? null) : null,
    attempt: status.attempt,
    maxAttempts: definition.maxAttempts,
    attempts: status.attempts.map(earlierAttempt),
    progress: status.state === 'succeeded' ? 1 : (live?.progress ?? status.itemsDone / definition.items),
    waitReason: waitWords(waitCauses, sayEnglish, nowMs),
    waitCauses,
    estimateMs,
    expectedAt: estimateMs === null ? null : toIso(nowMs + estimateMs),
    estimate: live && startEstimateOf(live, forecast),
    need: definition.need,
    place: definition.place,
    placement: status.placement,
    timings: {
      queuedMs: queuedSince === null ? status.queuedMs : Math.max(status.queuedMs, nowMs - queuedSince),
      loadMs: status.loadMs,
      computeMs: status.computeMs,
    },
    error: status.error,
    timeoutMs: definition.timeoutMs,
    dependsOn: [...definition.dependsOn],
    runWhen: definition.runWhen,
    pipeline: definition.pipeline,
    reusedFrom: definition.reusedFrom,
    labels: { ...definition.labels },
    principal: definition.principal,
    createdAt: toIso(definition.createdAt),
    startedAt: status.startedAt === null ? null : toIso(status.startedAt),
    loadedAt: live ? loadedAt(live) : null,
    finishedAt: status.finishedAt === null ? null : toIso(status.finishedAt),
  }
}

/** Why a job does not run; nothing when it does. */
export function waitCausesOf(job: ActiveJob, nowMs: number, waitCauses = job.waitCauses): WaitCause[] {
  const { status, waitingOn } = job
  if (status.state === 'held') return [{ kind: 'held' }]
  if (status.state !== 'queued') return []
  if (waitingOn.size > 0) {
    const jobs = [...waitingOn].slice(0, 2)
    return [{ kind: 'dependencies', jobs, more: waitingOn.size - jobs.length }]
  }
  if (status.notBefore > nowMs) return [{ kind: 'retry', inMs: status.notBefore - nowMs }]
  const preempted = preemptedCause(job)
  const causes = [...(preempted ? [preempted] : []), ...(waitCauses ?? [])]
  return causes.length > 0 ? causes : [{ kind: 'turn' }]
}

function loadedAt({ status, isLoading, loadMs }: ActiveJob): string | null {
  const { state, startedAt } = status
  return state === 'running' && startedAt !== null && !isLoading ? toIso(startedAt + loadMs) : null
}

export function estimateOf(job: ActiveJob, nowMs: number, forecast = job.forecast): number | null {
  const { status, progress, carried, runMs, isLoading, loadMs } = job
  if (status.state === 'queued')
    return job.queued && forecast ? Math.max(0, Math.round(forecast.at - nowMs)) : null
  if (status.state !== 'running' || status.startedAt === null) return null
  const elapsed = isLoading ? 0 : Math.max(0, nowMs - status.startedAt - loadMs)
  // Once it has shown how fast it goes, that says more than what others took.
  const gained = progress - carried
  if (gained > 0.05) return Math.round((elapsed * (1 - progress)) / gained)
  return runMs === null ? null : Math.max(0, Math.round(runMs - elapsed))
}

/** When it is expected to start; null when it does not stand in the queue, and where nobody knows. */
export function startEstimateOf(
  { status, queued }: ActiveJob,
  forecast: Forecast | null,
): StartEstimate | null {
  if (status.state !== 'queued' || !queued || !forecast) return null
  const { at, earliest, latest, endsAt, devices } = forecast
  return {
    startsAt: toIso(at),
    earliest: toIso(earliest),
    latest: toIso(latest),
    endsAt: Number.isFinite(endsAt) ? toIso(endsAt) : null,
    devices,
  }
}
