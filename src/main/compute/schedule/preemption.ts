import type { JobId } from '../../../shared/domain/ids'
import { addVectors } from '../../../shared/domain/resources'
import { type Engines, heldBy } from './engines'
import type { Head } from './heads'
import { AGEING_MS_PER_POINT, isSince, precedesRequest } from './rank'
import type { Space, Wanted } from './space'
import type { Displaceable, Plan, PlanEngine, PlanState, RunningJob, SchedulePolicy } from './types'

/** So many jobs that do not fit are looked at in a turn. */
const MOST_TRIES = 8

/** What a running job gives back when it ends, and for how long it is expected to run; infinite when unknown. */
interface Held {
  /** See `Space.end`. */
  isSince: boolean
  placement: RunningJob['placement']
  share: number
  engine: PlanEngine | undefined
  endsInMs: number
}
type Candidate = Displaceable & Held

/**
 * Which running jobs make room for jobs that do not fit. Two rules, both strict orders, so that no two jobs ever displace
 * each other in turn:
 *
 * - *Priority*: {@link SchedulePolicy.preemptMargin} points more than the other has, and than all have that wait before
 *   it. What a job has waited longer than it has run counts for it as in the queue, so the more others stand in its way,
 *   the fewer can: **bound:** a job of priority p is displaced no more once it has waited `(80 - p) * 6 s` longer than it
 *   has run.
 * - *Time slice*: what can go on where it was has run for {@link SchedulePolicy.sliceMs}, and another of at least its
 *   priority, behind none that waits, has waited longer in all, and is expected to be done sooner, or both write a text
 *   with the same engine.
 *
 * What begins anew loses what it has run. That is never more than {@link PlanState.lossBudgetMs}, nor more than the other
 * waits less by it.
 *
 * A job that could not start even if all jobs ended waits for what none of them has: it stands before nobody. So does one
 * that would not have the place, as a request for a lease gets it that goes before.
 */
export class Preemptions {
  readonly #state: PlanState
  readonly #engines: Engines
  readonly #plan: Plan
  /** With what those give back that are stopping already, and without what is promised. */
  readonly #space: Space
  /** Of those that are idle then, the ones that nobody is promised. */
  readonly #idle: PlanEngine[]
  #engineSlots: number
  /** Made when it is first asked for, and before anybody is promised a place. */
  #bare: Space | null = null
  /** Whether a need finds no room there, as far as it was asked for. */
  readonly #strandedNeeds = new Map<string, boolean>()
  #candidates: Candidate[] = []
  readonly #running: Held[] = []
  /** The highest priority, with what it has waited, of the jobs before that go on waiting. */
  #ahead = Number.NEGATIVE_INFINITY

  constructor(state: PlanState, room: Space, engines: Engines, plan: Plan) {
    this.#state = state
    this.#engines = engines
    this.#plan = plan
    this.#space = room.copy()
    const taken = new Set([
      ...plan.start.map(({ engine }) => ('ref' in engine ? engine.ref : null)),
      ...plan.evict,
    ])
    this.#idle = state.engines.filter(({ state, ref }) => state === 'idle' && !taken.has(ref))
    const loading = plan.start.filter(({ engine }) => 'load' in engine).length
    this.#engineSlots = state.policy.maxEngines - state.engines.length - loading
  }

  /** Adds to the plan. @param stuck jobs that do not fit, most urgent first */
  decide(stuck: readonly Head[]): void {
    const waiting = stuck.filter((head) => !this.#isStranded(head))
    if (waiting.length === 0) return
    // What starts in this turn has its first slice before it.
    if (this.#plan.start.length > 0) this.#lookAgain(this.#state.now + this.#state.policy.sliceMs)
    if (!this.#state.running.some(({ yields }) => yields)) return
    const engines = new Map(this.#state.engines.map((engine) => [engine.job, engine]))
    const { now, running } = this.#state
    for (const { job, placement, share, endsAt, yields } of running) {
      const remainingMs = yields ? yields.remainingMs : endsAt && endsAt - now
      const endsInMs = remainingMs ?? Number.POSITIVE_INFINITY
      const began = isSince(this.#state.request, job)
      const held = { placement, share, engine: engines.get(job), endsInMs, isSince: began }
      if (yields?.isStopping) {
        this.#space.end(placement, began)
        this.#idle.push(...(held.engine ? [held.engine] : []))
      } else this.#running.push(held)
      if (yields && !yields.isStopping) this.#candidates.push({ ...yields, ...held })
    }
    let tries = 0
    for (const head of waiting) {
      const stopping = this.#stoppingFor(head.job.id)
      if (stopping.length > 0) {
        this.#promise(head, [], stopping)
        continue
      }
      const weaker = this.#candidates.filter((candidate) => this.#yieldsTo(candidate, head))
      if (weaker.length > 0 && tries < MOST_TRIES) {
        tries++
        if (this.#displaceFor(head, weaker)) continue
      }
      this.#ahead = Math.max(this.#ahead, aged(head.job.priority, now - head.job.readyAt))
    }
  }

  /** Whether it could not start even if all jobs ended. Many ask for the same. */
  #isStranded(head: Head): boolean {
    const { group } = head
    this.#bare ??= this.#withoutJobs()
    const own = this.#state.engines.filter(
      (engine) => engine.engineKey === group.engineKey && engine.state !== 'leaving',
    )
    const memoryBytes = Math.min(group.load.memoryBytes, ...own.map(heldBy))
    const need = addVectors(group.need, { memoryBytes })
    const wanted = { ...this.#wantedBy(head), need }
    const key = JSON.stringify(wanted)
    const isStranded = this.#strandedNeeds.get(key) ?? this.#bare.find(wanted) === null
    this.#strandedNeeds.set(key, isStranded)
    if (isStranded) this.#plan.stranded.add(group.key)
    return isStranded
  }

  #wantedBy({ group: { need, place }, job }: Head): Wanted {
    return { need, place, isFirst: precedesRequest(this.#state, job) }
  }

  /** Nor engines. */
  #withoutJobs(): Space {
    const { running, engines, request } = this.#state
    const { start } = this.#plan
    const space = this.#space.copy()
    for (const { job, placement } of running) space.end(placement, isSince(request, job))
    for (const { placement } of start) space.end(placement, true)
    for (const { memory, lease } of engines) space.end(memory, isSince(request, lease))
    for (const { engine } of start) if ('load' in engine) space.end(engine.load, true)
    return space
  }

  #stoppingFor(job: JobId): JobId[] {
    const promised = this.#state.promised.get(job) ?? []
    return promised.filter((id) =>
      this.#state.running.some(({ yields }) => yields?.job === id && yields.isStopping),
    )
  }

  /** @returns false when that would not help, or is not needed */
  #displaceFor(head: Head, weaker: Candidate[]): boolean {
    const { now, policy } = this.#state
    if (this.#fitsWithin(policy.preemptMs, head)) {
      this.#lookAgain(now + policy.preemptMs)
      return false
    }
    const victims = this.#fewest(head, weaker.sort(byLoss))
    const anew = victims.filter(({ pause }) => pause === 'restart')
    const counted = anew.filter((victim) => !this.#isWorthAnyLoss(victim, head))
    const lostMs = counted.reduce((sum, { share, startedAt }) => sum + share * (now - startedAt), 0)
    if (victims.length === 0) this.#noteEngine(head, weaker)
    if (victims.length === 0 || lostMs > this.#mayBeLostMs) return false
    if (this.#fitsWithin(Math.max(0, ...anew.map(({ startedAt }) => now - startedAt)), head)) return false
    this.#plan.lostMs += lostMs
    this.#plan.preempt.push(...victims.map(({ job }) => ({ job, for: head.job.id })))
    this.#promise(
      head,
      victims,
      victims.map(({ job }) => job),
    )
    return true
  }

  #promise(head: Head, victims: readonly Candidate[], jobs: readonly JobId[]): void {
    this.#candidates = this.#candidates.filter((candidate) => !victims.includes(candidate))
    for (const victim of victims) this.#space.end(victim.placement, victim.isSince)
    this.#idle.push(...victims.flatMap(({ engine }) => engine ?? []))
    const share = this.#space.find(this.#wantedBy(head))
    if (share) this.#space.take(share)
    this.#promiseEngine(head)
    this.#plan.blocked.set(head.group.key, { kind: 'preempts', jobs })
  }

  /** Whether what it lacks is an engine in use, were these to make room: that it waits for one is to count. */
  #noteEngine(head: Head, weaker: readonly Candidate[]): void {
    const { group, job } = head
    if (!this.#engines.awaits(group, job)) return
    const space = this.#space.copy()
    for (const { placement, isSince: began } of weaker) space.end(placement, began)
    if (space.find(this.#wantedBy(head)) === null) return
    this.#plan.blocked.set(group.key, { kind: 'engine', engineKey: group.engineKey })
    this.#lookAgain(this.#engines.awaitedUntil(group))
  }

  /** An idle one of its own, or the memory of a new one, for which others go. */
  #promiseEngine({ group, job }: Head): void {
    const alike = this.#idle.filter(({ engineKey }) => engineKey === group.engineKey)
    this.#engines.take(group, job, alike.length === 0)
    if (alike.length > 0) {
      // As it is taken then: the one used last.
      const own = alike.reduce((last, one) => (one.idleSinceMs > last.idleSinceMs ? one : last))
      this.#idle.splice(this.#idle.indexOf(own), 1)
      return
    }
    const wanted = {
      need: { memoryBytes: group.load.memoryBytes },
      isFirst: precedesRequest(this.#state, job),
    }
    let memory = this.#space.find(wanted)
    while (!memory || this.#engineSlots <= 0) {
      const gone = this.#idle.shift()
      if (!gone) break
      this.#engines.drop(gone)
      this.#engineSlots++
      this.#space.end(gone.memory, isSince(this.#state.request, gone.lease))
      memory = this.#space.find(wanted)
    }
    if (memory) this.#space.take(memory)
    this.#engineSlots--
  }

  #yieldsTo(candidate: Candidate, head: Head): boolean {
    const { policy, now } = this.#state
    const hasRunMs = now - candidate.startedAt
    if (candidate.pause === 'restart') {
      const mostLostMs = this.#isFirstForFarMore(candidate, head)
        ? Number.POSITIVE_INFINITY
        : policy.mostLostMs
      if (hasRunMs > mostLostMs || candidate.preemptions >= policy.mostRestarts) return false
      const isWithin = candidate.share * hasRunMs <= this.#mayBeLostMs
      if (!isWithin && !this.#isWorthAnyLoss(candidate, head)) return false
    }
    const spare = head.job.priority - policy.preemptMargin
    if (spare >= Math.max(this.#ahead, candidate.priority)) {
      // What it has waited beyond what it has run protects it, until it has run so long.
      const outweighedMs = (spare - candidate.priority) * AGEING_MS_PER_POINT
      const safeUntil = now + candidate.waitedMs - candidate.ranMs - outweighedMs
      if (safeUntil <= now) return true
      this.#lookAgain(safeUntil)
    }
    return this.#takesTurns(candidate, head)
  }

  #isFirstForFarMore({ priority, preemptions }: Candidate, { job }: Head): boolean {
    return preemptions === 0 && job.priority >= priority + this.#state.policy.anyLossMargin
  }

  /** It would keep a far more urgent one waiting for longer than all that may be lost is saved up for. */
  #isWorthAnyLoss(candidate: Candidate, head: Head): boolean {
    const isLong = (candidate.remainingMs ?? Number.POSITIVE_INFINITY) > this.#state.policy.mostLossMs
    return isLong && this.#isFirstForFarMore(candidate, head)
  }

  /** Of the whole machine, beside what this turn has lost already. */
  get #mayBeLostMs(): number {
    return this.#state.lossBudgetMs - this.#plan.lostMs
  }

  #takesTurns(candidate: Candidate, { job, group }: Head): boolean {
    const { now, policy } = this.#state
    const { pause, priority, waitedMs, remainingMs, startedAt } = candidate
    if (this.#ahead !== Number.NEGATIVE_INFINITY || pause !== 'checkpoint') return false
    // Between the jobs of a pipeline its course decides.
    if (job.pipeline && job.pipeline === candidate.pipeline) return false
    if (job.priority < priority) return false
    const isSooner = job.runMs !== null && job.runMs < (remainingMs ?? Number.POSITIVE_INFINITY)
    const writeAlike = candidate.isWriting && candidate.engine?.engineKey === group.engineKey
    if (!isSooner && !writeAlike) return false
    const sliceMs = Math.max(policy.sliceMs, policy.slicePauses * candidate.pauseMs)
    // From then on the other has waited longer.
    const dueAt = Math.max(startedAt + sliceMs, job.readyAt + waitedMs + 1)
    const isDue = now >= dueAt
    if (!isDue) this.#lookAgain(dueAt)
    return isDue
  }

  /** One that is enough alone, those first that are sorted first; else as few as come of taking them in that order. */
  #fewest(head: Head, sorted: readonly Candidate[]): Candidate[] {
    const single = sorted.find((candidate) => this.#fits(head, [candidate]))
    if (single) return [single]
    const chosen: Candidate[] = []
    for (const candidate of sorted) {
      chosen.push(candidate)
      if (!this.#fits(head, chosen)) continue
      for (const spared of [...chosen].reverse()) {
        const others = chosen.filter((victim) => victim !== spared)
        if (this.#fits(head, others)) chosen.splice(chosen.indexOf(spared), 1)
      }
      return chosen
    }
    return []
  }

  /** Whether it could start without a preemption when so much time has passed. */
  #fitsWithin(ms: number, head: Head): boolean {
    const ended = this.#running.filter(({ endsInMs }) => endsInMs <= ms)
    return ended.length > 0 && this.#fits(head, ended)
  }

  /** Whether the job could start when these have ended: room for it, and an engine or room for one. */
  #fits(head: Head, ended: readonly Held[]): boolean {
    const { group } = head
    const wanted = this.#wantedBy(head)
    const space = this.#space.copy()
    for (const one of ended) space.end(one.placement, one.isSince)
    const share = space.find(wanted)
    if (!share) return false
    const left = [...this.#idle, ...ended.flatMap(({ engine }) => engine ?? [])]
    if (left.some(({ engineKey }) => engineKey === group.engineKey)) return true
    // Nothing else that ends makes its own idle, or another worth loading.
    if (this.#engines.awaits(group, head.job)) return false
    if (this.#engineSlots + left.length <= 0) return false
    space.take(share)
    for (const { memory, lease } of left) space.end(memory, isSince(this.#state.request, lease))
    return space.find({ need: { memoryBytes: group.load.memoryBytes }, isFirst: wanted.isFirst }) !== null
  }

  #lookAgain(at: number): void {
    this.#plan.lookAgainAt = Math.min(this.#plan.lookAgainAt ?? at, at)
  }
}

function aged(priority: number, waitedMs: number): number {
  return priority + Math.max(0, waitedMs) / AGEING_MS_PER_POINT
}

/** Nothing lost before little, the least urgent first, then what would hold its place longest. */
function byLoss(a: Displaceable, b: Displaceable): number {
  const lost = (candidate: Displaceable) => (candidate.pause === 'restart' ? 1 : 0)
  const remaining = ({ remainingMs }: Displaceable) => remainingMs ?? Number.MAX_VALUE
  return (
    lost(a) - lost(b) ||
    a.priority - b.priority ||
    (lost(a) === 1 ? b.startedAt - a.startedAt : remaining(b) - remaining(a)) ||
    (a.job < b.job ? -1 : 1)
  )
}
