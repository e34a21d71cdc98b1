import type { JobId } from '../../../shared/domain/ids'
import { expectedToEnd, thoughtToEnd } from './ends'
import { LossBudget } from './loss-budget'
import { Pace } from './online/pace'
import { plan } from './plan'
import { positionIn, rankOf, rankUnder } from './rank'
import type { Arrival, Durations, ForwardStart, Scene } from './scene'
import type { Place } from './space'
import type { Pausing, Plan, PlanState, QueueClass, QueuedJob, RunningJob, Start } from './types'
import { type Attempt, VirtualMachine } from './virtual-machine'

type MutableClass = QueueClass & { jobs: QueuedJob[]; workMs: number }

/**
 * The scheduler of production on a virtual clock: from a scene on, each end and each arrival makes a turn of
 * {@link plan}. The pace of the queue does not fall below what it is at first; unloading an engine and stopping a job
 * take no time.
 */
class Forward {
  readonly starts = new Map<JobId, ForwardStart>()
  turns = 0
  readonly #scene: Scene
  readonly #durations: Durations
  readonly #place: Place
  readonly #machine: VirtualMachine
  readonly #classes = new Map<string, MutableClass>()
  readonly #pausings: Map<JobId, Pausing>
  /** What is left of jobs that go on where they were, ms. */
  readonly #restMs = new Map<JobId, number>()
  readonly #promised: Map<JobId, readonly JobId[]>
  readonly #hasEnded = new Set<JobId>()
  /** By a job that has not ended: those that have come and wait for it. */
  readonly #dependents = new Map<JobId, { arrival: Arrival; awaited: Set<JobId> }[]>()
  readonly #pace: Pace
  readonly #losses: LossBudget
  #waitingSince: ReadonlyMap<string, number>
  #lookAgainAt: number | null = null
  #arrived = 0
  /** Those that wait or come later, until they start for the first time; not what runs, which may be displaced and begin again. */
  readonly #unstarted: Set<JobId>
  #began = false
  #now: number

  constructor(scene: Scene, durations: Durations, place: Place) {
    const { state } = scene
    this.#scene = scene
    this.#durations = durations
    this.#place = place
    this.#now = state.now
    this.#machine = new VirtualMachine(state)
    this.#pausings = new Map(scene.pausings)
    this.#promised = new Map(state.promised)
    this.#waitingSince = state.waitingSince
    this.#pace = new Pace(state.pace)
    this.#losses = new LossBudget(state.policy, state.lossBudgetMs)
    for (const group of state.classes)
      this.#classes.set(group.key, { ...group, load: { ...group.load }, jobs: [...group.jobs] })
    const waiting = state.classes.flatMap(({ jobs }) => jobs)
    this.#unstarted = new Set([...waiting, ...scene.arrivals.map(({ job }) => job)].map(({ id }) => id))
    for (const runs of scene.running) {
      const { isStopping, runMs: _, ...known } = runs
      const endsAt = state.now + durations.remainingOf(runs)
      const expectedMs = Number.isFinite(endsAt) ? endsAt - runs.startedAt : null
      const attempt = { ...known, endsAt, expectedMs, mostMs: runs.job.mostMs }
      this.#machine.add(attempt)
      if (isStopping) this.#pause(attempt)
    }
  }

  /** Some have not had their turn yet. */
  get awaitsStarts(): boolean {
    return this.#unstarted.size > 0
  }

  /** Goes on to the next instant at which something happens. @returns false when nothing more will */
  step(): boolean {
    const { arrivals } = this.#scene
    if (this.#began) {
      const next = Math.min(
        this.#machine.nextEnd,
        arrivals[this.#arrived]?.at ?? Number.POSITIVE_INFINITY,
        this.#lookAgainAt ?? Number.POSITIVE_INFINITY,
      )
      if (next === Number.POSITIVE_INFINITY) return false
      this.#now = Math.max(this.#now, next)
    }
    this.#began = true
    for (const id of this.#machine.endUntil(this.#now)) this.#ended(id)
    this.#arrive()
    this.#lookAgainAt = null
    const { engineIdleMs } = this.#scene
    if (engineIdleMs !== undefined) this.#machine.unloadIdle(this.#now - engineIdleMs)
    // What is unloaded or stopped is gone at once, so that the turn which waited for it follows.
    while (this.#classes.size > 0 && this.#turn());
    if (this.#classes.size === 0) this.#losses.spend({ lostMs: 0, idle: this.#machine.idle })
    return this.#classes.size > 0 || this.#unstarted.size > 0
  }

  /** @returns true when others made room, so that more may start now */
  #turn(): boolean {
    this.turns++
    const decided = plan(this.#state(), this.#place)
    this.#losses.spend(decided)
    const started = new Map<string, number>()
    for (const start of decided.start) {
      const { key } = start.class
      started.set(key, (started.get(key) ?? 0) + 1)
      this.#start(start)
    }
    // Within a class the plan starts from the front.
    for (const [key, count] of started) this.#dequeue(key, count)
    for (const ref of decided.evict) this.#machine.unload(ref)
    for (const { job, for: by } of decided.preempt) {
      const attempt = this.#machine.attemptOf(job)
      if (!attempt) continue
      this.#pause(attempt)
      this.#promised.set(by, [...(this.#promised.get(by) ?? []), job])
    }
    this.#noteWaiting(decided)
    const { lookAgainAt } = decided
    this.#lookAgainAt = lookAgainAt === null ? null : Math.max(this.#now + 1, lookAgainAt)
    return decided.evict.length + decided.preempt.length > 0
  }

  #start({ job, class: group, placement, engine }: Start): void {
    const startedAt = this.#now
    const loads = 'load' in engine
    const ref = loads ? this.#machine.load(group.engineKey, engine.load) : engine.ref
    const loadMs = loads ? group.load.estimateMs : 0
    const endsAt = startedAt + loadMs + (this.#restMs.get(job.id) ?? this.#durations.runOf(group, job))
    const before = this.starts.get(job.id)
    this.#unstarted.delete(job.id)
    this.starts.set(job.id, {
      job: job.id,
      readyAt: before?.readyAt ?? job.readyAt,
      at: before?.at ?? startedAt,
      resumedAt: startedAt,
      endsAt,
      heldMs: before?.heldMs ?? 0,
      placement,
    })
    this.#promised.delete(job.id)
    this.#machine.start({
      group,
      job,
      placement,
      engine: ref,
      startedAt,
      loadedAt: startedAt + loadMs,
      endsAt,
      expectedMs: job.runMs === null ? null : loadMs + job.runMs,
      mostMs: job.mostMs === null ? null : loadMs + job.mostMs,
    })
  }

  /** It makes room and queues again: from where it was, or from the beginning. */
  #pause(attempt: Attempt): void {
    const { job, group, startedAt, loadedAt, endsAt } = attempt
    const pausing = this.#pausings.get(job.id)
    if (!pausing) return
    const now = this.#now
    this.#machine.end(attempt, now)
    const ranMs = Math.max(0, now - loadedAt)
    const goesOn = pausing.pause === 'checkpoint'
    if (goesOn) this.#restMs.set(job.id, endsAt - Math.max(now, loadedAt))
    this.#pausings.set(job.id, {
      ...pausing,
      ranMs: pausing.ranMs + ranMs,
      preemptions: pausing.preemptions + 1,
    })
    const start = this.starts.get(job.id)
    const heldMs = (start?.heldMs ?? 0) + now - startedAt
    if (start) this.starts.set(job.id, { ...start, endsAt: Number.POSITIVE_INFINITY, heldMs })
    const left = (ms: number | null) => (ms === null || !goesOn ? ms : Math.max(0, ms - ranMs))
    // What it has waited before counts on.
    const readyAt = now - (startedAt - job.readyAt)
    const rank = job.costMs == null ? rankOf(job.priority, readyAt) : job.rank
    this.#enqueue(group, { ...job, readyAt, rank, runMs: left(job.runMs), mostMs: left(job.mostMs) })
  }

  #state(): PlanState {
    const { state } = this.#scene
    const { policy } = state
    const now = this.#now
    const classes = [...this.#classes.values()]
    const running: RunningJob[] = []
    const remaining = new Map<string | null, number>()
    let backlogMs = 0
    for (const attempt of this.#machine.running) {
      const seen = this.#seen(attempt)
      running.push(seen)
      const remainingMs = seen.expectedAt === null ? null : Math.max(0, seen.expectedAt - now)
      if (remainingMs !== null) remaining.set(attempt.engine, remainingMs)
      backlogMs += attempt.group.share * (remainingMs ?? policy.unknownRunMs)
    }
    for (const { workMs, share } of classes) backlogMs += workMs * Math.max(share, 1 / policy.maxEngines)
    const oldest = Math.min(now, ...classes.map(({ jobs }) => jobs[0]?.readyAt ?? now))
    return {
      ...state,
      now,
      classes,
      pace: this.#pace.observe(now, backlogMs, now - oldest),
      devices: this.#machine.devices,
      engines: this.#machine.engines.map((engine) => {
        const remainingMs = remaining.get(engine.ref)
        return remainingMs === undefined ? engine : { ...engine, remainingMs }
      }),
      running,
      shares: this.#machine.shares,
      quotas: this.#machine.quotas,
      waitingSince: this.#waitingSince,
      promised: this.#promised,
      lossBudgetMs: this.#losses.observe(now),
    }
  }

  /** A running job as the scheduler sees it. What starts at an instant gives way in none of the turns of that instant. */
  #seen({ job, group, placement, startedAt, loadedAt, expectedMs, mostMs }: Attempt): RunningJob {
    const now = this.#now
    const expectedAt = expectedToEnd(startedAt, expectedMs, mostMs, now)
    const pausing = startedAt < now ? this.#pausings.get(job.id) : undefined
    return {
      job: job.id,
      placement,
      share: group.share,
      endsAt: thoughtToEnd(startedAt, mostMs, now),
      expectedAt,
      yields: pausing
        ? {
            ...pausing,
            job: job.id,
            pause: now < loadedAt ? 'restart' : pausing.pause,
            priority: job.priority,
            waitedMs: startedAt - job.readyAt,
            ranMs: pausing.ranMs + (now - startedAt),
            startedAt,
            remainingMs: expectedAt === null ? null : expectedAt - now,
            pipeline: job.pipeline ?? null,
            isStopping: false,
          }
        : null,
    }
  }

  #noteWaiting({ blocked }: Plan): void {
    const since = new Map<string, number>()
    for (const block of blocked.values())
      if (block.kind === 'engine')
        since.set(block.engineKey, this.#waitingSince.get(block.engineKey) ?? this.#now)
    this.#waitingSince = since
  }

  #arrive(): void {
    const { arrivals } = this.#scene
    for (let next = arrivals[this.#arrived]; next && next.at <= this.#now; next = arrivals[this.#arrived]) {
      this.#arrived++
      const awaited = new Set(next.after?.filter((id) => !this.#hasEnded.has(id)))
      if (awaited.size === 0) this.#enqueue(next.group, next.job)
      for (const id of awaited)
        this.#dependents.set(id, [...(this.#dependents.get(id) ?? []), { arrival: next, awaited }])
    }
  }

  #ended(id: JobId): void {
    this.#hasEnded.add(id)
    for (const { arrival, awaited } of this.#dependents.get(id) ?? []) {
      awaited.delete(id)
      if (awaited.size > 0) continue
      const { group, job } = arrival
      const readyAt = this.#now
      const rank = rankUnder(this.#scene.state.policy, job.priority, readyAt)
      this.#enqueue(group, { ...job, readyAt, rank })
    }
    this.#dependents.delete(id)
  }

  #enqueue(group: QueueClass, job: QueuedJob): void {
    let own = this.#classes.get(group.key)
    if (!own) {
      own = { ...group, load: { ...group.load }, jobs: [], workMs: 0 }
      this.#classes.set(group.key, own)
    }
    own.jobs.splice(positionIn(own.jobs, job), 0, job)
    own.workMs += job.runMs ?? this.#scene.state.policy.unknownRunMs
  }

  #dequeue(key: string, count: number): void {
    const group = this.#classes.get(key)
    if (!group) return
    const { unknownRunMs } = this.#scene.state.policy
    for (const job of group.jobs.splice(0, count)) group.workMs -= job.runMs ?? unknownRunMs
    if (group.jobs.length === 0) this.#classes.delete(key)
  }
}

/** From the scene to where nothing more waits, or all have started once. @param mostSteps it is given up after so many */
export function runForward(
  scene: Scene,
  durations: Durations,
  place: Place,
  { untilStarted = false, mostSteps = Number.POSITIVE_INFINITY } = {},
): { starts: ForwardStart[]; turns: number } {
  const forward = new Forward(scene, durations, place)
  for (let steps = 0; steps < mostSteps && forward.step(); steps++)
    if (untilStarted && !forward.awaitsStarts) break
  return { starts: [...forward.starts.values()], turns: forward.turns }
}
