import type { Job, Named, QueueView, WaitCause } from '../../shared/contract'
import { sayEnglish, waitWords } from '../../shared/words/wait-words'
import { type Caller, THE_SYSTEM } from '../security'
import type { Modules } from './modules'
import { visibleOwner } from './visible'

/** What a reader may be told of others in a reason. */
export interface Sight {
  /** Of two that see the same the same. */
  key: string
  ofPrincipal(principal: string): boolean
  /** Programs outside by name, as those who may read the devices see them. */
  programs: boolean
}

/** Null for who sees everything. */
export function sightOfOthers(modules: Pick<Modules, 'security'>, caller: Caller): Sight | null {
  const owner = visibleOwner(modules, caller)
  const programs = modules.security.allows(caller, 'device.read', THE_SYSTEM)
  if (owner === null && programs) return null
  const key = `${programs ? 'programs' : ''} ${owner ?? ''}`
  return { key, ofPrincipal: (principal) => owner === null || principal === owner, programs }
}

/** A job as its reader may see it: the reasons why it waits keep their amounts and times, and say of others no more than ids. */
export function shownJob<Of extends Job>(job: Of, sight: Sight | null, nowMs: number): Of {
  if (sight === null) return job
  const waitCauses = shownCauses(job.waitCauses, sight)
  const preemptedBy = job.preemptedBy && shownNamed(job.preemptedBy, sight)
  if (waitCauses === job.waitCauses && preemptedBy === job.preemptedBy) return job
  return { ...job, waitCauses, waitReason: waitWords(waitCauses, sayEnglish, nowMs), preemptedBy }
}

/**
 * As {@link shownJob}, of jobs that many views are told of at once: the words of each are made once for each sight. A change
 * brings a job of its own.
 */
const SHOWN = new WeakMap<Job, Map<string, Job>>()
export function shownToAll(job: Job, sight: Sight | null, nowMs: number): Job {
  if (sight === null) return job
  const known = SHOWN.get(job) ?? new Map<string, Job>()
  SHOWN.set(job, known)
  const shown = known.get(sight.key) ?? shownJob(job, sight, nowMs)
  known.set(sight.key, shown)
  return shown
}

/** What stands in the queue, as its reader may see it. */
export function shownWaiting(
  waiting: QueueView['waiting'],
  sight: Sight | null,
  nowMs: number,
): QueueView['waiting'] {
  if (sight === null) return waiting
  return waiting.map((entry) => {
    const causes = shownCauses(entry.causes, sight)
    return causes === entry.causes
      ? entry
      : { ...entry, causes, reason: waitWords(causes, sayEnglish, nowMs) ?? '' }
  })
}

function shownCauses(causes: WaitCause[], sight: Sight): WaitCause[] {
  return alike(
    causes,
    causes.map((cause) => shownCause(cause, sight)),
  )
}

function shownCause(cause: WaitCause, sight: Sight): WaitCause {
  switch (cause.kind) {
    case 'behind_job':
      return { ...cause, job: shownNamed(cause.job, sight) }
    case 'resources':
    case 'room': {
      const holders = alike(
        cause.holders,
        cause.holders.map((holder) => shownNamed(holder, sight)),
      )
      return holders === cause.holders ? cause : { ...cause, holders }
    }
    case 'reserved':
      return { ...cause, request: shownNamed(cause.request, sight) }
    case 'engine':
    case 'engines':
      return { ...cause, job: cause.job && shownNamed(cause.job, sight) }
    case 'preempts':
      return { ...cause, jobs: cause.jobs.map((job) => shownNamed(job, sight)) }
    case 'preempted':
      return { ...cause, by: shownNamed(cause.by, sight) }
    // Its own jobs, engine and limits, and devices.
    case 'held':
    case 'dependencies':
    case 'retry':
    case 'turn':
    case 'behind':
    case 'unfit':
    case 'quota':
    case 'budget':
    case 'runtime':
    case 'faster':
      return cause
  }
}

/** What it was before, where nothing in it has changed. */
function alike<Item>(before: Item[], after: Item[]): Item[] {
  return after.every((item, i) => item === before[i]) ? before : after
}

function shownNamed<Of extends Pick<Named, 'name' | 'principal'>>(named: Of, sight: Sight): Of {
  const isSeen = named.principal === null ? sight.programs : sight.ofPrincipal(named.principal)
  return isSeen ? named : { ...named, name: null, principal: null }
}
