import type { JobId } from '../../../shared/domain/ids'
import type { Ending } from '../dispatch/conditions'
import { Dependents } from './dependents'
import { expectedToEnd, thoughtToEnd } from './ends'
import { engineWaits } from './engines'
import { Heap } from './heap'
import { LossBudget } from './loss-budget'
import { plan } from './plan'
import { QueuePace } from './queue-pace'
import { positionIn, rankUnder } from './rank'
import type { Arrival, Durations, Forwarded, ForwardStart, Scene, Terms } from './scene'
import { usedUpFor } from './share'
import type { Place } from './space'
import type { Pausing, PlanState, QueueClass, QueuedJob, RunningJob, SchedulePolicy, Start } from './types'
import { type Attempt, VirtualMachine } from './virtual-machine'

type MutableClass = QueueClass & { jobs: QueuedJob[]; workMs: number }
/** A job that stands in the queue from a time on. */
type Queueing = Pick<Arrival, 'at' | 'group' | 'job'>

const NO_TERMS: Terms = {
  deadline: null,
  keepsItems: false,
  failures: [],
  ending: 'succeeded',
  isCutShort: false,
}

/**
 * The scheduler of production on a virtual clock: from a scene on, each end and each arrival makes a turn of
 * {@link plan}; deadlines ring, and budgets are used up. The pace of the queue does not fall below what it is at first;
 * unloading an engine and stopping a job take no time.
 */
class Forward {
  readonly #starts = new Map<JobId, ForwardStart>()
  #turns = 0
  #stopped = 0
  readonly #scene: Scene
  readonly #durations: Durations
  readonly #place: Place
  readonly #machine: VirtualMachine
  readonly #policy: SchedulePolicy
  readonly #slicePart: number
  readonly #classes = new Map<string, MutableClass>()
  readonly #pausings: Map<JobId, Pausing>
  /** What is left of jobs that go on where they were, ms. */
  readonly #restMs = new Map<JobId, number>()
  readonly #promised: Map<JobId, readonly JobId[]>
  readonly #dependents = new Dependents()
  /** So many attempts of a job have failed. */
  readonly #failures = new Map<JobId, number>()
  /** Jobs that failed, until they may be tried again. */
  readonly #retries = new Heap<Queueing>((a, b) => a.at - b.at || a.job.seq - b.job.seq)
  readonly #deadlines: Heap<{ at: number; job: JobId }>
  readonly #pace: QueuePace
  readonly #losses: LossBudget
  #waitingSince: ReadonlyMap<string, number>
  #stranded: ReadonlySet<string>
  #lookAgainAt: number | null = null
  #arrived = 0
  /** Those that wait or come later, until they start for the first time; not what runs, which may be displaced and begin again. */
  readonly #unstarted: Set<JobId>
  #began = false
  #now: number

  constructor(scene: Scene, durations: Durations, place: Place, slicePart: number) {
    const { state } = scene
    this.#scene = scene
    this.#durations = durations
    this.#place = place
    this.#now = state.now
    this.#machine = new VirtualMachine(scene)
    this.#policy = state.policy
    this.#slicePart = slicePart
    this.#deadlines = new Heap((a, b) => a.at - b.at)
    for (const [job, { deadline }] of scene.terms ?? [])
      if (deadline !== null) this.#deadlines.push({ at: deadline, job })
    this.#pausings = new Map(scene.pausings)
    this.#promised = new Map(state.promised)
    this.#waitingSince = state.waitingSince
    this.#stranded = state.stranded ?? new Set()
    this.#pace = new QueuePace(state.policy, { leastMs: state.pace, waits: state.roomWaits })
    this.#losses = new LossBudget(state.policy, state.lossBudgetMs)
    for (const group of state.classes)
      this.#classes.set(group.key, { ...group, load: { ...group.load }, jobs: [...group.jobs] })
    const waiting = state.classes.flatMap(({ jobs }) => jobs)
    this.#unstarted = new Set([...waiting, ...scene.arrivals.map(({ job }) => job)].map(({ id }) => id))
    for (const runs of scene.running) {
      const { isStopping, runMs, ...known } = runs
      const endsAt = state.now + durations.remainingOf(runs)
      const expectedMs = runMs === null ? null : endsAt - runs.startedAt
      const { mostMs } = runs.job
      const loadMs = runs.loadedAt - runs.startedAt
      const attempt = { ...known, endsAt, expectedMs, mostMs: mostMs === null ? null : loadMs + mostMs }
      this.#machine.add(attempt, state.now)
      if (isStopping) this.#pause(attempt)
    }
  }

  get outcome(): Forwarded {
    const starts = [...this.#starts.values()]
    return { starts, turns: this.#turns, over: this.#dependents.over, stopped: this.#stopped }
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
        this.#machine.budgets.nextChange(this.#now),
        this.#retries.peek()?.at ?? Number.POSITIVE_INFINITY,
        this.#nextDeadline,
      )
      if (next === Number.POSITIVE_INFINITY) return false
      this.#now = Math.max(this.#now, next)
    }
    this.#began = true
    // Who is late or over its budget in the moment in which it ends is told so before it has ended.
    this.#missDeadlines()
    this.#stopOverBudget()
    for (const attempt of this.#machine.endUntil(this.#now)) this.#attemptEnded(attempt)
    this.#arrive()
    this.#retry()
    this.#lookAgainAt = null
    const { engineIdleMs } = this.#scene
    if (engineIdleMs !== undefined) this.#machine.unloadIdle(this.#now - engineIdleMs)
    // What is unloaded or stopped is gone at once, so that the turn which waited for it follows.
    while (this.#classes.size > 0 && this.#turn());
    if (this.#classes.size === 0) this.#losses.spend({ lostMs: 0, idle: this.#machine.idle })
    return true
  }

  /** Of a job that is not over. */
  get #nextDeadline(): number {
    for (let first = this.#deadlines.peek(); first; first = this.#deadlines.peek()) {
      if (!this.#dependents.isOver(first.job)) return first.at
      this.#deadlines.pop()
    }
    return Number.POSITIVE_INFINITY
  }

  #missDeadlines(): void {
    while (this.#nextDeadline <= this.#now) {
      const { job } = this.#deadlines.pop() as { job: JobId }
      const attempt = this.#machine.attemptOf(job)
      if (attempt) this.#machine.end(attempt, this.#now)
      else this.#leaveQueue(job)
      this.#stopped++
      this.#over(job, 'failed')
    }
  }

  /** A budget that is used up stops what uses it. */
  #stopOverBudget(): void {
    const { budgets } = this.#machine
    for (const principal of budgets.principals) {
      const usedUp = budgets.usedUp(principal, this.#now)
      if (usedUp.length === 0) continue
      for (const attempt of [...this.#machine.running]) {
        const { group, job } = attempt
        if (group.principal !== principal || !usedUpFor(group.need, usedUp)) continue
        this.#machine.end(attempt, this.#now)
        if (this.#termsOf(job.id).keepsItems) this.#requeue(attempt, { goesOn: true })
        else {
          this.#stopped++
          this.#over(job.id, 'failed')
        }
      }
    }
  }

  #attemptEnded(attempt: Attempt): void {
    const { id } = attempt.job
    const { failures, keepsItems, ending, isCutShort } = this.#termsOf(id)
    const before = this.#failures.get(id) ?? 0
    const failed = failures[before]
    if (!failed) {
      if (isCutShort) this.#stopped++
      this.#over(id, ending)
      return
    }
    this.#failures.set(id, before + 1)
    this.#requeue(attempt, { goesOn: keepsItems, waitMs: failed.waitMs })
    // What the next attempt takes is another's.
    this.#restMs.delete(id)
  }

  #termsOf(job: JobId): Terms {
    return this.#scene.terms?.get(job) ?? NO_TERMS
  }

  /** Of the attempt that comes next, once its engine is loaded. */
  #runOf(group: QueueClass, job: QueuedJob): number {
    const failed = this.#termsOf(job.id).failures[this.#failures.get(job.id) ?? 0]
    return this.#restMs.get(job.id) ?? failed?.runMs ?? this.#durations.runOf(group, job)
  }

  /** @returns true when others made room, so that more may start now */
  #turn(): boolean {
    this.#turns++
    const state = this.#state()
    const decided = plan(state, this.#place)
    this.#losses.spend(decided)
    this.#pace.planned(this.#now, decided)
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
    this.#waitingSince = engineWaits(this.#waitingSince, decided, this.#now)
    this.#stranded = decided.stranded
    const { lookAgainAt } = decided
    this.#lookAgainAt = lookAgainAt === null ? null : Math.max(this.#now + 1, lookAgainAt)
    return decided.evict.length + decided.preempt.length > 0
  }

  #start({ job, class: group, placement, engine }: Start): void {
    const startedAt = this.#now
    const loads = 'load' in engine
    const ref = loads ? this.#machine.load(group.engineKey, engine.load) : engine.ref
    const loadMs = loads ? group.load.estimateMs : 0
    const endsAt = startedAt + loadMs + this.#runOf(group, job)
    const before = this.#starts.get(job.id)
    this.#unstarted.delete(job.id)
    this.#starts.set(job.id, {
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
    const { id } = attempt.job
    const pausing = this.#pausings.get(id)
    if (!pausing) return
    this.#machine.end(attempt, this.#now)
    this.#pausings.set(id, { ...pausing, preemptions: pausing.preemptions + 1 })
    this.#requeue(attempt, { goesOn: pausing.pause === 'checkpoint' })
  }

  /** An attempt has ended, and not its job. @param goesOn it keeps what it has done @param waitMs before it may run again */
  #requeue(attempt: Attempt, { goesOn, waitMs = 0 }: { goesOn: boolean; waitMs?: number }): void {
    const { job, group, startedAt, loadedAt, endsAt } = attempt
    const now = this.#now
    const ranMs = Math.max(0, now - loadedAt)
    if (goesOn) this.#restMs.set(job.id, endsAt - Math.max(now, loadedAt))
    const pausing = this.#pausings.get(job.id)
    if (pausing) this.#pausings.set(job.id, { ...pausing, ranMs: pausing.ranMs + ranMs })
    const start = this.#starts.get(job.id)
    const heldMs = (start?.heldMs ?? 0) + now - startedAt
    const never = Number.POSITIVE_INFINITY
    if (start) this.#starts.set(job.id, { ...start, resumedAt: never, endsAt: never, heldMs })
    const left = (ms: number | null) => (ms === null || !goesOn ? ms : Math.max(0, ms - ranMs))
    const at = now + waitMs
    // What it has waited before counts on.
    const readyAt = at - (startedAt - job.readyAt)
    const rank = job.costMs == null ? this.#rankOf(job.priority, readyAt) : job.rank
    const next = { ...job, readyAt, rank, runMs: left(job.runMs), mostMs: left(job.mostMs) }
    if (waitMs > 0) this.#retries.push({ at, group, job: next })
    else this.#enqueue(group, next)
  }

  #rankOf(priority: number, readyAt: number): number {
    return rankUnder(this.#policy, priority, readyAt)
  }

  #state(): PlanState {
    const { state } = this.#scene
    const now = this.#now
    const sliceMs = Math.max(this.#policy.sliceMs, this.#slicePart * (now - state.now))
    const policy = { ...this.#policy, sliceMs }
    const classes = [...this.#classes.values()]
    const running: RunningJob[] = []
    const remaining = new Map<string | null, number>()
    let runningMs = 0
    for (const attempt of this.#machine.running) {
      const seen = this.#seen(attempt)
      running.push(seen)
      const remainingMs = seen.expectedAt === null ? null : Math.max(0, seen.expectedAt - now)
      if (remainingMs !== null) remaining.set(attempt.engine, remainingMs)
      runningMs += attempt.group.share * (remainingMs ?? policy.unknownRunMs)
    }
    return {
      ...state,
      policy,
      now,
      classes,
      ...this.#pace.observe(now, runningMs, classes),
      devices: this.#machine.devices,
      request: this.#machine.request,
      engines: this.#machine.engines.map((engine) => {
        const remainingMs = remaining.get(engine.ref)
        return remainingMs === undefined ? engine : { ...engine, remainingMs }
      }),
      running,
      shares: this.#machine.shares,
      recent: this.#machine.recentAt(now),
      quotas: this.#machine.quotasAt(now),
      waitingSince: this.#waitingSince,
      promised: this.#promised,
      stranded: this.#stranded,
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

  #arrive(): void {
    const { arrivals } = this.#scene
    for (let next = arrivals[this.#arrived]; next && next.at <= this.#now; next = arrivals[this.#arrived]) {
      this.#arrived++
      if (this.#dependents.isOver(next.job.id)) continue
      if (!next.after?.length) {
        this.#enqueue(next.group, next.job)
        continue
      }
      this.#dependents.add(next)
      this.#decide(next, next.job.readyAt)
    }
  }

  #retry(): void {
    for (let next = this.#retries.peek(); next && next.at <= this.#now; next = this.#retries.peek()) {
      this.#retries.pop()
      if (!this.#dependents.isOver(next.job.id)) this.#enqueue(next.group, next.job)
    }
  }

  /** What becomes of a job that waits for others, as far as these have ended. */
  #decide(arrival: Arrival, readyAt: number): void {
    const { group, job } = arrival
    // Another of those that ended with the same job may have taken it along.
    if (this.#dependents.isOver(job.id)) return
    const verdict = this.#dependents.verdictOn(arrival)
    if (verdict === 'run')
      this.#enqueue(group, { ...job, readyAt, rank: this.#rankOf(job.priority, readyAt) })
    else if (verdict !== 'wait') this.#over(job.id, verdict === 'skip' ? 'skipped' : 'failed')
  }

  /** It will run no more. */
  #over(id: JobId, ending: Ending): void {
    this.#unstarted.delete(id)
    this.#promised.delete(id)
    const start = this.#starts.get(id)
    const endsAt = this.#now
    if (start) {
      const resumedAt = Math.min(start.resumedAt, endsAt)
      this.#starts.set(id, { ...start, resumedAt, endsAt })
    }
    for (const arrival of this.#dependents.end(id, ending)) this.#decide(arrival, endsAt)
  }

  #enqueue(group: QueueClass, job: QueuedJob): void {
    let own = this.#classes.get(group.key)
    if (!own) {
      own = { ...group, load: { ...group.load }, jobs: [], workMs: 0 }
      this.#classes.set(group.key, own)
    }
    own.jobs.splice(positionIn(own.jobs, job), 0, job)
    own.workMs += job.runMs ?? this.#policy.unknownRunMs
  }

  #dequeue(key: string, count: number, from = 0): void {
    const group = this.#classes.get(key)
    if (!group) return
    const { unknownRunMs } = this.#policy
    for (const job of group.jobs.splice(from, count)) group.workMs -= job.runMs ?? unknownRunMs
    if (group.jobs.length === 0) this.#classes.delete(key)
  }

  #leaveQueue(id: JobId): void {
    for (const { key, jobs } of this.#classes.values()) {
      const index = jobs.findIndex((job) => job.id === id)
      if (index < 0) continue
      this.#dequeue(key, 1, index)
      return
    }
  }
}

/**
 * From the scene to where nothing more happens, or all have started once.
 * @param mostSteps it is given up after so many
 * @param slicePart a turn lasts at least this part of the time from the scene to it, so that some hundred reach for days
 */
export function runForward(
  scene: Scene,
  durations: Durations,
  place: Place,
  { untilStarted = false, mostSteps = Number.POSITIVE_INFINITY, slicePart = 0 } = {},
): Forwarded {
  const forward = new Forward(scene, durations, place, slicePart)
  for (let steps = 0; steps < mostSteps && forward.step(); steps++)
    if (untilStarted && !forward.awaitsStarts) break
  return forward.outcome
}
