import { Pace } from './online/pace'
import type { Plan, PlanState, QueueClass, SchedulePolicy } from './types'

/** By key of class: since when it has waited for room, turn after turn, Unix ms. */
export type RoomWaits = ReadonlyMap<string, number>

interface QueuePaceOptions {
  /** Its lower bound; absent: that of the policy. */
  leastMs?: number
  /** What has waited by now, from the turns before. */
  waits?: RoomWaits | undefined
  /** While anything waits, turns come more often than this: a longer gap is none of waiting. Absent: gaps have any length. */
  longestGapMs?: number
}

/**
 * The {@link Pace} of a queue, turn by turn. Only what the last turn found waiting for room tells of the load: not what waits
 * for a quota, a budget, a runtime, or a device that is gone. Its waiting counts from the first turn that found it so, and
 * from the last gap on: the time in which the machine sleeps, or the system does not run, is nobody's wait for room.
 */
export class QueuePace {
  readonly #policy: SchedulePolicy
  readonly #pace: Pace
  readonly #longestGapMs: number
  #waits: RoomWaits
  #at = Number.POSITIVE_INFINITY
  #seen: { runningMs: number; classes: readonly QueueClass[] } = { runningMs: 0, classes: [] }

  constructor(policy: SchedulePolicy, options: QueuePaceOptions = {}) {
    const {
      leastMs = policy.leastPaceMs,
      waits = new Map(),
      longestGapMs = Number.POSITIVE_INFINITY,
    } = options
    this.#policy = policy
    this.#pace = new Pace(leastMs, policy.paceHalfLifeMs)
    this.#waits = waits
    this.#longestGapMs = longestGapMs
  }

  get value(): number {
    return this.#pace.value
  }

  /** A turn is to be planned. @param runningMs what is left of all that runs, ms of the whole machine */
  observe(
    now: number,
    runningMs: number,
    classes: readonly QueueClass[],
  ): Pick<PlanState, 'pace' | 'roomWaits'> {
    if (now - this.#at > this.#longestGapMs)
      this.#waits = new Map([...this.#waits.keys()].map((key) => [key, now]))
    this.#at = now
    this.#seen = { runningMs, classes }
    return { pace: this.#observe(now, runningMs, NONE), roomWaits: this.#waits }
  }

  /** What the turn has decided. Seen at once, so that the pace does not depend on how many turns follow. */
  planned(now: number, { blocked, stranded, start }: Pick<Plan, 'blocked' | 'stranded' | 'start'>): void {
    const waits = new Map<string, number>()
    for (const [key, { kind }] of blocked) {
      if (stranded.has(key) || kind === 'quota' || kind === 'budget' || kind === 'runtime') continue
      waits.set(key, this.#waits.get(key) ?? now)
    }
    this.#waits = waits
    let { runningMs } = this.#seen
    const started = new Map<string, number>()
    for (const { job, class: group } of start) {
      const runMs = job.runMs ?? this.#policy.unknownRunMs
      runningMs += group.share * runMs
      started.set(group.key, (started.get(group.key) ?? 0) + runMs)
    }
    this.#observe(now, runningMs, started)
  }

  /** @param started by key of class: run times of those that no longer wait */
  #observe(now: number, runningMs: number, started: ReadonlyMap<string, number>): number {
    let backlogMs = runningMs
    let longestMs = 0
    for (const { key, workMs, share, jobs } of this.#seen.classes) {
      const since = this.#waits.get(key)
      if (since === undefined) continue
      const leftMs = Math.max(0, workMs - (started.get(key) ?? 0))
      // One that takes nothing of the devices still takes an engine.
      backlogMs += leftMs * Math.max(share, 1 / this.#policy.maxEngines)
      longestMs = Math.max(longestMs, now - Math.max(since, jobs[0]?.readyAt ?? now))
    }
    return this.#pace.observe(now, backlogMs, longestMs)
  }
}

const NONE: ReadonlyMap<string, number> = new Map()
