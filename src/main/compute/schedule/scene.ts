import type { Placement, RunWhen } from '../../../shared/contract'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import type { BudgetUse } from '../../core'
import type { Ending } from '../dispatch/conditions'
import type { Guess } from './guess'
import type { Pausing, PlanState, QueueClass, QueuedJob } from './types'

/** A job that has its place; times are Unix ms. */
export interface Placed {
  group: QueueClass
  job: QueuedJob
  placement: Placement
  /** Its engine, as `PlanEngine.ref`; null when it has none. */
  engine: string | null
  startedAt: number
  /** From when on its engine is loaded, expected. */
  loadedAt: number
}

/** One that runs when the clock is set going. */
export interface RunsNow extends Placed {
  /** Expected time from start to end, with loading; null when unknown. */
  runMs: number | null
  /** It has been told to make room. */
  isStopping: boolean
}

export interface Arrival {
  at: number
  group: QueueClass
  job: QueuedJob
  /** It is ready when these have ended too, all of them of the scene; or will never run, as `runWhen` says. */
  after?: readonly JobId[]
  /** Absent: when they have succeeded. */
  runWhen?: RunWhen
}

/** What ends a job, or an attempt of it, besides that it is done. */
export interface Terms {
  /** Unix ms; null: none. */
  deadline: number | null
  /** When an attempt fails, or is stopped because a budget is used up, what it has done stays done. */
  keepsItems: boolean
  /** Attempts that fail before the last: how long each runs once its engine is loaded, and how long the job waits then. */
  failures: readonly { runMs: number; waitMs: number }[]
  /** How the last one ends. */
  ending: Ending
  /** It ends because a deadline or a budget stopped it on the day, and is as long as it had run by then. */
  isCutShort: boolean
}

/** The present, and what is known to come. */
export interface Scene {
  state: PlanState
  running: readonly RunsNow[]
  /** In order of time. */
  arrivals: readonly Arrival[]
  /** How jobs make room; those that are absent keep their place. */
  pausings: ReadonlyMap<JobId, Pausing>
  /** What jobs of unknown length may run, when they begin anew or go on; of those that are absent nobody can say. */
  guesses?: ReadonlyMap<JobId, Guess>
  /** Jobs that are absent have no deadline, fail once if a budget stops them, and succeed when they are done. */
  terms?: ReadonlyMap<JobId, Terms>
  /** What principals have used of their budgets when the clock is set going; those without one are absent. */
  budgets?: ReadonlyMap<PrincipalId, BudgetUse>
  /** Engines are unloaded when nobody has used them for so long; absent: only when they are in the way. */
  engineIdleMs?: number
}

/** How long things take in one replay, ms; infinite when nobody knows. */
export interface Durations {
  /** Of a job that waits, once its engine is loaded; of its last attempt, where `Terms` tell of failures. */
  runOf(group: QueueClass, job: QueuedJob): number
  /** Of a job that runs, from now. */
  remainingOf(job: RunsNow): number
}

/** What the scheduler made of a job on the virtual clock. */
export interface ForwardStart {
  job: JobId
  /** Since when it could have started. */
  readyAt: number
  /** When it started first. */
  at: number
  /** When its last attempt did; infinite while it waits to go on, and when it was over if that was meanwhile. */
  resumedAt: number
  /** When it is over. Infinite when its length is unknown, or it waits to go on when the replay ends. */
  endsAt: number
  /** For how long it had its place before its last attempt. */
  heldMs: number
  /** Of its last attempt. */
  placement: Placement
}

/** What became of a scene. */
export interface Forwarded {
  /** Of those that started. */
  starts: ForwardStart[]
  turns: number
  /** Jobs that are over, started or not. */
  over: number
  /** Those of them that a deadline or a budget ended. */
  stopped: number
}
