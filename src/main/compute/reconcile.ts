import { AppError } from '../../shared/errors'
import { createBreather } from '../platform/breather'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import type { Logger } from '../platform/logger'
import type { Storage } from '../storage'
import { LONGEST_MS, MAX_INTERRUPTIONS } from './dispatch/retry'
import type { Settler } from './dispatch/settle'
import { ActiveJob } from './jobs/active-job'
import { LOG } from './jobs/artifact-names'
import { withEarlier } from './jobs/earlier-attempts'
import type { JobIndex } from './jobs/job-index'
import { JobLog } from './jobs/job-log'
import type { JobStore } from './jobs/job-store'

export interface ReconcileDeps {
  store: JobStore
  storage: Storage
  database: Database
  clock: Clock
  logger: Logger
  index: JobIndex
  settler: Settler
  /** Its deadline or its next attempt lies ahead. */
  watch(job: ActiveJob): void
}

/**
 * Takes up what an earlier run of the program left: jobs that waited wait on, attempts that ran go back to the queue. An
 * end of the program is no fault of the job, unless it happens again and again without progress in between.
 */
export async function reconcile(deps: ReconcileDeps): Promise<void> {
  const { store, storage, database, clock, logger, index, settler } = deps
  const breathe = createBreather()
  const interrupted: ActiveJob[] = []
  // The clock may have been set back while nothing ran: nobody waits longer than the longest, or since a time to come.
  const now = clock.now()
  const endingOf = settler.endings()
  for (const { jobs, damaged } of store.active()) {
    // Before those that wait for them, which have come later.
    for (const { id, error } of damaged) {
      logger.error({ err: error, job: id }, 'A job cannot be read; it has failed')
      database.transaction(() => store.fail(id, error, clock.now()))
    }
    for (const { seq, definition, status } of jobs) {
      const notBefore = Math.min(status.notBefore, now + LONGEST_MS)
      const readyAt = Math.min(status.readyAt, Math.max(now, notBefore))
      const job = new ActiveJob(definition, { ...status, notBefore, readyAt }, seq)
      if (status.attempt > 0) job.log = await logOf(job, storage)
      settler.awaitDependencies(job, endingOf)
      index.add(job)
      if (status.state === 'running') interrupted.push(job)
      else deps.watch(job)
      await breathe()
    }
  }
  while (interrupted.length > 0) {
    database.transaction(() => {
      for (const job of interrupted.splice(0, 100)) {
        interrupt(deps, job)
        // Not before: a deadline that rang while its row said that it runs would be lost.
        deps.watch(job)
      }
    })
    await breathe()
  }
}

/** A log explains; that it cannot be read must not keep a job from running again. */
async function logOf({ id }: ActiveJob, { artifacts }: Storage): Promise<JobLog> {
  return JobLog.decode(await artifacts.read(id, LOG).catch(() => null))
}

function interrupt({ index, settler, clock }: ReconcileDeps, job: ActiveJob): void {
  const { status } = job
  const now = clock.now()
  const interruptions = status.interruptions + 1
  job.log?.add(now, 'warn', status.attempt, 'Interrupted: LLMAgentOS ended during this attempt')
  if (status.cancelRequested) {
    settler.end(job, 'cancelled', null)
  } else if (interruptions >= MAX_INTERRUPTIONS) {
    const message = `LLMAgentOS ended ${interruptions} times while this job ran, so it is not tried again. Look for what it does to the machine, then retry it.`
    settler.end(job, 'failed', new AppError('compute.interrupted', message, { interruptions }), {
      interruptions,
    })
  } else {
    const attempts = withEarlier(status, { finishedAt: now, loadMs: 0, end: 'interrupted' })
    index.change(job, {
      state: 'queued',
      interruptions,
      placement: null,
      attempts,
      readyAt: now - status.queuedMs,
    })
  }
}
