import type { Placement } from '../../../shared/contract'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { addVectors, type ResourceVector, subtractVectors } from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'
import { thoughtToEnd } from './ends'
import { Heap } from './heap'
import { Pace } from './online/pace'
import { plan } from './plan'
import { positionIn } from './rank'
import type { Place } from './space'
import type { PlanEngine, PlanState, QueueClass, QueuedJob } from './types'

/** A job that runs when the clock is set going. */
export interface RunsNow {
  placement: Placement
  /** Its engine, as {@link PlanEngine.ref}; null when it has none. */
  engine: string | null
  engineKey: string
  principal: PrincipalId
  need: ResourceVector
  share: number
  startedAt: number
  /** Expected time from start to end, with loading; null when unknown. */
  runMs: number | null
  /** The time it is thought to stay within. */
  mostMs: number | null
}

/** The present, and what is known to come. */
export interface Scene {
  state: PlanState
  running: readonly RunsNow[]
  /** In order of time. */
  arrivals: readonly { at: number; group: QueueClass; job: QueuedJob }[]
}

/** How long things take in one replay, ms; infinite when nobody knows. */
export interface Durations {
  /** Of a job that waits, once its engine is loaded. */
  runOf(group: QueueClass, job: QueuedJob): number
  /** Of a job that runs, from now. */
  remainingOf(job: RunsNow): number
}

/** A start that the scheduler made on the virtual clock. */
export interface ForwardStart {
  job: JobId
  at: number
  /** Infinite when its length is unknown. */
  endsAt: number
  placement: Placement
}

interface Running {
  endsAt: number
  /** What the scheduler, which does not know the end, thinks. */
  startedAt: number
  mostMs: number | null
  /** Null when it cannot know. */
  expectedAt: number | null
  placement: Placement
  engine: string | null
  principal: PrincipalId
  need: ResourceVector
  share: number
}

type MutableClass = QueueClass & { jobs: QueuedJob[]; workMs: number }

/**
 * The scheduler of production on a virtual clock: from a scene on, each end and each arrival makes a turn of
 * {@link plan}. The pace of the queue does not fall below what it is at first, and unloading an engine takes no time.
 */
class Forward {
  readonly starts: ForwardStart[] = []
  readonly #scene: Scene
  readonly #durations: Durations
  readonly #place: Place
  readonly #classes = new Map<string, MutableClass>()
  readonly #devices: Map<string, FreeDevice>
  readonly #engines: Map<string, PlanEngine>
  readonly #shares: Map<PrincipalId, number>
  readonly #quotas: Map<PrincipalId, { limited: readonly string[]; left: ResourceVector }>
  readonly #running: Heap<Running>
  readonly #current = new Set<Running>()
  readonly #pace: Pace
  /** By engine in use: when the scheduler expects it to be idle; null when it cannot know. */
  readonly #idleAt = new Map<string, number | null>()
  #waitingSince: ReadonlyMap<string, number>
  #arrived = 0
  #loaded = 0
  #began = false
  #now: number

  constructor(scene: Scene, durations: Durations, place: Place) {
    const { state } = scene
    this.#scene = scene
    this.#durations = durations
    this.#place = place
    this.#now = state.now
    this.#devices = new Map(state.devices.map((device) => [device.id, { ...device }]))
    this.#engines = new Map(state.engines.map((engine) => [engine.ref, { ...engine }]))
    this.#shares = new Map(state.shares)
    this.#quotas = new Map([...state.quotas].map(([id, quota]) => [id, { ...quota }]))
    this.#waitingSince = state.waitingSince
    this.#pace = new Pace(state.pace)
    this.#running = new Heap<Running>((a, b) => a.endsAt - b.endsAt)
    for (const group of state.classes)
      this.#classes.set(group.key, { ...group, load: { ...group.load }, jobs: [...group.jobs] })
    for (const job of scene.running) {
      const remainingMs = durations.remainingOf(job)
      const { placement, engine, principal, need, share, startedAt, mostMs } = job
      const endsAt = state.now + remainingMs
      const expectedAt = Number.isFinite(endsAt) ? endsAt : null
      this.#run({ endsAt, startedAt, mostMs, expectedAt, placement, engine, principal, need, share })
    }
  }

  /** Goes on to the next instant at which something happens. @returns false when nothing more will */
  step(): boolean {
    if (this.#began) {
      const { arrivals } = this.#scene
      const next = Math.min(
        this.#running.peek()?.endsAt ?? Number.POSITIVE_INFINITY,
        arrivals[this.#arrived]?.at ?? Number.POSITIVE_INFINITY,
      )
      if (next === Number.POSITIVE_INFINITY) return false
      this.#now = Math.max(this.#now, next)
    }
    this.#began = true
    this.#endWhatEnds()
    this.#arrive()
    // What is unloaded is gone at once, so that the turn which waited for it follows.
    while (this.#classes.size > 0 && this.#turn());
    const { arrivals } = this.#scene
    return this.#classes.size > 0 || this.#arrived < arrivals.length
  }

  /** @returns true when engines made room, so that more may start now */
  #turn(): boolean {
    const decided = plan(this.#state(), this.#place)
    const started = new Map<string, number>()
    for (const { job, class: group, placement, engine } of decided.start) {
      started.set(group.key, (started.get(group.key) ?? 0) + 1)
      const loads = 'load' in engine
      const ref = loads ? `forward-${this.#loaded++}` : engine.ref
      if (loads) this.#load(ref, group, engine.load)
      const loadMs = loads ? group.load.estimateMs : 0
      const endsAt = this.#now + loadMs + this.#durations.runOf(group, job)
      this.starts.push({ job: job.id, at: this.#now, endsAt, placement })
      this.#change(placement, subtractVectors)
      const { principal, need, share } = group
      this.#hold(principal, share)
      this.#spend(principal, need, subtractVectors)
      const mostMs = job.mostMs === null ? null : loadMs + job.mostMs
      const expectedAt = job.runMs === null ? null : this.#now + loadMs + job.runMs
      const startedAt = this.#now
      this.#run({
        endsAt,
        startedAt,
        mostMs,
        expectedAt,
        placement,
        engine: ref,
        principal,
        need,
        share,
      })
    }
    // Within a class the plan starts from the front.
    for (const [key, count] of started) this.#dequeue(key, count)
    for (const ref of decided.evict) this.#unload(ref)
    const since = new Map<string, number>()
    for (const block of decided.blocked.values())
      if (block.kind === 'engine')
        since.set(block.engineKey, this.#waitingSince.get(block.engineKey) ?? this.#now)
    this.#waitingSince = since
    return decided.evict.length > 0
  }

  #state(): PlanState {
    const { policy } = this.#scene.state
    const now = this.#now
    const classes = [...this.#classes.values()]
    const running = [...this.#current]
    let backlogMs = 0
    for (const { share, expectedAt } of running)
      backlogMs += share * (expectedAt === null ? policy.unknownRunMs : Math.max(0, expectedAt - now))
    for (const { workMs, share } of classes) backlogMs += workMs * Math.max(share, 1 / policy.maxEngines)
    const oldest = Math.min(now, ...classes.map(({ jobs }) => jobs[0]?.readyAt ?? now))
    return {
      ...this.#scene.state,
      now,
      classes,
      pace: this.#pace.observe(now, backlogMs, now - oldest),
      devices: [...this.#devices.values()],
      engines: [...this.#engines.values()].map((engine) => {
        const idleAt = this.#idleAt.get(engine.ref)
        return idleAt == null ? engine : { ...engine, remainingMs: Math.max(0, idleAt - now) }
      }),
      running: running.map(({ placement, startedAt, mostMs, expectedAt }) => ({
        job: null,
        placement,
        endsAt: thoughtToEnd(startedAt, mostMs, now),
        expectedAt,
        // Who is preempted by whom depends on more than a forecast knows; it counts on nobody's making room.
        yields: null,
      })),
      shares: this.#shares,
      quotas: this.#quotas,
      waitingSince: this.#waitingSince,
    }
  }

  #run(running: Running): void {
    this.#current.add(running)
    if (running.endsAt < Number.POSITIVE_INFINITY) this.#running.push(running)
    const engine = running.engine === null ? undefined : this.#engines.get(running.engine)
    if (!engine) return
    engine.state = 'busy'
    this.#idleAt.set(engine.ref, running.expectedAt)
  }

  #endWhatEnds(): void {
    for (let next = this.#running.peek(); next && next.endsAt <= this.#now; next = this.#running.peek()) {
      this.#running.pop()
      this.#current.delete(next)
      this.#change(next.placement, addVectors)
      this.#hold(next.principal, -next.share)
      this.#spend(next.principal, next.need, addVectors)
      const engine = next.engine === null ? undefined : this.#engines.get(next.engine)
      if (!engine) continue
      // An engine that is bound to an accelerator goes with the job that leased it.
      if (engine.engineKey.endsWith('+accelerator')) this.#unload(engine.ref)
      else Object.assign(engine, { state: 'idle', idleSinceMs: this.#now, remainingMs: 0 })
      this.#idleAt.delete(engine.ref)
    }
  }

  #arrive(): void {
    const { arrivals } = this.#scene
    for (let next = arrivals[this.#arrived]; next && next.at <= this.#now; next = arrivals[this.#arrived]) {
      this.#arrived++
      const { group, job } = next
      let own = this.#classes.get(group.key)
      if (!own) {
        own = { ...group, load: { ...group.load }, jobs: [], workMs: 0 }
        this.#classes.set(group.key, own)
      }
      own.jobs.splice(positionIn(own.jobs, job), 0, job)
      own.workMs += job.runMs ?? this.#scene.state.policy.unknownRunMs
    }
  }

  #dequeue(key: string, count: number): void {
    const group = this.#classes.get(key)
    if (!group) return
    const { unknownRunMs } = this.#scene.state.policy
    for (const job of group.jobs.splice(0, count)) group.workMs -= job.runMs ?? unknownRunMs
    if (group.jobs.length === 0) this.#classes.delete(key)
  }

  #load(ref: string, { engineKey }: QueueClass, memory: Placement): void {
    this.#change(memory, subtractVectors)
    const engine: PlanEngine = {
      ref,
      engineKey,
      state: 'busy',
      memory,
      idleSinceMs: this.#now,
      remainingMs: null,
      job: null,
    }
    this.#engines.set(ref, engine)
  }

  #unload(ref: string): void {
    const engine = this.#engines.get(ref)
    if (!engine) return
    this.#engines.delete(ref)
    this.#change(engine.memory, addVectors)
  }

  #change(placement: Placement, by: (a: ResourceVector, b: ResourceVector) => ResourceVector): void {
    for (const { device: id, amounts } of placement) {
      const device = this.#devices.get(id)
      if (device) device.free = by(device.free, amounts)
    }
  }

  #hold(principal: PrincipalId, share: number): void {
    const weighted = share / (this.#scene.state.weights?.get(principal) ?? 1)
    this.#shares.set(principal, Math.max(0, (this.#shares.get(principal) ?? 0) + weighted))
  }

  #spend(
    principal: PrincipalId,
    need: ResourceVector,
    by: (a: ResourceVector, b: ResourceVector) => ResourceVector,
  ): void {
    const quota = this.#quotas.get(principal)
    if (quota) quota.left = by(quota.left, need)
  }
}

/** From the scene to where nothing more happens. */
export function startsOf(scene: Scene, durations: Durations, place: Place): ForwardStart[] {
  const forward = new Forward(scene, durations, place)
  while (forward.step());
  return forward.starts
}
