import type { PrincipalId } from '../../../../shared/domain/ids'
import type { ResourceVector } from '../../../../shared/domain/resources'
import type { FreeDevice } from '../../../core'
import { wholeQuotas } from '../../dispatch/quotas'
import { pausingOf } from '../../dispatch/running-job'
import { ActiveJob } from '../../jobs/active-job'
import { firstStatus } from '../../jobs/job-row'
import type { StoredJob } from '../../jobs/job-store'
import { pauseOf } from '../../jobs/preemption'
import { atRest } from '../at-rest'
import { rankUnder } from '../rank'
import type { Arrival, Scene } from '../scene'
import { capacityOf, shareOfMachine } from '../share'
import type { QueueClass, SchedulePolicy } from '../types'

/** A job as it is replayed. */
export interface PastJob {
  job: ActiveJob
  submittedAt: number
  /** When all that it waited for had ended. */
  readyAt: number
  /** How long it runs once its engine is loaded. */
  runMs: number
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
  engineIdleMs: number
}

/** One that has ended, as it came; null when it never ran. */
export function pastJob(stored: StoredJob): PastJob | null {
  const { seq, definition, status } = stored
  const { startedAt, finishedAt, queuedMs, attempts, priority } = status
  if (startedAt === null || finishedAt === null) return null
  // What it waited between its attempts is the scheduler's doing.
  const first = attempts[0] ?? { startedAt, queuedMs }
  const submittedAt = definition.createdAt
  const job = new ActiveJob(definition, firstStatus({ hold: false, priority }, submittedAt), seq)
  return { job, submittedAt, readyAt: first.startedAt - first.queuedMs, runMs: neededMs(stored) }
}

/** What a job would have run, had nobody interrupted it: what began anew is not counted twice. */
function neededMs({ definition, status: { computeMs, attempts } }: StoredJob): number {
  if (pauseOf(definition) === 'checkpoint') return computeMs
  const lostMs = attempts.reduce(
    (sum, { startedAt, finishedAt, loadMs }) => sum + finishedAt - startedAt - loadMs,
    0,
  )
  return Math.max(0, computeMs - lostMs)
}

/**
 * Past jobs on a machine that is empty when the first of them comes. One that waits for others of them comes when it was
 * submitted, and is ready when they have ended anew; what it waited for besides had ended when it became ready.
 */
export function sceneOfPast(
  past: readonly PastJob[],
  { devices, policy, weights, limits, engineIdleMs }: Machine,
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
      const { dependsOn, pipeline } = job.definition
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
      return { at, group: groupOf(job), job: entry, after }
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
  return { state, running: [], arrivals, pausings, engineIdleMs }
}
