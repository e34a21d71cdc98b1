import type { Placement } from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'
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
  /** It is ready when these have ended too, all of them of the scene. */
  after?: readonly JobId[]
}

/** The present, and what is known to come. */
export interface Scene {
  state: PlanState
  running: readonly RunsNow[]
  /** In order of time. */
  arrivals: readonly Arrival[]
  /** How jobs make room; those that are absent keep their place. */
  pausings: ReadonlyMap<JobId, Pausing>
  /** Engines are unloaded when nobody has used them for so long; absent: only when they are in the way. */
  engineIdleMs?: number
}

/** How long things take in one replay, ms; infinite when nobody knows. */
export interface Durations {
  /** Of a job that waits, once its engine is loaded. */
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
  /** When its last attempt did. */
  resumedAt: number
  /** Infinite when its length is unknown, or it waits to go on when the replay ends. */
  endsAt: number
  /** For how long it had its place before its last attempt. */
  heldMs: number
  /** Of its last attempt. */
  placement: Placement
}
