import type { Placement } from '../../../shared/contract'
import { addVectors } from '../../../shared/domain/resources'
import { isSince, precedesRequest } from './rank'
import type { Space, Wanted } from './space'
import type { Block, Plan, PlanEngine, PlanState, QueueClass, QueuedJob } from './types'

/** Idle engines to unload, and where what is wanted lies then; none where they are leaving already. */
export interface Emptied {
  engines: readonly PlanEngine[]
  share: Placement
}

export type EngineChoice =
  | { kind: 'idle'; engine: PlanEngine }
  | { kind: 'load'; memory: Placement }
  | { kind: 'wait' }
  /** No room for a new engine; null: not even if all that are idle went. */
  | { kind: 'room'; emptied: Emptied | null }
  /** As many engines as there may be are in use. */
  | { kind: 'full' }

/** Who waits for one of these would not start on an engine of its own either. */
const NOT_FOR_ROOM: ReadonlySet<Block['kind']> = new Set(['quota', 'budget', 'runtime', 'faster'])

/**
 * By key of class: since when it has waited, turn after turn, for an engine in use; goes on while it waits for room.
 * @param before as of the last turn
 */
export function engineWaits(
  before: ReadonlyMap<string, number>,
  { blocked, stranded }: Pick<Plan, 'blocked' | 'stranded'>,
  now: number,
): Map<string, number> {
  const since = new Map<string, number>()
  for (const [key, { kind }] of blocked) {
    const known = before.get(key)
    if (kind === 'engine') since.set(key, known ?? now)
    else if (known !== undefined && !NOT_FOR_ROOM.has(kind) && !stranded.has(key)) since.set(key, known)
  }
  return since
}

/** For so many jobs of a turn engines are sought that could go, of those for which all that are idle would be enough. */
const MOST_SOUGHT = 64

/** The engines of one turn: which are idle, how long the others take, which may go. */
export class Engines {
  readonly #state: PlanState
  readonly #idle = new Map<string, PlanEngine[]>()
  /** By engine key: expected time until each engine in use is idle again. */
  readonly #remaining = new Map<string, number[]>()
  /** By engine key: those of them of which it is known when their job ends; null: it is loaded in this turn. */
  readonly #inUseUntil = new Map<string, { ref: string | null; at: number }[]>()
  /** By engine key: expected run times of all that waits. */
  readonly #work = new Map<string, number>()
  readonly #leaving: PlanEngine[] = []
  /** Null: something has been taken since. */
  #allGone: Space | null = null
  #count: number
  readonly #soughtFor = new Set<QueuedJob>()

  constructor(state: PlanState) {
    this.#state = state
    this.#count = state.engines.length
    const expectedAt = new Map(
      state.running.map(({ job, expectedAt, yields }) => [job, yields?.isStopping ? state.now : expectedAt]),
    )
    for (const engine of state.engines) {
      const at = expectedAt.get(engine.job)
      const isInUse = engine.state === 'busy' || engine.state === 'loading'
      if (isInUse && engine.job !== null && at != null)
        append(this.#inUseUntil, engine.engineKey, { ref: engine.ref, at })
      if (engine.state === 'idle') append(this.#idle, engine.engineKey, engine)
      else if (engine.state === 'leaving') this.#leaving.push(engine)
      else append(this.#remaining, engine.engineKey, engine.remainingMs ?? state.policy.unknownRunMs)
    }
    // The one used last is taken first, so that the others grow old and can go.
    for (const engines of this.#idle.values()) engines.sort(byIdleSince)
    for (const { engineKey, workMs } of state.classes) {
      this.#work.set(engineKey, (this.#work.get(engineKey) ?? 0) + workMs)
    }
  }

  /** @param space less what the job needs for itself, of which @param all has that, too */
  choose(group: QueueClass, job: QueuedJob, space: Space, all: Space): EngineChoice {
    const engine = this.#idle.get(group.engineKey)?.at(-1)
    if (engine) return { kind: 'idle', engine }
    if (!this.#worthLoading(group, job)) return { kind: 'wait' }
    const isFirst = precedesRequest(this.#state, job)
    const wanted = { need: { memoryBytes: group.load.memoryBytes }, isFirst }
    if (this.#count < this.#state.policy.maxEngines) {
      const memory = space.find(wanted)
      if (memory) return { kind: 'load', memory }
    }
    const inUse = [...this.#remaining.values()].reduce((sum, engines) => sum + engines.length, 0)
    if (inUse >= this.#state.policy.maxEngines) return { kind: 'full' }
    const couldEverFit = this.#withoutIdle(all).find(wanted) !== null
    return { kind: 'room', emptied: couldEverFit ? this.#emptied(job, wanted, space) : null }
  }

  /**
   * What is to be unloaded so that a job fits for whose own need there is no room, and all that it takes then. Null where that
   * would not be enough; `wait`: it would only wait for an engine in use.
   * @param wanted what the job needs besides its engine
   */
  emptiedFor(group: QueueClass, job: QueuedJob, wanted: Wanted, space: Space): Emptied | 'wait' | null {
    const { engineKey, load } = group
    const own = this.#idle.get(engineKey)?.at(-1)
    const most = this.#withoutIdle(space)
    if (most.find(wanted) === null) return null
    if (!own && !this.#worthLoading(group, job)) return 'wait'
    const beside = own && this.#emptied(job, wanted, space, { stays: own })
    if (beside) return { ...beside, share: [...beside.share, ...own.memory] }
    const whole = { ...wanted, need: addVectors(wanted.need, { memoryBytes: load.memoryBytes }) }
    // Its own, where it is larger than a new one would be, may itself be in the way.
    return most.find(whole) === null ? null : this.#emptied(job, whole, space, { first: own })
  }

  /**
   * What a job of a class takes for its engine: one that is idle stays, unless a new one would be smaller.
   * @param isComing room is made for the job, in which that has been decided
   */
  memoryOf({ engineKey, load }: QueueClass, isComing: boolean): number {
    const own = this.#idle.get(engineKey)?.at(-1)
    if (!own) return load.memoryBytes
    const held = heldBy(own)
    return isComing ? held : Math.min(held, load.memoryBytes)
  }

  /** When one that waits for an engine in use has waited so long that another is loaded for it. */
  awaitedUntil({ key, engineKey, load }: QueueClass): number {
    const { now, policy, waitingSince } = this.#state
    const inUse = this.#remaining.get(engineKey)?.length ?? 0
    return (waitingSince.get(key) ?? now) + policy.endurance * load.estimateMs * inUse + 1
  }

  /** The first in use that is expected to be idle again, and when; null where nobody knows. */
  nextIdle(engineKey: string): { ref: string | null; at: number } | null {
    const known = this.#inUseUntil.get(engineKey) ?? []
    return known.reduce<(typeof known)[number] | null>(
      (next, one) => (next && next.at <= one.at ? next : one),
      null,
    )
  }

  /** Whether the job would wait for an engine in use even if it had room. */
  awaits(group: QueueClass, job: QueuedJob): boolean {
    const isIdle = (this.#idle.get(group.engineKey)?.length ?? 0) > 0
    return !isIdle && !this.#worthLoading(group, job)
  }

  /** It goes for another, or is promised; one that a job uses is none of those that are idle. */
  drop(engine: PlanEngine): void {
    const alike = this.#idle.get(engine.engineKey) ?? []
    const at = alike.indexOf(engine)
    if (at >= 0) alike.splice(at, 1)
    this.#allGone = null
  }

  /** They leave. @returns what they are to be told by */
  evict(engines: readonly PlanEngine[]): string[] {
    for (const engine of engines) {
      const alike = this.#idle.get(engine.engineKey) ?? []
      alike.splice(alike.indexOf(engine), 1)
      this.#leaving.push(engine)
    }
    return engines.map(({ ref }) => ref)
  }

  /** What there would be if all idle engines went. */
  #withoutIdle(space: Space): Space {
    if (this.#allGone === null) {
      this.#allGone = space.copy()
      for (const engine of [...this.#leaving, ...[...this.#idle.values()].flat()]) {
        const { placement, isSince } = this.#ended(engine)
        this.#allGone.end(placement, isSince)
      }
    }
    return this.#allGone
  }

  /** Notes that `job` starts, on an idle engine or on one that is loaded for it. */
  take(group: QueueClass, job: QueuedJob, loads: boolean): void {
    this.#allGone = null
    const runMs = job.runMs ?? this.#state.policy.unknownRunMs
    const engine = loads ? null : this.#idle.get(group.engineKey)?.pop()
    if (loads) this.#count++
    if (job.runMs !== null) {
      const at = this.#state.now + (loads ? group.load.estimateMs : 0) + runMs
      append(this.#inUseUntil, group.engineKey, { ref: engine?.ref ?? null, at })
    }
    append(this.#remaining, group.engineKey, runMs + (loads ? group.load.estimateMs : 0))
    this.#work.set(group.engineKey, Math.max(0, (this.#work.get(group.engineKey) ?? 0) - runMs))
  }

  /** An engine in use is awaited, unless the queue for its like is long, or has long been there, against the time another takes to load. */
  #worthLoading(group: QueueClass, job: QueuedJob): boolean {
    const remaining = this.#remaining.get(group.engineKey) ?? []
    if (remaining.length === 0) return true
    const { policy, now, waitingSince } = this.#state
    const since = waitingSince.get(group.key)
    if (since !== undefined && now - since > policy.endurance * group.load.estimateMs * remaining.length)
      return true
    const runMs = job.runMs ?? policy.unknownRunMs
    const others = Math.max(0, (this.#work.get(group.engineKey) ?? 0) - runMs)
    return Math.min(...remaining) + others / remaining.length > policy.patience * group.load.estimateMs
  }

  /** Least recently used first, those nobody waits for before the others. @param stays is none of them */
  #emptied(
    job: QueuedJob,
    wanted: Wanted,
    space: Space,
    { stays, first }: { stays?: PlanEngine; first?: PlanEngine | undefined } = {},
  ): Emptied | null {
    const released = this.#leaving.map((engine) => this.#ended(engine))
    let slots = this.#state.policy.maxEngines - this.#count + this.#leaving.length
    const candidates = [...this.#idle.values()]
      .flat()
      .filter((engine) => engine !== stays)
      .sort(
        (a, b) =>
          Number(b === first) - Number(a === first) || this.#wanted(a) - this.#wanted(b) || byIdleSince(a, b),
      )
    const engines: PlanEngine[] = []
    const place = () => (slots > 0 || stays ? space.fitsAfter(wanted, released) : null)
    let share = place()
    // Those that are leaving already may be enough.
    if (share) return { engines, share }
    if (this.#soughtFor.size >= MOST_SOUGHT && !this.#soughtFor.has(job)) return null
    this.#soughtFor.add(job)
    for (const engine of candidates) {
      if (share) break
      engines.push(engine)
      released.push(this.#ended(engine))
      slots++
      share = place()
    }
    return share && { engines, share }
  }

  #ended({ memory, lease }: PlanEngine): { placement: Placement; isSince: boolean } {
    return { placement: memory, isSince: isSince(this.#state.request, lease) }
  }

  #wanted(engine: PlanEngine): number {
    return (this.#work.get(engine.engineKey) ?? 0) > 0 ? 1 : 0
  }
}

/** Bytes of the host's memory. */
export function heldBy({ memory }: PlanEngine): number {
  return memory.reduce((sum, { amounts }) => sum + (amounts.memoryBytes ?? 0), 0)
}

function byIdleSince(a: PlanEngine, b: PlanEngine): number {
  return a.idleSinceMs - b.idleSinceMs || (a.ref < b.ref ? -1 : 1)
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
