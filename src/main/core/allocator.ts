import type { Lease, Placement } from '../../shared/contract'
import { TIMED_RESOURCES } from '../../shared/domain/budget'
import type { LeaseId } from '../../shared/domain/ids'
import type { PlaceHints } from '../../shared/domain/place-hints'
import { AppError } from '../../shared/errors'
import { Alarm } from '../platform/alarm'
import { type Clock, toIso } from '../platform/clock'
import type { Database } from '../platform/database'
import { type Disposable, Emitter } from '../platform/events'
import type { Logger } from '../platform/logger'
import { checkPlacement } from './check-placement'
import type { Claim } from './claim'
import { NO_HINTS } from './hints'
import type { AllocateOptions, LeaseUse } from './index'
import { createLeaseStore, type LeaseStore } from './lease-store'
import { type HeldLease, type Ledger, partsOf } from './ledger'
import { placeQuanta, type Shares, type Space, toPlacement } from './place'
import { addQuanta, divideQuanta, type Quanta, toVector } from './quanta'
import type { Quotas } from './quotas'
import { impossible, unavailable } from './refusal'
import { rankOf } from './waiting'

/** How long to wait before a write that failed (a full disk, say) is tried again. */
const RETRY_MS = 1000

/** Who asks at this moment and must not be passed over; answered by the queue of requests. */
export interface Precedence {
  /** Takes what waiting requests of a higher rank are about to get out of `spaces`. */
  yieldTo(rank: number, spaces: readonly Space[]): void
}

/**
 * Grants and ends leases. Memory and database change in one transaction; a rollback undoes both, and listeners hear
 * of what is true after it.
 */
export class Allocator implements Disposable {
  readonly #ledger: Ledger
  readonly #store: LeaseStore
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #quotas: Quotas
  readonly #touched = new Set<string>()
  readonly #changes: Emitter<{ changed: Lease[]; removed: string[] }>
  #freed: () => void = () => undefined
  #precedence: Precedence = { yieldTo: () => undefined }
  readonly #expiry: Alarm

  constructor(deps: {
    ledger: Ledger
    quotas: Quotas
    database: Database
    clock: Clock
    logger: Logger
  }) {
    this.#ledger = deps.ledger
    this.#quotas = deps.quotas
    this.#database = deps.database
    this.#clock = deps.clock
    this.#expiry = new Alarm(deps.clock, () => this.#expireDue())
    this.#logger = deps.logger
    this.#store = createLeaseStore(deps.database)
    this.#changes = new Emitter((error) =>
      deps.logger.error({ err: error }, 'A listener of lease changes failed.'),
    )
  }

  get onDidChange() {
    return this.#changes.event
  }

  /** @param freed called when something may have become free */
  connect(precedence: Precedence, freed: () => void): void {
    this.#precedence = precedence
    this.#freed = freed
  }

  /** Ends what a dead process held; what has a time to live and no job stays until it expires. */
  start(): void {
    const now = this.#clock.now()
    this.#database.transaction(() => {
      for (const held of this.#store.inForce()) {
        const { id, job } = held.lease
        if (held.expiresAtMs === null || job !== null) this.#store.end(id, 'released', now)
        else if (held.expiresAtMs <= now) this.#store.end(id, 'expired', now)
        else this.#database.onRollback(this.#add(this.#inOurTime(held, held.expiresAtMs, now)))
      }
      this.#store.prune(now)
    })
    this.#arm()
  }

  /** The clock may have been set back while nothing ran: a lease has at most the time that it was given, from now on. */
  #inOurTime(held: HeldLease, expiresAtMs: number, now: number): HeldLease {
    const latestMs = now + expiresAtMs - Date.parse(held.lease.createdAt)
    if (expiresAtMs <= latestMs) return held
    this.#store.setExpiry(held.lease.id, latestMs)
    return { ...held, expiresAtMs: latestMs, lease: { ...held.lease, expiresAt: toIso(latestMs) } }
  }

  dispose(): void {
    this.#expiry.cancel()
  }

  assertPossible(need: Quanta, hints: PlaceHints = NO_HINTS, whateverHealth = false): void {
    const spaces = this.#ledger.emptySpaces(whateverHealth ? 'all' : 'unanswered')
    const placed = placeQuanta(need, spaces, hints)
    if ('missing' in placed) throw impossible(placed.missing, hints)
  }

  /** @throws what `Core.allocate` throws */
  allocate(need: Quanta, options: AllocateOptions, placement?: Placement): Lease {
    const hints = options.place ?? NO_HINTS
    this.assertPossible(need, hints)
    const over = this.quotaRefusal(need, options.holder)
    if (over) throw over.error
    const rank = rankOf(options.priority, options.since ?? this.#clock.now())
    const claims = this.#ledger.claimsBefore(rank).filter(({ isPlanned }) => !(isPlanned && placement))
    const spaces = this.#ledger.spaces(claims)
    this.#precedence.yieldTo(rank, spaces)
    const placed = placement
      ? checkPlacement(placement, need, spaces, hints)
      : placeQuanta(need, spaces, hints)
    if ('missing' in placed) throw this.refusal(need, placed.missing, hints, claims)
    return this.grant(need, placed.shares, options)
  }

  /** Where it would lie at this moment; null when it does not fit, or its holder may not hold more. */
  find(need: Quanta, { holder, place }: AllocateOptions, beside: readonly Claim[]): Shares | null {
    if (this.quotaRefusal(need, holder)) return null
    const placed = placeQuanta(need, this.#ledger.spaces(beside), place ?? NO_HINTS)
    return 'shares' in placed ? placed.shares : null
  }

  /** Writes and takes what {@link find} found. */
  grant(need: Quanta, shares: Shares, options: AllocateOptions): Lease {
    const now = this.#clock.now()
    if (options.ttlMs !== null && !(options.ttlMs > 0 && Number.isFinite(options.ttlMs))) {
      throw new AppError('system.invalid', 'A lease must live longer than 0 ms.', { field: 'ttlMs' })
    }
    const expiresAtMs = options.ttlMs === null ? null : now + options.ttlMs
    const lease: Lease = {
      id: this.#clock.newId<LeaseId>('lease'),
      state: 'granted',
      need: toVector(need),
      placement: toPlacement(shares),
      holder: options.holder,
      job: options.job ?? null,
      purpose: options.purpose,
      priority: options.priority,
      createdAt: toIso(now),
      expiresAt: expiresAtMs === null ? null : toIso(expiresAtMs),
    }
    const held: HeldLease = { lease, shares, need, expiresAtMs }
    if (isStored(held)) {
      this.#database.transaction(() => {
        this.#store.insert(held, now)
        this.#apply(lease.id, this.#add(held))
      })
    } else this.#apply(lease.id, this.#add(held))
    if (expiresAtMs !== null) this.#expiry.set(expiresAtMs)
    return lease
  }

  renew(id: string, ttlMs: number): Lease {
    const held = this.#ledger.lease(id)
    if (!held) {
      throw new AppError('core.not_found', `There is no lease ${id} in force. Request the resources again.`, {
        lease: id,
      })
    }
    if (held.expiresAtMs === null) {
      throw new AppError(
        'system.invalid',
        'This lease has no end to move: it is held until it is released.',
        { lease: id },
      )
    }
    if (!(ttlMs > 0 && Number.isFinite(ttlMs))) {
      throw new AppError('system.invalid', 'A lease must live longer than 0 ms.', { field: 'ttlMs' })
    }
    const { budgets } = this.#quotas
    for (const { resource } of budgets.timeUsedUp(held.lease.holder))
      if (held.need.has(TIMED_RESOURCES[resource])) throw this.#quotas.stopped(held.lease.holder, resource)
    const expiresAtMs = this.#clock.now() + ttlMs
    const lease = { ...held.lease, expiresAt: toIso(expiresAtMs) }
    this.#database.transaction(() => {
      this.#store.setExpiry(id, expiresAtMs)
      this.#apply(id, this.#ledger.replace({ ...held, lease, expiresAtMs }))
    })
    this.#expiry.set(expiresAtMs)
    return lease
  }

  release(id: string): void {
    const held = this.#ledger.lease(id)
    if (held) {
      if (isStored(held)) this.#database.transaction(() => this.#end(held, 'released'))
      else this.#end(held, 'released')
      this.#freed()
    } else if (!this.#store.find(id)) {
      throw new AppError('core.not_found', `There is no lease ${id}.`, { lease: id })
    }
  }

  /**
   * Counts it in equal parts for these, once for each time that one is named. Memory only.
   * @param use what it is held for from now on, if that changes
   */
  share(id: string, among: readonly string[], use?: LeaseUse): void {
    const held = this.#ledger.lease(id)
    if (!held) throw new AppError('core.not_found', `There is no lease ${id} in force.`, { lease: id })
    const isWhole = among.every((principal) => principal === held.lease.holder)
    if (isWhole && !held.parts && !use) return
    const parts = new Map<string, Quanta>()
    const pieces = divideQuanta(held.need, among.length)
    for (const [i, principal] of among.entries()) {
      const part = parts.get(principal) ?? new Map()
      addQuanta(part, pieces[i] ?? new Map())
      parts.set(principal, part)
    }
    const shared = { ...held, lease: { ...held.lease, ...use }, parts }
    const undo = this.#counted([held, shared], () => this.#ledger.replace(shared))
    if (use) this.#apply(id, undo)
    else this.#database.onRollback(undo)
  }

  get(id: string): Lease {
    const lease = this.#ledger.lease(id)?.lease ?? this.#store.find(id)
    if (!lease) throw new AppError('core.not_found', `There is no lease ${id}.`, { lease: id })
    return lease
  }

  /** In force, oldest first. */
  list(): Lease[] {
    return [...this.#ledger.leases()]
      .map(({ lease }) => lease)
      .sort((a, b) => compare(a.createdAt, b.createdAt) || compare(a.id, b.id))
  }

  quotaRefusal(need: Quanta, principal: string): { error: AppError; ever: boolean } | null {
    return this.#quotas.refusal(need, principal)
  }

  /** Ends what a principal holds of a resource by leases that are no job's: those end with the job. */
  endFor(principal: string, resource: string): void {
    const held = [...this.#ledger.leases()].filter(
      ({ lease, need, expiresAtMs }) =>
        lease.holder === principal && lease.job === null && expiresAtMs !== null && need.has(resource),
    )
    if (held.length === 0) return
    this.#database.transaction(() => {
      for (const one of held) this.#end(one, 'expired')
    })
    this.#freed()
  }

  /** Why it cannot be had now. @param beside what it is refused beside */
  refusal(need: Quanta, missing: Quanta, hints: PlaceHints, beside: readonly Claim[]): AppError {
    const isThere = (claims: readonly Claim[]) =>
      'shares' in placeQuanta(need, this.#ledger.spaces(claims), hints)
    const kept = isThere([]) ? (beside.find((claim) => !isThere([claim])) ?? beside[0]) : undefined
    return unavailable(missing, { need, hints, keptFor: kept }, this.#ledger, this.#clock.now())
  }

  prune(): void {
    this.#store.prune(this.#clock.now())
  }

  #end(held: HeldLease, state: 'released' | 'expired'): void {
    const { id } = held.lease
    if (isStored(held)) this.#store.end(id, state, this.#clock.now())
    const undo = this.#counted([held], () => this.#ledger.remove(id))
    if (undo) this.#apply(id, undo)
  }

  #add(held: HeldLease): () => void {
    return this.#counted([held], () => this.#ledger.add(held))
  }

  /** Use is counted up to each change of what those hold whom the leases count for. */
  #counted<Undo>(leases: readonly HeldLease[], change: () => Undo): Undo {
    const { budgets } = this.#quotas
    const principals = new Set(leases.flatMap((held) => [...partsOf(held).keys()]))
    for (const principal of principals) budgets.count(principal)
    budgets.joinCommit()
    const undo = change()
    for (const principal of principals) budgets.changed(principal)
    return undo
  }

  /** Memory has changed within the open transaction: say how to undo it, and tell the listeners afterwards. */
  #apply(id: string, undo: () => void): void {
    this.#touch(id)
    this.#database.onRollback(() => {
      undo()
      this.#touch(id)
      this.#arm()
      this.#freed()
    })
  }

  // A transaction is one turn of the event loop: a microtask comes after its commit or its rollback.
  #touch(id: string): void {
    this.#touched.add(id)
    if (this.#touched.size > 1) return
    queueMicrotask(() => {
      const changed: Lease[] = []
      const removed: string[] = []
      for (const touched of this.#touched) {
        const lease = this.#ledger.lease(touched)?.lease
        if (lease) changed.push(lease)
        else removed.push(touched)
      }
      this.#touched.clear()
      this.#changes.fire({ changed, removed })
    })
  }

  #expireDue(): void {
    const now = this.#clock.now()
    const due = [...this.#ledger.leases()].filter(
      (held) => held.expiresAtMs !== null && held.expiresAtMs <= now,
    )
    if (due.length > 0) {
      try {
        this.#database.transaction(() => {
          for (const held of due) this.#end(held, 'expired')
        })
      } catch (error) {
        this.#logger.error({ err: error }, 'Leases that expired could not be ended; trying again.')
        this.#expiry.set(now + RETRY_MS)
        return
      }
      this.#freed()
    }
    this.#arm()
  }

  #arm(): void {
    let next = Number.POSITIVE_INFINITY
    for (const { expiresAtMs } of this.#ledger.leases())
      if (expiresAtMs !== null) next = Math.min(next, expiresAtMs)
    this.#expiry.cancel()
    if (next < Number.POSITIVE_INFINITY) this.#expiry.set(next)
  }
}

/**
 * What a job holds until it ends is told by the job's row, and a job that a dead process ran holds nothing: such a lease
 * lives in memory alone, which spares every job two writes.
 */
function isStored({ lease, expiresAtMs }: HeldLease): boolean {
  return lease.job === null || expiresAtMs !== null
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
