import type { Placement } from '../../../shared/contract'
import type { JobId, LeaseId, PrincipalId } from '../../../shared/domain/ids'
import { addVectors, differenceOf, type ResourceVector } from '../../../shared/domain/resources'
import { type FreeDevice, giveBackTo, takeFrom } from '../../core'
import { Heap } from './heap'
import { isSince } from './rank'
import { type Holding, RecentUse } from './recent-use'
import type { Placed, Scene } from './scene'
import { chargeOf } from './share'
import { withoutBefore } from './space'
import type { PlanEngine, PlanState, QueueClass, RequestRoom } from './types'
import { VirtualBudgets } from './virtual-budgets'

/** An attempt on the virtual clock; times are Unix ms. */
export interface Attempt extends Placed {
  /** Infinite when nobody knows. */
  endsAt: number
  /** What the scheduler, which does not know the end, expects from start to end, and thinks it stays within; null when it cannot know. */
  expectedMs: number | null
  mostMs: number | null
}

type Allowance = { limited: readonly string[]; left: ResourceVector }

/** What runs on a virtual clock, and what that leaves of devices, engines, quotas and budgets. */
export class VirtualMachine {
  /** By principal: dominant share held, for its weight. */
  readonly shares: Map<PrincipalId, number>
  readonly budgets: VirtualBudgets
  readonly #quotas: Map<PrincipalId, Allowance>
  readonly #weights: PlanState['weights']
  readonly #recent: RecentUse
  /** What was held before is in {@link #recent} already. */
  readonly #from: number
  readonly #devices: Map<string, FreeDevice>
  readonly #engines: Map<string, PlanEngine>
  /** Its leases of before end here, and what starts here is granted since. */
  #request: (RequestRoom & { since: Set<JobId | LeaseId> }) | null
  readonly #running = new Map<JobId, Attempt>()
  /** Those that were stopped before their end are still in it. */
  readonly #ends = new Heap<Attempt>((a, b) => a.endsAt - b.endsAt)
  #loaded = 0

  constructor({ state, budgets = new Map() }: Pick<Scene, 'state' | 'budgets'>) {
    const { now, devices, engines, shares, recent, quotas, weights, request } = state
    this.#request = request ? { ...request, since: new Set(request.since) } : null
    this.#devices = new Map(devices.map((device) => [device.id, { ...device }]))
    this.#engines = new Map(engines.map((engine) => [engine.ref, { ...engine }]))
    // In a moment they are gone.
    for (const { ref, state } of engines) if (state === 'leaving') this.unload(ref)
    this.shares = new Map(shares)
    this.#recent = new RecentUse(recent, now)
    this.#from = now
    this.budgets = new VirtualBudgets(budgets, now)
    this.#quotas = new Map([...quotas].map(([id, quota]) => [id, { ...quota }]))
    for (const id of this.budgets.principals)
      if (!this.#quotas.has(id)) this.#quotas.set(id, { limited: [], left: {} })
    this.#weights = weights
  }

  get devices(): FreeDevice[] {
    return [...this.#devices.values()]
  }

  get engines(): PlanEngine[] {
    return [...this.#engines.values()]
  }

  get request(): RequestRoom | null {
    return this.#request
  }

  get running(): IterableIterator<Attempt> {
    return this.#running.values()
  }

  /** By principal: what it had of the machine lately, for its weight. */
  recentAt(now: number): Map<PrincipalId, number> {
    const held = [...this.#running.values()].map((attempt) => this.#holding(attempt))
    return this.#recent.at(now, held)
  }

  /** What principals with a quota or a budget may still take. */
  quotasAt(now: number): PlanState['quotas'] {
    return new Map(
      [...this.#quotas].map(([id, quota]) => [id, { ...quota, usedUp: this.budgets.usedUp(id, now) }]),
    )
  }

  /** Infinite when nothing that runs is known to end. */
  get nextEnd(): number {
    for (let first = this.#ends.peek(); first; first = this.#ends.peek()) {
      if (this.#running.get(first.job.id) === first) return first.endsAt
      this.#ends.pop()
    }
    return Number.POSITIVE_INFINITY
  }

  /** The part of the machine, 0 to 1, that nobody uses. */
  get idle(): number {
    let idle = 1
    for (const { group } of this.#running.values()) idle -= group.share
    return Math.max(0, idle)
  }

  attemptOf(job: JobId): Attempt | undefined {
    return this.#running.get(job)
  }

  /** What it takes is taken already, as by all that runs when the clock is set going. */
  add(attempt: Attempt, now: number): void {
    this.budgets.change(attempt.group, 1, now)
    this.#running.set(attempt.job.id, attempt)
    if (attempt.endsAt < Number.POSITIVE_INFINITY) this.#ends.push(attempt)
    const engine = attempt.engine === null ? undefined : this.#engines.get(attempt.engine)
    if (engine) Object.assign(engine, { state: 'busy', job: attempt.job.id })
  }

  start(attempt: Attempt): void {
    this.#take(attempt, 1)
    this.#request?.since.add(attempt.job.id)
    this.add(attempt, attempt.startedAt)
  }

  /** @returns the attempts that have ended */
  endUntil(now: number): Attempt[] {
    const ended: Attempt[] = []
    while (this.nextEnd <= now) {
      const attempt = this.#ends.pop() as Attempt
      this.end(attempt, now)
      ended.push(attempt)
    }
    return ended
  }

  /** It gives back what it took; an engine that is bound to an accelerator, or not loaded yet, goes with it. */
  end(attempt: Attempt, now: number): void {
    this.#running.delete(attempt.job.id)
    this.budgets.change(attempt.group, -1, now)
    this.#take(attempt, -1)
    this.#endBefore(attempt.placement, attempt.job.id)
    const { principal, share, since } = this.#holding(attempt)
    this.#recent.end(principal, share, now - since, now)
    const engine = attempt.engine === null ? undefined : this.#engines.get(attempt.engine)
    if (!engine) return
    if (engine.engineKey.endsWith('+accelerator') || now < attempt.loadedAt) this.unload(engine.ref)
    else Object.assign(engine, { state: 'idle', job: null, idleSinceMs: now, remainingMs: 0 })
  }

  /** @returns the engine */
  load(engineKey: string, memory: Placement): string {
    const ref = `forward-${this.#loaded++}`
    const lease = ref as LeaseId
    this.#change(memory, 1)
    this.#request?.since.add(lease)
    const unused = { state: 'loading' as const, idleSinceMs: 0, remainingMs: null, job: null }
    this.#engines.set(ref, { ...unused, ref, engineKey, memory, lease })
    return ref
  }

  /** Those that have been idle since then. */
  unloadIdle(sinceMs: number): void {
    for (const { ref, state, idleSinceMs } of this.#engines.values())
      if (state === 'idle' && idleSinceMs <= sinceMs) this.unload(ref)
  }

  unload(ref: string): void {
    const engine = this.#engines.get(ref)
    if (!engine) return
    this.#engines.delete(ref)
    this.#change(engine.memory, -1)
    this.#endBefore(engine.memory, engine.lease)
  }

  #endBefore(placement: Placement, id: JobId | LeaseId | null | undefined): void {
    const request = this.#request
    if (request && !isSince(request, id)) this.#request = withoutBefore(request, placement)
  }

  /** @param sign -1: it gives it back */
  #take({ placement, group }: Attempt, sign: 1 | -1): void {
    const { principal } = group
    this.#change(placement, sign)
    const weighted = sign * this.#weighted(group)
    this.shares.set(principal, Math.max(0, (this.shares.get(principal) ?? 0) + weighted))
    const quota = this.#quotas.get(principal)
    // Where a quota was lowered more is held than it allows: that much has to end before there is any left.
    const chargedTo = sign === 1 ? differenceOf : addVectors
    if (quota) quota.left = chargedTo(quota.left, chargeOf(group))
  }

  #holding({ group, startedAt }: Attempt): Holding {
    const { principal } = group
    return { principal, share: this.#weighted(group), since: Math.max(this.#from, startedAt) }
  }

  #weighted({ principal, share }: QueueClass): number {
    return share / (this.#weights?.get(principal) ?? 1)
  }

  /** @param sign -1: it is given back */
  #change(placement: Placement, sign: 1 | -1): void {
    for (const { device: id, amounts } of placement) {
      const device = this.#devices.get(id)
      if (!device) continue
      if (sign === 1) takeFrom(device, amounts)
      else giveBackTo(device, amounts)
    }
  }
}
