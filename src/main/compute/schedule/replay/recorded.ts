import type { JobId, PrincipalId } from '../../../../shared/domain/ids'
import type { ResourceVector } from '../../../../shared/domain/resources'
import type { BudgetUse, FreeDevice } from '../../../core'
import type { ActiveJob } from '../../jobs/active-job'
import { Estimates } from '../../jobs/estimates'
import type { StoredJob } from '../../jobs/job-store'
import { placeOrNull } from '../place-or-null'
import { DEFAULT_POLICY } from '../types'
import { type Knowledge, type Machine, type PastJob, pastJob } from './past-jobs'

/** A day of jobs, and a machine to replay them on. */
export interface RecordedDay {
  name: string
  jobs: readonly PastJob[]
  machine: Machine
  knowledge: Knowledge
}

export interface Recording {
  stored: readonly StoredJob[]
  devices: readonly FreeDevice[]
  weights: ReadonlyMap<PrincipalId, number>
  limits: ReadonlyMap<PrincipalId, ResourceVector>
  budgets: ReadonlyMap<PrincipalId, BudgetUse>
  engineIdleMs: number
}

/** The jobs that ran, as they came, with what had been learned of their lengths by then. */
export function recordedDay({ stored, ...machine }: Recording): RecordedDay {
  const jobs = stored.flatMap((each) => pastJob(each) ?? []).sort((a, b) => a.readyAt - b.readyAt)
  return {
    name: new Date(jobs[0]?.readyAt ?? 0).toISOString().slice(0, 10),
    jobs,
    machine: { ...machine, policy: DEFAULT_POLICY },
    knowledge: learned(jobs, stored),
  }
}

/** Without the jobs that no device of the machine could ever hold. */
export function possibleOn(machine: Machine, jobs: readonly PastJob[]): PastJob[] {
  const fits = new Map<string, boolean>()
  return jobs.filter(({ job: { classKey, definition } }) => {
    const { need, place } = definition
    const known = fits.get(classKey) ?? placeOrNull(need, machine.devices, place ?? undefined) !== null
    fits.set(classKey, known)
    return known
  })
}

/** Run times by what had ended when a job came; loads by what those of the day took. How much memory engines took is not on record. */
function learned(jobs: readonly PastJob[], stored: readonly StoredJob[]): Knowledge {
  const estimates = new Estimates()
  const known = new Map<JobId, { runMs: number | null; mostMs: number | null }>()
  const ended = stored
    .filter(({ status }) => status.state === 'succeeded' && status.finishedAt !== null)
    .sort((a, b) => (a.status.finishedAt ?? 0) - (b.status.finishedAt ?? 0))
  const runs = new Map(jobs.map((past) => [past.job.id, wholeMs(past)]))
  // Results that were taken over took no time, and say nothing of a run.
  const observe = ({ definition }: StoredJob) => {
    const runMs = runs.get(definition.id)
    if (runMs !== undefined) estimates.observeRun(definition, runMs, null)
  }
  let next = 0
  for (const { job, readyAt } of jobs) {
    for (let end = ended[next]; end && (end.status.finishedAt ?? 0) <= readyAt; end = ended[++next])
      observe(end)
    const { definition } = job
    known.set(job.id, { runMs: estimates.runMs(definition), mostMs: estimates.mostMs(definition) })
  }
  const engineOf = new Map(jobs.map(({ job }) => [job.id, job.engineKey]))
  for (const { definition, status } of stored) {
    const engineKey = engineOf.get(definition.id)
    if (engineKey === undefined) continue
    for (const loadMs of loadsOf(status)) if (loadMs > 0) estimates.observeLoad(engineKey, loadMs)
  }
  return {
    runMsOf: ({ id }) => known.get(id)?.runMs ?? null,
    mostMsOf: ({ id }) => known.get(id)?.mostMs ?? null,
    loadOf: ({ engineKey }: ActiveJob) => ({ memoryBytes: 0, estimateMs: estimates.loadMs(engineKey, 0) }),
  }
}

/** What it takes in all: of one that keeps what it has done, attempts that failed have done a part of it. */
function wholeMs({ runMs, terms: { keepsItems, failures } }: PastJob): number {
  return keepsItems ? failures.reduce((sum, failed) => sum + failed.runMs, runMs) : runMs
}

/** What its attempts loaded, the last one's first. */
function loadsOf({ loadMs, attempts }: StoredJob['status']): number[] {
  const earlier = attempts.map((attempt) => attempt.loadMs)
  return [earlier.reduce((rest, each) => rest - each, loadMs), ...earlier]
}
