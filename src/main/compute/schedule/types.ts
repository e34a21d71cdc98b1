import type { Placement } from '../../../shared/contract'
import type { TimedResource, UsedUp } from '../../../shared/domain/budget'
import type { JobId, LeaseId, PrincipalId } from '../../../shared/domain/ids'
import type { PlaceHints } from '../../../shared/domain/place-hints'
import type { ResourceVector } from '../../../shared/domain/resources'
import type { FreeDevice, KeptRoom } from '../../core'
import type { RoomWaits } from './queue-pace'

/** A job that could start now, as the planner sees it. */
export interface QueuedJob {
  id: JobId
  /** Order in the queue, smaller first: {@link rankOf}. */
  rank: number
  /** Breaks ties of rank: order of arrival. */
  seq: number
  /** Since when it could have started, Unix ms. */
  readyAt: number
  /** 0 to 100. */
  priority: number
  /** Expected run time once its engine is loaded; null when nothing like it has run yet. */
  runMs: number | null
  /** The run time it is thought to stay within; null when nothing like it has run yet. */
  mostMs: number | null
  /** What it counts for in the order of the queue, where that is not its run time: the course of its pipeline says so. */
  costMs?: number | null
  /** Where it is to run if there is room. */
  device?: string | null
  /** By how much sooner it is done there than on the next best, ms: so long it waits for that device. */
  gainMs?: number | null
  /** The pipeline that it is part of. */
  pipeline?: string | null
}

/** Jobs that the planner need not tell apart: same engine, same need, same principal. */
export interface QueueClass {
  key: string
  engineKey: string
  principal: PrincipalId
  need: ResourceVector
  /** How its devices are to lie to each other. */
  place?: PlaceHints | null
  /** The greatest part of any resource of the machine that one job takes. */
  share: number
  /** What a new engine for it takes. */
  load: { memoryBytes: number; estimateMs: number }
  /** In order of rank; never empty. */
  jobs: readonly QueuedJob[]
  /** Sum of the expected run times of its jobs. */
  workMs: number
}

export interface PlanEngine {
  ref: string
  engineKey: string
  /** `leaving`: told to unload, its memory comes back soon. */
  state: 'loading' | 'idle' | 'busy' | 'leaving'
  /** The memory it holds, by device. */
  memory: Placement
  /** That of its memory; absent: it has none of its own. */
  lease?: LeaseId | null
  /** When it last became idle; evicted in this order. */
  idleSinceMs: number
  /** Expected time until it is idle again; null when unknown. */
  remainingMs: number | null
  /** The job that uses it. */
  job: JobId | null
}

/** A job that holds a lease now. */
export interface RunningJob {
  /** Null where only its place counts. */
  job: JobId | null
  placement: Placement
  /** The greatest part of any resource of the machine that it takes. */
  share: number
  /** When it is thought to end at the latest, Unix ms; null when unknown. */
  endsAt: number | null
  /** When it is expected to, on the mean. */
  expectedAt: number | null
  /** Null: it keeps its place until it ends. */
  yields: Displaceable | null
}

/** How a job makes room for another when it runs. */
export interface Pausing {
  /** It goes on where it was, or it begins anew. */
  pause: 'checkpoint' | 'restart'
  /** In all its attempts. */
  ranMs: number
  preemptions: number
  /** What it took to pause it when that was last done; 0: never was. */
  pauseMs: number
  /** It writes a text that somebody may read along. */
  isWriting: boolean
}

/** A running job that may have to make room for another. */
export interface Displaceable extends Pausing {
  job: JobId
  /** 0 to 100. */
  priority: number
  /** In all its attempts. */
  waitedMs: number
  /** When this attempt began, Unix ms. */
  startedAt: number
  /** Expected; null when unknown. */
  remainingMs: number | null
  /** The pipeline that it is part of. */
  pipeline?: string | null
  /** It has been told to stop, and has not stopped yet. */
  isStopping: boolean
}

export interface SchedulePolicy {
  /** `arrival`: as they came; priority, length and shares count for nothing, and nobody makes room for another. */
  order: 'urgency' | 'arrival'
  /** Others may pass one that does not fit. */
  backfills: boolean
  /** After so long room is kept for a job even if nobody knows when what runs will end. */
  holdBackAfterMs: number
  /** The least pace of the queue: see `Pace`. */
  leastPaceMs: number
  /** What was the longest backlog, or wait, is half forgotten after so long at the most. */
  paceHalfLifeMs: number
  /** Engines at most, all versions together. */
  maxEngines: number
  /** An engine in use is awaited for so many times as long as another takes to load. */
  patience: number
  /** When jobs have waited for engines in use for so many load times without a break, another is loaded too. */
  endurance: number
  /** So many classes may find no room before a turn stops looking; those of whom it was known before do not count. */
  maxBlocked: number
  /** What a job whose length nobody knows counts for, when deciding whether to load another engine. */
  unknownRunMs: number
  /** Points of priority that a job must have more than another to take its place. */
  preemptMargin: number
  /** What a preemption takes: what ends sooner by itself is awaited. */
  preemptMs: number
  /** A job that would have to begin anew is preempted only while it has run no longer, and no more often. */
  mostLostMs: number
  mostRestarts: number
  /** Points of priority more for which it begins anew however long it has run, once. */
  anyLossMargin: number
  /** Jobs that begin anew may lose such a part of the time that the machine is idle: see `LossBudget`. */
  lostOfIdle: number
  /** So much of that is saved up at the most, ms of the whole machine. */
  mostLossMs: number
  /** So long a job runs at least before it takes turns with others of its priority. */
  sliceMs: number
  /** The same as a multiple of what it takes to pause it, so that turns cost a small part of the time. */
  slicePauses: number
}

export const DEFAULT_POLICY: SchedulePolicy = {
  order: 'urgency',
  backfills: true,
  holdBackAfterMs: 5_000,
  leastPaceMs: 1_000,
  paceHalfLifeMs: 3_600_000,
  maxEngines: 32,
  patience: 2,
  endurance: 5,
  maxBlocked: 1_000,
  unknownRunMs: 50,
  preemptMargin: 20,
  preemptMs: 200,
  mostLostMs: 2_000,
  mostRestarts: 3,
  anyLossMargin: 50,
  lostOfIdle: 0.03,
  mostLossMs: 5_000,
  sliceMs: 2_000,
  slicePauses: 20,
}

/** See `Core.keptRoom`. */
export type RequestRoom = Pick<KeptRoom, 'rank' | 'room' | 'before' | 'since'>

export interface PlanState {
  now: number
  classes: readonly QueueClass[]
  devices: readonly FreeDevice[]
  /** Room on them that is kept for a request for a lease, against jobs that go after it; null, or absent: none. */
  request?: RequestRoom | null
  engines: readonly PlanEngine[]
  running: readonly RunningJob[]
  /** How long a wait is in this queue: `Pace`, ms. */
  pace: number
  /** What has waited for room so far; absent: nothing has. */
  roomWaits?: RoomWaits
  /** By principal: dominant share of the machine that its running jobs hold, for its weight. */
  shares: ReadonlyMap<PrincipalId, number>
  /** What they had of it lately, likewise: `RecentUse`. */
  recent: ReadonlyMap<PrincipalId, number>
  /** Of principals whose weight is not 1. */
  weights?: ReadonlyMap<PrincipalId, number>
  /** By key of class: since when it has waited, turn after turn, for an engine in use. */
  waitingSince: ReadonlyMap<string, number>
  /** What principals with a quota may still take, less than nothing while they hold more; those without one are absent. */
  quotas: ReadonlyMap<
    PrincipalId,
    { limited: readonly string[]; left: ResourceVector; usedUp?: readonly UsedUp<TimedResource>[] }
  >
  /** Keys of classes whose first job could not start even if all jobs ended, as of the last turn. */
  stranded?: ReadonlySet<string>
  /** By engine key: the runtime that it is to be loaded in, of which it is not known yet whether it works. */
  untried?: ReadonlyMap<string, string>
  /** Jobs for which others were told to stop, and which: they go before all others. */
  promised: ReadonlyMap<JobId, readonly JobId[]>
  /** What may be lost by jobs that begin anew, ms of the whole machine: `LossBudget`. */
  lossBudgetMs: number
  policy: SchedulePolicy
}

export interface Start {
  job: QueuedJob
  class: QueueClass
  placement: Placement
  /** An idle engine, or a new one with the placement of its memory. */
  engine: { ref: string } | { load: Placement }
}

/** Why the first waiting job of a class does not start; those behind it in the class wait for it. */
export type Block =
  | { kind: 'resources' }
  | { kind: 'quota'; missing: ResourceVector }
  | { kind: 'budget'; usedUp: UsedUp }
  | { kind: 'engine'; engineKey: string }
  /** All engines that there may be are in use. */
  | { kind: 'engines'; most: number }
  | { kind: 'runtime'; name: string }
  | { kind: 'room'; memoryBytes: number }
  /** It would fit, but is done sooner on a device that is expected to be free soon. */
  | { kind: 'faster'; device: string; freeAt: number }
  /** It would fit, but would delay a job that goes before it. */
  | { kind: 'held-back'; by: JobId }
  /** Others make room for it. */
  | { kind: 'preempts'; jobs: readonly JobId[] }

/** A running job that is to stop, so that another can start in its place. */
export interface Preemption {
  job: JobId
  for: JobId
}

/** Room that is kept for a job. */
export interface Kept {
  job: JobId
  /** What it is to hold: what the job needs, or the memory of its engine, or both. */
  need: ResourceVector
  /** Where it lies when enough has ended. */
  placement: Placement
  /** When that is expected, Unix ms; null when that is unknown. */
  fitsAt: number | null
  /** It lacks nothing else than an engine that others use. */
  awaitsEngine: boolean
}

export interface Plan {
  start: Start[]
  /** Idle engines to unload, so that a waiting job's engine can be loaded in a later turn. */
  evict: string[]
  /** By key of class; classes whose jobs all start are absent, and those that were not looked at. */
  blocked: Map<string, Block>
  /** For which jobs room is kept, in their order. */
  kept: Kept[]
  /**
   * Keys of classes whose first job could not start even if all jobs ended, of those that the turn looked at: nobody has to
   * wait behind them.
   */
  stranded: Set<string>
  preempt: Preemption[]
  /** What those lose that begin anew, ms of the whole machine. */
  lostMs: number
  /** The part of the machine, 0 to 1, that nobody uses from now on, nor waits for. */
  idle: number
  /** When a decision may fall that no event announces, Unix ms; null: none. */
  lookAgainAt: number | null
  /** What the devices still have free after these starts. */
  left: readonly FreeDevice[]
}
