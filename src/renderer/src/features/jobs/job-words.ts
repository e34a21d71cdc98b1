import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import type { StateName } from '../../components'
import { codedWords, waitReason } from '../../lib/words'

/** A queued job that had to make room is preempted, one that says why it waits is waiting; one only in line is queued. One that has begun loads first. */
export function stateName(job: Job): StateName {
  if (job.preemptedBy !== null) return 'preempted'
  if (job.state === 'running' && job.loadedAt === null) return 'loading'
  return job.state === 'queued' && job.waitReason ? 'waiting' : job.state
}

/** The second line of a row: why it waits, or what went wrong. */
export function reasonOf(job: Job): { text: string; tone: 'failed' | undefined } | null {
  if (job.state === 'failed' && job.error) return { text: codedWords(job.error), tone: 'failed' }
  const reason = waitReason(job)
  return reason === null ? null : { text: reason, tone: undefined }
}

export const JOB_ACTIONS = ['raise', 'lower', 'hold', 'resume', 'retry', 'cancel'] as const
export type JobAction = (typeof JOB_ACTIONS)[number]

/** What can be done with a job as it stands. */
export function actionsFor(job: Job): ReadonlySet<JobAction> {
  if (isTerminal(job.state)) return new Set<JobAction>(['retry'])
  const actions = new Set<JobAction>(['cancel'])
  if (job.state === 'queued') actions.add('hold')
  if (job.state === 'held') actions.add('resume')
  if (job.state !== 'running') {
    if (job.priority < 100) actions.add('raise')
    if (job.priority > 0) actions.add('lower')
  }
  return actions
}

/** What a data set of its results may be called: `Meeting of Tuesday` is `meeting-of-tuesday-results`. */
export function resultsName(job: Pick<Job, 'name'>): string {
  const base = job.name
    .toLowerCase()
    .replace(/[^a-z0-9._]+/g, '-')
    .slice(0, 56)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return base === '' ? 'results' : `${base}-results`
}
