import type { Placement } from '../../../shared/contract'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import {
  addVectors,
  differenceOf,
  entriesOf,
  type ResourceVector,
  vectorFrom,
} from '../../../shared/domain/resources'
import { emptyPlan } from './at-rest'
import { Engines } from './engines'
import { type Head, Heads } from './heads'
import { KnownEnds } from './known-ends'
import { type Keeping, type Outcome, pass, type Turn } from './online/pass'
import { Preemptions } from './preemption'
import { isSince, precedesRequest, urgencyIn } from './rank'
import { chargeOf, leastWeightOf, usedUpFor } from './share'
import { type Place, Space, type Wanted } from './space'
import type { Block, Plan, PlanState, QueueClass } from './types'

/**
 * Decides one turn: which jobs start where, and why the others wait. Pure: the same state gives the same plan.
 *
 * Jobs are taken in order of urgency. One that does not fit is passed over, so that smaller ones use what is free; room
 * is kept for the first of them from when it is expected to fit. The cost is that of the classes of the queue and of the
 * starts, not of the jobs; when very many classes do not fit, the rest is not looked at this turn.
 */
export function plan(state: PlanState, place: Place): Plan {
  return new PlannedTurn(state, place).decide()
}

class PlannedTurn implements Turn<Head, Wanted, Placement, Block> {
  readonly now: number
  readonly room: Space
  readonly #running: KnownEnds
  /** As those see it that go before the request that room is kept for. */
  readonly #runningBefore: KnownEnds
  readonly #state: PlanState
  readonly #engines: Engines
  /** By engine: takes what it holds out of what ends. */
  readonly #idleEnds = new Map<string, () => void>()
  readonly #quotaLeft = new Map<PrincipalId, ResourceVector>()
  /** With what was started in this turn. */
  readonly #shares: Map<PrincipalId, number>
  readonly #heads: Heads
  readonly #stuck: Head[] = []
  /** Classes that were looked at in vain. */
  #tried = 0
  #searches = 0
  /** By engine key: whose place is kept until one in use is idle. */
  readonly #awaiting = new Map<string, JobId>()
  /** Of those that are stuck, without such as were known to be stranded. */
  #counted = 0
  /** Some job stays, and not for the limits of its principal. */
  #someStay = false
  readonly #plan: Plan = emptyPlan()

  constructor(state: PlanState, place: Place) {
    this.#state = state
    this.now = state.now
    const { request = null } = state
    this.room = new Space(state.devices, place, request)
    this.#running = new KnownEnds(this.room, request)
    this.#runningBefore = request ? new KnownEnds(this.room, null) : this.#running
    const ends = new Map<JobId | null, number | null>()
    // What stops holds its place for a moment only: whom it makes room for is kept all of it from now on.
    for (const { job, endsAt: thought, placement, yields } of state.running) {
      const endsAt = yields?.isStopping ? this.now : thought
      ends.set(job, endsAt)
      this.#addRunning(endsAt, placement, isSince(request, job))
    }
    // An engine that is idle goes as soon as somebody needs its room, so its memory is held by the job that uses it.
    for (const { ref, state: uses, job, memory, lease } of state.engines) {
      const isUsed = uses === 'busy' || uses === 'loading'
      const endsAt = isUsed ? (ends.get(job) ?? null) : this.now
      this.#idleEnds.set(ref, this.#addRunning(endsAt, memory, isSince(request, lease)))
    }
    this.#engines = new Engines(state)
    this.#shares = new Map(state.shares)
    const leastWeight = leastWeightOf(state.classes, state.weights)
    const current = { ...state, shares: this.#shares, leastWeight }
    this.#heads = new Heads(state.classes, (group, job) =>
      state.promised.has(job.id) ? Number.NEGATIVE_INFINITY : urgencyIn(current, group, job),
    )
  }

  /** @returns takes it out again */
  #addRunning(endsAt: number | null, placement: Placement, isSinceRequest: boolean): () => void {
    const added = [...new Set([this.#running, this.#runningBefore])].map((running) =>
      running.add(endsAt, placement, isSinceRequest),
    )
    return () => {
      for (const remove of added) remove()
    }
  }

  decide(): Plan {
    const plan = this.#plan
    plan.kept = pass(this)().map(
      ({ job: { job, group }, need: { need }, reservation: { share, fitsAt } }) => ({
        job: job.id,
        need,
        placement: share,
        fitsAt: Number.isFinite(fitsAt) ? fitsAt : null,
        awaitsEngine: this.#awaiting.get(group.engineKey) === job.id,
      }),
    )
    plan.left = this.room.devices()
    if (this.#state.policy.order === 'urgency')
      new Preemptions(this.#state, this.room, this.#engines, plan).decide(this.#stuck)
    if (this.#stuck.every(({ group }) => plan.stranded.has(group.key))) plan.idle = this.#idle()
    return plan
  }

  #idle(): number {
    const shares = [...this.#state.running, ...this.#plan.start.map((start) => start.class)]
    return Math.max(0, 1 - shares.reduce((sum, { share }) => sum + share, 0))
  }

  next(): Head | undefined {
    const { blocked } = this.#plan
    const { maxBlocked, backfills } = this.#state.policy
    while (this.#tried < maxBlocked && (backfills || !this.#someStay)) {
      const head = this.#heads.pop()
      if (!head) return undefined
      const block = this.#overLimits(head.group) ?? this.#untried(head.group)
      if (!block) return head
      blocked.set(head.group.key, block)
      if (block.kind === 'budget' && block.usedUp.freeAt !== null) this.#lookAgain(block.usedUp.freeAt)
    }
    return undefined
  }

  needOf(head: Head): Wanted {
    const { need, place } = head.group
    const only = this.#soonOnFaster(head) !== null
    return { need, place, device: preferredBy(head), only, isFirst: precedesRequest(this.#state, head.job) }
  }

  keepOf(head: Head, isComing: boolean): Wanted {
    const wanted = this.needOf(head)
    if (this.#awaiting.get(head.group.engineKey) === head.job.id) return wanted
    const memoryBytes = this.#engines.memoryOf(head.group, isComing)
    // Without its engine it would not start; one that is loaded counts as what could go.
    return memoryBytes === 0 ? wanted : { ...wanted, need: addVectors(wanted.need, { memoryBytes }) }
  }

  /**
   * When the device is expected to be free on which a job is done so much sooner that waiting for it pays; null when none
   * is. Bound: no job waits for one longer than it gains by it.
   */
  #soonOnFaster(head: Head): number | null {
    const device = preferredBy(head)
    const { gainMs, readyAt } = head.job
    if (!device || !gainMs || this.now >= readyAt + gainMs) return null
    const freeAt = this.#freeAt(device)
    return freeAt < readyAt + gainMs ? freeAt : null
  }

  /** It need not lie on the device that it is to have. */
  #fitsElsewhere(head: Head): boolean {
    return this.room.find({ ...this.needOf(head), device: null, only: false }) !== null
  }

  /** When the first that holds part of it is expected to end; infinite when that is unknown. */
  #freeAt(device: string): number {
    const holds = ({ placement }: { placement: Placement }) =>
      placement.some((part) => part.device === device)
    let freeAt = Number.POSITIVE_INFINITY
    for (const running of this.#state.running)
      if (running.expectedAt !== null && holds(running)) freeAt = Math.min(freeAt, running.expectedAt)
    for (const start of this.#plan.start)
      if (start.job.runMs !== null && holds(start))
        freeAt = Math.min(freeAt, this.now + start.class.load.estimateMs + start.job.runMs)
    return freeAt
  }

  runningFor({ job }: Head): KnownEnds {
    return precedesRequest(this.#state, job) ? this.#runningBefore : this.#running
  }

  endsBy({ group, job }: Head): number {
    return job.mostMs === null ? Number.POSITIVE_INFINITY : this.now + group.load.estimateMs + job.mostMs
  }

  reserveFrom({ job }: Pick<Head, 'job'>): number {
    return this.#state.promised.has(job.id) ? this.now : job.readyAt + this.#state.policy.holdBackAfterMs
  }

  start(
    head: Head,
    placement: Placement,
    heldBackBy: (all: Placement) => Head | undefined,
  ): Outcome<Head, Placement, Block> {
    const { group, job } = head
    // The memory of the engine is taken beside the need, so what the need took is not offered to the engine.
    const rest = entriesOf(group.need).some(([name]) => name === 'memoryBytes') ? this.room.copy() : this.room
    if (rest !== this.room) rest.take(placement)
    const choice = this.#engines.choose(group, job, rest, this.room)
    if (choice.kind === 'wait') {
      this.#lookAgain(this.#engines.awaitedUntil(group))
      const block: Block = { kind: 'engine', engineKey: group.engineKey }
      return { kind: 'stays', block, keep: this.#untilEngineIsIdle(head) }
    }
    if (choice.kind === 'full')
      return { kind: 'stays', block: { kind: 'engines', most: this.#state.policy.maxEngines }, keep: null }
    if (choice.kind === 'room') {
      const { emptied } = choice
      const by = emptied ? heldBackBy([...placement, ...emptied.share]) : undefined
      if (by !== undefined) return { kind: 'held-back', by }
      if (emptied) this.#plan.evict.push(...this.#engines.evict(emptied.engines))
      return {
        kind: 'stays',
        block: { kind: 'room', memoryBytes: group.load.memoryBytes },
        // What is free already stays for it until the rest is.
        keep: emptied
          ? { from: this.now, isComing: true }
          : { from: this.reserveFrom(head), isComing: false },
      }
    }
    const memory = choice.kind === 'idle' ? choice.engine.memory : choice.memory
    const all = [...placement, ...memory]
    const by = memory.length > 0 ? heldBackBy(all) : undefined
    if (by !== undefined) return { kind: 'held-back', by }
    const engine = choice.kind === 'idle' ? { ref: choice.engine.ref } : { load: choice.memory }
    this.#engines.take(group, job, choice.kind === 'load')
    this.room.take(placement)
    if (choice.kind === 'load') this.room.take(choice.memory)
    const left = this.#quotaLeft.get(group.principal)
    if (left) this.#quotaLeft.set(group.principal, differenceOf(left, chargeOf(group)))
    const share = group.share / (this.#state.weights?.get(group.principal) ?? 1)
    this.#shares.set(group.principal, (this.#shares.get(group.principal) ?? 0) + share)
    this.#plan.start.push({ job, class: group, placement, engine })
    this.#addRunning(this.endsBy(head), placement, true)
    if (choice.kind === 'idle') this.#idleEnds.get(choice.engine.ref)?.()
    const isLoadedSince = choice.kind === 'load' || isSince(this.#state.request, choice.engine.lease)
    const remove = this.#addRunning(this.endsBy(head), memory, isLoadedSince)
    if (choice.kind === 'idle') this.#idleEnds.set(choice.engine.ref, remove)
    this.#heads.follow(head)
    return { kind: 'started', all }
  }

  blocked(head: Head, why: Parameters<Turn<Head, Wanted, Placement, Block>['blocked']>[1]): Keeping | null {
    const { group, job } = head
    const { blocked } = this.#plan
    const later = { from: this.reserveFrom(head), isComing: false }
    this.#someStay = true
    // That a need was refused before, or asks for more than one that was, is seen at a glance.
    if (this.room.searches > this.#searches && !this.#state.stranded?.has(group.key)) this.#tried++
    this.#searches = this.room.searches
    const device = preferredBy(head)
    const freeAt = why.kind === 'room' ? this.#soonOnFaster(head) : null
    if (freeAt !== null) this.#lookAgain(job.readyAt + (job.gainMs ?? 0))
    if (freeAt !== null && device !== null && this.#fitsElsewhere(head)) {
      blocked.set(group.key, { kind: 'faster', device, freeAt })
      return later
    }
    const coming = why.kind === 'room' ? this.#makeRoomFor(head, why.heldBackBy) : null
    if (coming === 'made') {
      blocked.set(group.key, { kind: 'resources' })
      return { from: this.now, isComing: true }
    }
    if (coming?.kind === 'held-back') {
      blocked.set(group.key, coming)
      return null
    }
    const isStuck = why.kind === 'room' || (why.kind === 'other' && this.#plan.evict.length === 0)
    const isStranded = this.#state.stranded?.has(group.key) ?? false
    if (isStuck && (isStranded || this.#counted++ < this.#state.policy.maxBlocked)) this.#stuck.push(head)
    if (coming !== null) {
      blocked.set(group.key, coming)
      return this.#untilEngineIsIdle(head)
    }
    if (why.kind === 'room') blocked.set(group.key, { kind: 'resources' })
    else if (why.kind === 'held-back') blocked.set(group.key, { kind: 'held-back', by: why.by.job.id })
    else blocked.set(group.key, why.block)
    return why.kind === 'room' ? later : null
  }

  /**
   * Unloads idle engines where that alone lets a job start that needs their memory for itself.
   * @returns why it does not start then either; null where they would not be enough
   */
  #makeRoomFor(head: Head, heldBackBy: (all: Placement) => Head | undefined): 'made' | Block | null {
    const { group, job } = head
    if (!group.need.memoryBytes || this.#state.stranded?.has(group.key)) return null
    const emptied = this.#engines.emptiedFor(group, job, this.needOf(head), this.room)
    if (emptied === 'wait') {
      this.#lookAgain(this.#engines.awaitedUntil(group))
      return { kind: 'engine', engineKey: group.engineKey }
    }
    if (emptied === null) return null
    const by = heldBackBy(emptied.share)
    if (by !== undefined) return { kind: 'held-back', by: by.job.id }
    this.#plan.evict.push(...this.#engines.evict(emptied.engines))
    return 'made'
  }

  /**
   * The place of the first that waits for an engine in use, from when that is expected to be idle; at once where others
   * made room. Where nobody knows when, nobody knows either how long others would wait with it.
   */
  #untilEngineIsIdle({ group: { engineKey }, job }: Head): Keeping | null {
    const next = this.#engines.nextIdle(engineKey)
    const isPromised = this.#state.promised.has(job.id)
    if ((!next && !isPromised) || this.#awaiting.has(engineKey)) return null
    this.#awaiting.set(engineKey, job.id)
    // It takes it: nothing of it comes free.
    if (next?.ref) this.#idleEnds.get(next.ref)?.()
    return {
      from: isPromised || !next ? this.now : Math.max(this.reserveFrom({ job }), next.at),
      isComing: true,
    }
  }

  #lookAgain(at: number): void {
    this.#plan.lookAgainAt = Math.min(this.#plan.lookAgainAt ?? at, at)
  }

  #untried({ engineKey }: QueueClass): Block | null {
    const name = this.#state.untried?.get(engineKey)
    return name === undefined ? null : { kind: 'runtime', name }
  }

  #overLimits(group: QueueClass): Block | null {
    const usedUp = usedUpFor(group.need, this.#state.quotas.get(group.principal)?.usedUp ?? [])
    if (usedUp) return { kind: 'budget', usedUp }
    const missing = this.#quotaShortage(group)
    return missing && { kind: 'quota', missing }
  }

  #quotaShortage(group: QueueClass): ResourceVector | null {
    const quota = this.#state.quotas.get(group.principal)
    if (!quota) return null
    const left = this.#quotaLeft.get(group.principal) ?? quota.left
    this.#quotaLeft.set(group.principal, left)
    const charge = entriesOf(chargeOf(group)).filter(([name]) => quota.limited.includes(name))
    if (charge.length === 0) return null
    const have = new Map(entriesOf(left))
    const missing = charge
      .map(([name, value]) => [name, value - (have.get(name) ?? 0)] as const)
      .filter(([, lack]) => lack > 1e-9)
    return missing.length > 0 ? vectorFrom(missing) : null
  }
}

/** The device that it is to have; what is to lie on several lies on no single one. */
function preferredBy({ group: { place }, job: { device } }: Head): string | null {
  return place?.devices === 'spread' ? null : (device ?? null)
}
