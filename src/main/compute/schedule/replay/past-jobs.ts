import type { PrincipalId } from '../../../../shared/domain/ids'
import type { ResourceVector } from '../../../../shared/domain/resources'
import type { ErrorCode } from '../../../../shared/errors'
import type { BudgetUse, FreeDevice } from '../../../core'
import type { Ending } from '../../dispatch/conditions'
import { wholeQuotas } from '../../dispatch/quotas'
import { backoffMs } from '../../dispatch/retry'
import { pausingOf } from '../../dispatch/running-job'
import { ActiveJob } from '../../jobs/active-job'
import { firstStatus, type JobDefinition, type JobStatus } from '../../jobs/job-row'
import type { StoredJob } from '../../jobs/job-store'
import { canGoOn, keepsItems } from '../../jobs/preemption'
import { atRest } from '../at-rest'
import { rankUnder } from '../rank'
import type { Arrival, Scene, Terms } from '../scene'
import { capacityOf, shareOfMachine } from '../share'
import type { QueueClass, SchedulePolicy } from '../types'

/** A job as it is replayed. */
export interface PastJob {
  job: ActiveJob
  submittedAt: number
  /** When all that it waited for had ended. */
  readyAt: number
  /** How long it runs once its engine is loaded; its last attempt, where others failed before. */
  runMs: number
  terms: Terms
}

/** What the scheduler is to know of a job when it comes. */
export interface Knowledge {
  runMsOf(job: ActiveJob): number | null
  mostMsOf(job: ActiveJob): number | null
  loadOf(job: ActiveJob): QueueClass['load']
}

export interface Machine {
  devices: readonly FreeDevice[]
  policy: SchedulePolicy
  weights: ReadonlyMap<PrincipalId, number>
  /** By principal: what all its running jobs may hold together. */
  limits: ReadonlyMap<PrincipalId, ResourceVector>
  budgets: ReadonlyMap<PrincipalId, BudgetUse>
  engineIdleMs: number
}

/** One that has ended, as it came; null when how long it runs is not known, since it never ran. */
export function pastJob(stored: StoredJob): PastJob | null {
  const { seq, definition, status } = stored
  const { startedAt, finishedAt, queuedMs, attempts, priority } = status
  if (finishedAt === null) return null
  const isStopped = status.error !== null && STOPS.has(status.error.code)
  const wholeMs = isStopped ? lengthOf(definition) : null
  if (startedAt === null && wholeMs === null) return null
  // What it waited between its attempts is the scheduler's doing.
  const first = attempts[0] ?? { startedAt: startedAt ?? finishedAt, queuedMs }
  const submittedAt = definition.createdAt
  const job = new ActiveJob(definition, firstStatus({ hold: false, priority }, submittedAt), seq)
  const { runMs, failures } = recordedRuns(stored)
  return {
    job,
    submittedAt,
    readyAt: first.startedAt - first.queuedMs,
    runMs: wholeMs ?? runMs,
    terms: {
      ...termsOf(definition),
      failures,
      ending: wholeMs === null ? endingOf(status) : 'succeeded',
      isCutShort: isStopped && wholeMs === null,
    },
  }
}

/** What ends a job besides that it is done; of one whose attempts are yet to come, none of them fails. */
export function termsOf(definition: JobDefinition): Terms {
  const { deadline } = definition
  return {
    deadline,
    keepsItems: keepsItems(definition),
    failures: [],
    ending: 'succeeded',
    isCutShort: false,
  }
}

function endingOf({ state }: JobStatus): Ending {
  return state === 'succeeded' || state === 'cancelled' ? state : 'failed'
}

const STOPS: ReadonlySet<string> = new Set<ErrorCode>(['compute.deadline_missed', 'core.budget_exceeded'])

/** Of a load, which says how long it runs; null for all others. */
function lengthOf({ parameters }: JobDefinition): number | null {
  return parameters.kind === 'synthetic' && parameters.fail === null ? parameters.durationMs : null
}

/** How long each attempt that failed ran, and the last; had nobody interrupted them: what began anew is not counted twice. */
function recordedRuns({ definition, status }: StoredJob): Pick<PastJob, 'runMs'> & Pick<Terms, 'failures'> {
  const { attempts, computeMs } = status
  const goesOn = canGoOn(definition.parameters)
  const failures: { runMs: number; waitMs: number }[] = []
  let ranMs = 0
  let failedMs = 0
  for (const attempt of attempts) {
    const lastedMs = Math.max(0, attempt.finishedAt - attempt.startedAt - attempt.loadMs)
    ranMs = goesOn ? ranMs + lastedMs : lastedMs
    if (attempt.end !== 'failed') continue
    failures.push({ runMs: ranMs, waitMs: backoffMs(definition.id, failures.length + 1) })
    failedMs += ranMs
    ranMs = 0
  }
  const isLastRecorded = attempts.at(-1)?.attempt === status.attempt
  // One that ended while it waited for another attempt would have run that, as long as the one before.
  if (isLastRecorded) return { runMs: ranMs || (failures.at(-1)?.runMs ?? 0), failures }
  return { runMs: goesOn ? Math.max(0, computeMs - failedMs) : Math.min(computeMs, lastMs(status)), failures }
}

/** From the start to the end of the last attempt, less what it loaded. */
function lastMs({ startedAt, finishedAt, loadMs, attempts }: JobStatus): number {
  const loadedMs = attempts.reduce((rest, earlier) => rest - earlier.loadMs, loadMs)
  return Math.max(0, (finishedAt ?? 0) - (startedAt ?? 0) - loadedMs)
}

/**
 * Past jobs on a machine that is empty when the first of them comes. One that waits for others of them comes when it was
 * submitted, and is ready when they have ended anew; what it waited for besides had ended when it became ready.
 */
export function sceneOfPast(
  past: readonly PastJob[],
  { devices, policy, weights, limits, budgets, engineIdleMs }: Machine,
  { runMsOf, mostMsOf, loadOf }: Knowledge,
): Scene {
  const capacity = capacityOf(devices)
  const groups = new Map<string, QueueClass>()
  const groupOf = (job: ActiveJob) => {
    const { classKey: key, engineKey } = job
    const { principal, need, place } = job.definition
    const share = shareOfMachine(need, capacity)
    const group =
      groups.get(key) ??
      ({
        key,
        engineKey,
        principal,
        need,
        place,
        share,
        load: loadOf(job),
        jobs: [],
        workMs: 0,
      } satisfies QueueClass)
    groups.set(key, group)
    return group
  }
  const ids = new Set(past.map(({ job }) => job.id))
  const arrivals = past
    .map(({ job, submittedAt, readyAt }): Arrival => {
      const { dependsOn, pipeline, runWhen } = job.definition
      const { priority } = job.status
      const after = dependsOn.filter((id) => ids.has(id))
      const at = after.length > 0 ? submittedAt : readyAt
      const entry = {
        id: job.id,
        rank: rankUnder(policy, priority, at),
        seq: job.seq,
        readyAt: at,
        priority,
        runMs: runMsOf(job),
        mostMs: mostMsOf(job),
        pipeline: pipeline?.id ?? null,
      }
      // What it waited for besides ended in such a way that it could run.
      const isAllKnown = after.length === dependsOn.length
      return {
        at,
        group: groupOf(job),
        job: entry,
        after,
        runWhen: runWhen === 'failed' && !isAllKnown ? 'ended' : runWhen,
      }
    })
    .sort((a, b) => a.at - b.at || a.job.seq - b.job.seq)
  const quotas = wholeQuotas(limits)
  const state = atRest({ now: arrivals[0]?.at ?? 0, devices, weights, quotas, policy })
  const pausings = new Map(
    past.flatMap(({ job }) => {
      const pausing = pausingOf(job)
      return pausing ? [[job.id, pausing] as const] : []
    }),
  )
  const terms = new Map(past.map((each) => [each.job.id, each.terms]))
  return { state, running: [], arrivals, pausings, terms, budgets, engineIdleMs }
}
