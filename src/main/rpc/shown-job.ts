import type { Job, Named, QueueView, WaitCause } from '../../shared/contract'
import { sayEnglish, waitWords } from '../../shared/words/wait-words'
import { type Caller, THE_SYSTEM } from '../security'
import type { Modules } from './modules'
import { visibleOwner } from './visible'

/** What a reader may be told of others in a reason. */
export interface Sight {
  ofPrincipal(principal: string): boolean
  /** Programs outside by name, as those who may read the devices see them. */
  programs: boolean
}

/** Null for who sees everything. */
export function sightOfOthers(modules: Pick<Modules, 'security'>, caller: Caller): Sight | null {
  const owner = visibleOwner(modules, caller)
  const programs = modules.security.allows(caller, 'device.read', THE_SYSTEM)
  if (owner === null && programs) return null
  return { ofPrincipal: (principal) => owner === null || principal === owner, programs }
}

/** A job as its reader may see it: the reasons why it waits keep their amounts and times, and say of others no more than ids. */
export function shownJob<Of extends Job>(job: Of, sight: Sight | null, nowMs: number): Of {
  if (sight === null || (job.waitCauses.length === 0 && job.preemptedBy === null)) return job
  return {
    ...job,
    ...inWords(job.waitCauses, sight, nowMs, (waitReason, waitCauses) => ({ waitReason, waitCauses })),
    preemptedBy: job.preemptedBy && shownNamed(job.preemptedBy, sight),
  }
}

/** What stands in the queue, as its reader may see it. */
export function shownWaiting(
  waiting: QueueView['waiting'],
  sight: Sight | null,
  nowMs: number,
): QueueView['waiting'] {
  if (sight === null) return waiting
  return waiting.map((entry) => ({
    ...entry,
    ...inWords(entry.causes, sight, nowMs, (reason, causes) => ({ reason: reason ?? '', causes })),
  }))
}

function inWords<Shown>(
  causes: readonly WaitCause[],
  sight: Sight,
  nowMs: number,
  as: (words: string | null, causes: WaitCause[]) => Shown,
): Shown {
  const shown = causes.map((cause) => shownCause(cause, sight))
  return as(waitWords(shown, sayEnglish, nowMs), shown)
}

function shownCause(cause: WaitCause, sight: Sight): WaitCause {
  switch (cause.kind) {
    case 'behind_job':
      return { ...cause, job: shownNamed(cause.job, sight) }
    case 'resources':
    case 'room':
      return { ...cause, holders: cause.holders.map((holder) => shownNamed(holder, sight)) }
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

function shownNamed<Of extends Pick<Named, 'name' | 'principal'>>(named: Of, sight: Sight): Of {
  const isSeen = named.principal === null ? sight.programs : sight.ofPrincipal(named.principal)
  return isSeen ? named : { ...named, name: null, principal: null }
}
