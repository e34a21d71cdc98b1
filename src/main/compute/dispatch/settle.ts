import type { JobId } from '../../../shared/domain/ids'
import { parseModelReference } from '../../../shared/domain/references'
import { formatDuration } from '../../../shared/domain/units'
import { AppError, toErrorView } from '../../../shared/errors'
import type { Core } from '../../core'
import { type Clock, toIso } from '../../platform/clock'
import type { Database } from '../../platform/database'
import type { Storage } from '../../storage'
import type { AbortReason, ActiveJob } from '../jobs/active-job'
import { LOG } from '../jobs/artifact-names'
import { type StoredAttempt, withEarlier } from '../jobs/earlier-attempts'
import type { JobIndex } from '../jobs/job-index'
import type { JobDefinition, JobStatus } from '../jobs/job-row'
import { interrupted, keepsItems, partDone } from '../jobs/preemption'
import type { AttemptEnd, BenchmarkFigures } from './attempt'
import { type Ending, type EndingOf, judge, onceEach } from './conditions'
import { backoffMs, isRetryable } from './retry'

export interface SettleDeps {
  core: Core
  storage: Storage
  database: Database
  clock: Clock
  index: JobIndex
  endingOf: EndingOf
  /** A job has reached its end. */
  onEnd(job: ActiveJob): void
  /** A job may start again at a time. */
  onBackoff(job: ActiveJob, at: number): void
}

/** Moves jobs to what follows from what happened to them. All of it within the caller's transaction. */
export class Settler {
  readonly #deps: SettleDeps
  /** Jobs that have ended, with those that waited for them and have not been told: a few at a time, however many. */
  readonly #untold = new Map<JobId, { ending: Ending; dependents: ActiveJob[] }>()
  /** Jobs that will never run because of another, ended a few at a time too. */
  readonly #doomed = new Map<ActiveJob, { dependency: JobId; verdict: 'skip' | 'fail' }>()

  constructor(deps: SettleDeps) {
    this.#deps = deps
  }

  /** What follows from an attempt: the result, another attempt, a failure, the queue again, the end. */
  settle({ job, outcome, artifacts, loadMs, computeMs, benchmark }: AttemptEnd): void {
    const { storage, clock } = this.#deps
    const { status, definition } = job
    if (status.state !== 'running')
      throw new AppError('internal', `Job ${job.id} is ${status.state}, not running.`)
    this.releaseLease(job)
    // Until now its row says that it runs, and it holds what the first of its run does.
    job.ridesAlong = false
    job.passengers = []
    job.together = 1
    const times = { loadMs: status.loadMs + loadMs, computeMs: status.computeMs + computeMs }
    const attach = (only?: string) => {
      for (const { name, staged } of artifacts)
        if (!only || name === only) storage.artifacts.attach(staged, job.id, name)
    }
    // A cancel that was acknowledged wins over a result that came later.
    if (status.cancelRequested) {
      attach(LOG)
      this.end(job, 'cancelled', null, times)
    } else if (outcome.kind === 'succeeded') {
      attach()
      this.#observe(job, true, computeMs)
      if (benchmark) this.#recordBenchmark(job, benchmark)
      this.end(job, 'succeeded', null, { ...times, itemsDone: definition.items })
    } else if (outcome.kind === 'aborted' && goesOn(outcome.reason, job)) {
      attach()
      const by = outcome.reason === 'preempted' ? job.displacedBy : null
      if (isLate(job, clock.now())) this.end(job, 'failed', deadlineMissed(), times)
      else {
        const change = { ...times, preempted: interrupted(job, computeMs, by) }
        this.#requeue(job, change, { loadMs, end: endOf(outcome.reason) })
      }
    } else if (outcome.kind === 'aborted') {
      attach()
      const error = outcome.reason === 'budget' ? this.#budgetStop(job) : deadlineMissed()
      this.end(job, 'failed', error, times)
    } else {
      attach()
      this.#observe(job, false, computeMs)
      const failures = status.failures + 1
      const isLast = !isRetryable(outcome.error.code) || failures >= definition.maxAttempts
      if (isLast || isLate(job, clock.now())) {
        this.end(job, 'failed', isLast ? outcome.error : deadlineMissed(), { ...times, failures })
        return
      }
      const waitMs = backoffMs(job.id, failures)
      job.log?.add(clock.now(), 'info', status.attempt, `Trying again in ${formatDuration(waitMs)}`)
      const change = { ...times, failures, error: toErrorView(outcome.error) }
      this.#requeue(job, change, { loadMs, end: 'failed' }, waitMs)
    }
  }

  #budgetStop({ definition }: ActiveJob): AppError {
    const { core } = this.#deps
    const [first] = core.limitsOf(definition.principal)?.usedUp ?? []
    return core.budgetStop(definition.principal, first?.resource ?? 'cpuSeconds')
  }

  /** The last move of a job, from whatever state it is in. */
  end(
    job: ActiveJob,
    state: 'succeeded' | 'failed' | 'cancelled',
    error: AppError | null,
    more: Partial<JobStatus> = {},
  ): void {
    const { index, clock } = this.#deps
    const now = clock.now()
    const { status } = job
    // Only what is queued may fail: what is held is let go first.
    if (status.state === 'held' && state === 'failed')
      index.change(job, { state: 'queued', readyAt: now - status.queuedMs })
    // Who waits for other jobs has not begun to wait for its turn.
    const isInQueue = status.state === 'queued' && job.waitingOn.size === 0
    const queuedMs = isInQueue ? Math.max(status.queuedMs, now - status.readyAt) : status.queuedMs
    index.change(job, { ...more, state, finishedAt: now, queuedMs, error: error && toErrorView(error) })
    this.#deps.onEnd(job)
    const dependents = [...index.dependentsOf(job.id)]
    const ending = error?.code === 'compute.skipped' ? 'skipped' : state
    if (dependents.length > 0) this.#untold.set(job.id, { ending, dependents })
  }

  /** How jobs have ended, for {@link mayRun} and {@link awaitDependencies} of all that are added together. */
  endings(): EndingOf {
    return onceEach(this.#deps.endingOf)
  }

  /** Whether nothing that a job depends on keeps it from running now. */
  mayRun({ dependsOn, runWhen }: JobDefinition, endingOf: EndingOf): boolean {
    return judge(runWhen, dependsOn.map(endingOf)) === 'run'
  }

  /** Sets what a job waits for, before it is added. */
  awaitDependencies(job: ActiveJob, endingOf: EndingOf): void {
    const { dependsOn, runWhen } = job.definition
    const endings = dependsOn.map(endingOf)
    dependsOn.forEach((id, i) => {
      if (endings[i] === null) job.waitingOn.add(id)
    })
    const verdict = judge(runWhen, endings)
    const culprit =
      dependsOn.find((_, i) => endings[i] !== null && endings[i] !== 'succeeded') ?? dependsOn[0]
    if (culprit && (verdict === 'skip' || verdict === 'fail')) this.#doom(job, culprit, verdict)
  }

  /** What follows for others from the jobs that have ended. @param limit so many others @returns true when there are more */
  followUp(limit: number): boolean {
    const endingOf = this.endings()
    let left = limit
    while (left > 0 && this.#untold.size + this.#doomed.size > 0) {
      left -= this.#tell(left, endingOf)
      left -= this.#endDoomed(left)
    }
    return this.#untold.size + this.#doomed.size > 0
  }

  #tell(limit: number, endingOf: EndingOf): number {
    const { index, database } = this.#deps
    let told = 0
    for (const [id, untold] of this.#untold) {
      if (told === limit) break
      this.#untold.delete(id)
      // Memory may have gone back with a transaction that failed: then it has not ended.
      if (index.get(id)) continue
      const { ending, dependents } = untold
      const rest = dependents.slice(limit - told)
      if (rest.length > 0) this.#untold.set(id, { ending, dependents: rest })
      database.onRollback(() => this.#untold.set(id, untold))
      for (const dependent of dependents.slice(0, limit - told)) {
        told++
        if (index.get(dependent.id) === dependent) this.#dependencyEnded(dependent, id, ending, endingOf)
      }
    }
    return told
  }

  #endDoomed(limit: number): number {
    const { index, database } = this.#deps
    let ended = 0
    for (const [job, doom] of this.#doomed) {
      if (ended === limit) break
      ended++
      this.#doomed.delete(job)
      const { dependency, verdict } = doom
      // Memory may have gone back with a transaction that failed: then the dependency lives, or the job has ended.
      if (index.get(job.id) !== job || index.get(dependency)) continue
      database.onRollback(() => this.#doomed.set(job, doom))
      if (verdict === 'skip') this.end(job, 'cancelled', skipped(job, dependency))
      else {
        const message = `It waits for job ${dependency}, which did not succeed. Retry that job, then submit this one again.`
        this.end(job, 'failed', new AppError('compute.dependency_failed', message, { dependency }))
      }
    }
    return ended
  }

  #dependencyEnded(dependent: ActiveJob, id: JobId, ending: Ending, endingOf: EndingOf): void {
    const { index, clock, database } = this.#deps
    const { runWhen, dependsOn } = dependent.definition
    if (runWhen === 'succeeded' && (ending === 'failed' || ending === 'cancelled')) {
      this.#doom(dependent, id, 'fail')
      return
    }
    if (!dependent.waitingOn.delete(id)) return
    database.onRollback(() => {
      dependent.waitingOn.add(id)
      // What the turn did to it was undone before this, when it waited for nothing any more.
      index.refresh(dependent)
    })
    if (dependent.waitingOn.size > 0) return
    if (judge(runWhen, dependsOn.map(endingOf)) === 'skip') this.#doom(dependent, id, 'skip')
    else if (dependent.status.state === 'queued') index.change(dependent, { readyAt: clock.now() })
  }

  /** It goes on waiting for what will not come, until it is ended. */
  #doom(job: ActiveJob, dependency: JobId, verdict: 'skip' | 'fail'): void {
    job.waitingOn.add(dependency)
    this.#doomed.set(job, { dependency, verdict })
  }

  /** Tells how an attempt went, for the canary of the alias that the job was submitted to. */
  #observe({ definition }: ActiveJob, ok: boolean, computeMs: number): void {
    const { model, modelVersion: version, reference } = definition
    const parsed = reference === null ? null : parseModelReference(reference)
    if (model === null || version === null || !parsed || !('alias' in parsed)) return
    this.#deps.storage.observeRun({ model, version, alias: parsed.alias, ok, computeMs })
  }

  #recordBenchmark({ definition, status }: ActiveJob, measured: BenchmarkFigures): void {
    const { model, modelVersion: version, parameters } = definition
    if (model === null || version === null || parameters.kind !== 'benchmark') return
    this.#deps.storage.recordBenchmark(model, {
      job: definition.id,
      version,
      at: toIso(this.#deps.clock.now()),
      device: status.placement?.[0]?.device ?? '',
      threads: parameters.threads,
      ...measured,
    })
  }

  #requeue(
    job: ActiveJob,
    change: Partial<JobStatus>,
    ended: Pick<StoredAttempt, 'loadMs' | 'end'>,
    waitMs = 0,
  ): void {
    const { index, clock } = this.#deps
    const finishedAt = clock.now()
    const notBefore = finishedAt + waitMs
    job.carried = partDone(job.definition, { ...job.status, ...change })
    job.progress = job.carried
    job.loadMs = 0
    index.change(job, {
      ...change,
      state: 'queued',
      notBefore,
      readyAt: notBefore - job.status.queuedMs,
      placement: null,
      attempts: withEarlier(job.status, { ...ended, finishedAt }),
    })
    if (waitMs > 0) this.#deps.onBackoff(job, notBefore)
  }

  /** Its attempt has ended. */
  releaseLease(job: ActiveJob): void {
    const { core, database } = this.#deps
    const { lease } = job
    if (!lease) return
    core.release(lease)
    job.lease = null
    database.onRollback(() => {
      job.lease = lease
    })
  }
}

/** Whether its deadline has passed while it stopped: that rang when it ran, and nothing else would end it now. */
function isLate({ definition: { deadline } }: ActiveJob, now: number): boolean {
  return deadline !== null && deadline <= now
}

function endOf(reason: AbortReason): StoredAttempt['end'] {
  return reason === 'preempted' || reason === 'device_lost' ? reason : 'interrupted'
}

/** Whether a job waits for another attempt. A budget that is used up stops for good what could not go on where it was. */
function goesOn(reason: AbortReason, { definition }: ActiveJob): boolean {
  return GOES_ON.has(reason) || (reason === 'budget' && keepsItems(definition))
}

/** Stops that are no fault of the job. */
const GOES_ON: ReadonlySet<AbortReason> = new Set([
  'stopping',
  'preempted',
  'apart',
  'device_lost',
  'engine_gone',
])

function skipped({ definition }: ActiveJob, dependency: JobId): AppError {
  const message =
    definition.runWhen === 'failed'
      ? 'It was to run if one of the jobs before it failed, and none did.'
      : 'A job that it waits for was skipped.'
  return new AppError('compute.skipped', message, { dependency })
}

export function deadlineMissed(): AppError {
  return new AppError(
    'compute.deadline_missed',
    'Its deadline passed before it ended. Submit it again with a later deadline.',
  )
}
