import type { Lease } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import type { Clock } from '../platform/clock'
import type { Database } from '../platform/database'
import { type Disposable, Emitter } from '../platform/events'
import type { Allocator, Precedence } from './allocator'
import { type Claim, claimOf } from './claim'
import { NO_HINTS } from './hints'
import type { MemoryLack, RequestOptions } from './index'
import type { Ledger } from './ledger'
import { occupy, placeQuanta, type Shares, type Space } from './place'
import { addQuanta, covers, fitsIn, type Quanta, takeQuanta, toQuanta, toVector } from './quanta'
import { Unavailable } from './refusal'
import { CLAIM_AFTER_MS, fairly, rankOf, type Waiting, WaitingQueue } from './waiting'

const MOST_WAITING = 1000
const MOST_WAITING_OF_ONE = 100
/** To compare with more would cost more than it spares. */
const MOST_REFUSED = 16
/** Of how many it is told what they lack. */
const MOST_LACKING = 16

type Asking = Pick<Waiting, 'need' | 'options' | 'rank'>

/** What a pass decided for a request, to be told when the transaction is on the disk. */
interface Outcome {
  waiting: Waiting
  settle(): void
}

/**
 * Requests that wait for what others hold. Each change that may free something causes one pass over the queue, in
 * the order of {@link fairly}, in one group-committed transaction; a promise resolves when its lease is on the disk.
 *
 * A smaller request may pass a larger one only so long: for the first in order that has waited {@link CLAIM_AFTER_MS}
 * room is kept. From then on others get only what lies beside that room, so that when the leases of before have ended
 * it fits, whatever came meanwhile.
 */
export class RequestQueue implements Disposable, Precedence {
  readonly #queue = new WaitingQueue()
  readonly #allocator: Allocator
  readonly #ledger: Ledger
  readonly #database: Database
  readonly #clock: Clock
  readonly #weights: ReadonlyMap<PrincipalId, number>
  readonly #lacks: Emitter<readonly MemoryLack[]>
  #sequence = 0
  #passQueued = false
  /** Those that may find room, in order; the others found none, and will not before {@link wake}. Null: nobody has looked. */
  #hopeful: readonly Waiting[] | null = null
  #claimant: { waiting: Waiting; claim: Claim } | null = null

  /** @param deps.weights of holders whose weight is not 1 */
  constructor(deps: {
    allocator: Allocator
    ledger: Ledger
    database: Database
    clock: Clock
    weights: ReadonlyMap<PrincipalId, number>
    onListenerError(error: unknown): void
  }) {
    this.#allocator = deps.allocator
    this.#ledger = deps.ledger
    this.#database = deps.database
    this.#clock = deps.clock
    this.#weights = deps.weights
    this.#lacks = new Emitter(deps.onListenerError)
  }

  /** See `Core.onDidLackMemory`. */
  get onDidLackMemory() {
    return this.#lacks.event
  }

  /** @throws (rejects) what `Core.request` does */
  async request(need: Quanta, options: RequestOptions): Promise<Lease> {
    const { signal, waitMs } = options
    signal?.throwIfAborted()
    if (need.size === 0) {
      throw new AppError('system.invalid', 'A request must ask for something: give an amount above 0.', {
        field: 'need',
      })
    }
    this.#allocator.assertPossible(need, options.place ?? NO_HINTS)
    const over = this.#allocator.quotaRefusal(need, options.holder)
    if (over?.ever) throw over.error
    if (!(waitMs > 0)) return this.#atOnce(need, options)
    this.#assertRoom(options.holder)
    return new Promise<Lease>((resolve, reject) => {
      const arrivedAt = this.#clock.now()
      const settle =
        <Value>(how: (value: Value) => void) =>
        (value: Value) => {
          stopWaiting()
          stopClaim()
          signal?.removeEventListener('abort', onAbort)
          how(value)
        }
      const waiting: Waiting = {
        need,
        options,
        arrivedAt,
        sequence: this.#sequence++,
        rank: rankOf(options.priority, arrivedAt),
        resolve: settle(resolve),
        reject: settle(reject),
      }
      const onAbort = () => this.#leave(waiting, () => signal?.reason)
      const stopWaiting = this.#clock.setTimer(waitMs, () =>
        this.#leave(waiting, () => this.#whyNot(waiting)),
      )
      const stopClaim = this.#clock.setTimer(CLAIM_AFTER_MS, () => this.wake())
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queue.add(waiting)
      this.wake()
    })
  }

  async #atOnce(need: Quanta, options: RequestOptions): Promise<Lease> {
    try {
      return await this.#database.write(() => this.#allocator.allocate(need, options))
    } catch (error) {
      if (error instanceof Unavailable) {
        const rank = rankOf(options.priority, this.#clock.now())
        const before = this.#queue.list().filter((waiting) => waiting.rank > rank)
        this.#tellWhatIsLacking([...before, { need, options, rank }])
      }
      throw error
    }
  }

  /** The room that is kept for a request. */
  get claim(): Claim | null {
    return this.#claimant?.claim ?? null
  }

  /** Something may fit now. */
  wake(): void {
    this.#hopeful = null
    if (this.#passQueued || this.#queue.size === 0) return
    this.#passQueued = true
    const outcomes: Outcome[] = []
    this.#database
      .write(() => {
        this.#passQueued = false
        // A commit that was refused may be tried again: only what the last pass decided is true.
        outcomes.length = 0
        this.#pass(outcomes)
      })
      .then(
        () => {
          for (const { settle } of outcomes) settle()
        },
        (error: unknown) => {
          this.#passQueued = false
          for (const { waiting } of outcomes) if (this.#queue.remove(waiting)) waiting.reject(error)
        },
      )
  }

  /** The room that is kept no longer means anything: it is looked for anew, before anybody gets a part of it. */
  devicesChanged(): void {
    this.#unclaim()
    this.planChanged()
  }

  /** What is kept for those who plan by themselves has changed. */
  planChanged(): void {
    this.#chooseClaimant()
    this.wake()
  }

  yieldTo(rank: number, spaces: readonly Space[]): void {
    if (!this.#passQueued) return
    // Who asks for as much as one that found no room beside those before it finds none either.
    const refused: Quanta[] = []
    this.#hopeful = (this.#hopeful ?? this.#queue.list()).filter(({ need, options, rank: theirs }) => {
      if (theirs <= rank || refused.some((less) => covers(need, less))) return true
      if (this.#allocator.quotaRefusal(need, options.holder)) return true
      const hints = options.place ?? NO_HINTS
      // What is kept for one who goes before it, it would not get.
      const beside = this.#ledger.spaces(this.#ledger.claimsBefore(theirs))
      if ('missing' in placeQuanta(need, beside, hints)) return false
      const placed = placeQuanta(need, spaces, hints)
      if ('shares' in placed) occupy(spaces, placed.shares)
      // What does not fit as it is to lie might fit otherwise.
      else if (!options.place && refused.length < MOST_REFUSED) refused.push(need)
      return true
    })
  }

  dispose(): void {
    this.#unclaim()
    for (const waiting of this.#queue.clear()) {
      waiting.reject(new AppError('system.stopping', 'LLMAgentOS is stopping; request again when it runs.'))
    }
  }

  // One holder that asks without end must not keep the others from asking.
  #assertRoom(holder: string): void {
    const own = this.#queue.list().filter(({ options }) => options.holder === holder).length
    if (this.#queue.size < MOST_WAITING && own < MOST_WAITING_OF_ONE) return
    throw new AppError(
      'core.unavailable',
      `${own} requests of ${holder} wait already. Let some of them end first.`,
      {
        missing: {},
        holders: [],
        estimateMs: null,
      },
    )
  }

  #pass(outcomes: Outcome[]): void {
    this.#chooseClaimant()
    for (const waiting of fairly(this.#queue.list(), this.#sharesNow())) {
      const { need, options } = waiting
      const shares = this.#allocator.find(need, options, this.#ledger.claimsBefore(waiting.rank))
      if (!shares) continue
      this.#queue.remove(waiting)
      this.#database.onRollback(() => this.#queue.add(waiting))
      try {
        const lease = this.#allocator.grant(need, shares, options)
        outcomes.push({ waiting, settle: () => waiting.resolve(lease) })
      } catch (error) {
        outcomes.push({ waiting, settle: () => waiting.reject(error) })
      }
      if (waiting === this.#claimant?.waiting) this.#chooseClaimant()
    }
    this.#database.afterCommit(() => this.#tellWhatIsLacking(fairly(this.#queue.list(), this.#sharesNow())))
  }

  /** @param asking in the order in which they would get it */
  #tellWhatIsLacking(asking: Iterable<Asking>): void {
    const lacks: MemoryLack[] = []
    let looked = 0
    for (const one of asking) {
      if (this.#allocator.quotaRefusal(one.need, one.options.holder)) continue
      const lack = this.#memoryLackOf(one)
      if (lack) lacks.push(lack)
      if (++looked === MOST_LACKING) break
    }
    if (lacks.length > 0) this.#lacks.fire(lacks)
  }

  /** Null for one that lacks nothing, or something else too, or that would not get the room that is made for it. */
  #memoryLackOf({ need, options, rank }: Asking): MemoryLack | null {
    const hints = options.place ?? NO_HINTS
    // Not beside what is kept for others: idle engines that go would make no room there.
    const placed = placeQuanta(need, this.#ledger.spaces([]), hints)
    if ('shares' in placed || [...placed.missing.keys()].some((name) => name !== 'memoryBytes')) return null
    const beside = this.#ledger.spacesOnceFree(this.#ledger.claimsBefore(rank))
    if ('missing' in placeQuanta(need, beside, hints)) return null
    const { memoryBytes: missingBytes = 0 } = toVector(placed.missing)
    const { memoryBytes: needBytes = 0 } = toVector(need)
    return { missingBytes, needBytes }
  }

  /** The greatest part of any resource that a holder has, for its weight. */
  #sharesNow(): (holder: string) => number {
    const capacity: Quanta = new Map()
    for (const device of this.#ledger.devices()) addQuanta(capacity, toQuanta(device.capacity))
    return (holder) => {
      let share = 0
      for (const [name, amount] of this.#ledger.heldBy(holder))
        share = Math.max(share, amount / (capacity.get(name) ?? Number.POSITIVE_INFINITY))
      return share / (this.#weights.get(holder as PrincipalId) ?? 1)
    }
  }

  #chooseClaimant(): void {
    const now = this.#clock.now()
    for (const waiting of this.#queue.list()) {
      const { arrivedAt, need, options, rank } = waiting
      if (now - arrivedAt < CLAIM_AFTER_MS || this.#allocator.quotaRefusal(need, options.holder)) continue
      // Who plans by itself and goes before has its room first; those two would else wait for each other.
      const before = this.#ledger.claimsBefore(rank).filter(({ isPlanned }) => isPlanned)
      const spaces = this.#ledger.emptySpaces()
      for (const { id, free, capacity } of spaces) {
        for (const left of [free, capacity]) takeQuanta(left, this.#ledger.foreign(id, false))
        for (const { shares } of before) takeQuanta(free, shares.get(id) ?? new Map())
      }
      if (waiting === this.#claimant?.waiting && liesIn(this.#claimant.claim.shares, spaces)) return
      const placed = placeQuanta(need, spaces, options.place ?? NO_HINTS)
      // Not even with all leases ended: programs outside hold it, or it is kept. More room kept would help nobody.
      if ('missing' in placed) continue
      this.#unclaim()
      const { purpose, holder } = options
      const claim = claimOf({ shares: placed.shares, rank, purpose, holder, isPlanned: false })
      this.#claimant = { waiting, claim }
      this.#ledger.addClaim(claim)
      return
    }
    this.#unclaim()
  }

  #unclaim(): void {
    if (this.#claimant) this.#ledger.removeClaim(this.#claimant.claim)
    this.#claimant = null
  }

  #leave(waiting: Waiting, reason: () => unknown): void {
    if (!this.#queue.remove(waiting)) return
    const why = reason()
    if (waiting === this.#claimant?.waiting) this.#chooseClaimant()
    waiting.reject(why)
    this.wake()
  }

  #whyNot({ need, options, rank }: Waiting): AppError {
    const over = this.#allocator.quotaRefusal(need, options.holder)
    if (over) return over.error
    const claims = this.#ledger.claimsBefore(rank)
    const hints = options.place ?? NO_HINTS
    const placed = placeQuanta(need, this.#ledger.spaces(claims), hints)
    return this.#allocator.refusal(need, 'missing' in placed ? placed.missing : new Map(), hints, claims)
  }
}

function liesIn(shares: Shares, spaces: readonly Space[]): boolean {
  const freeOn = (id: string) => spaces.find((space) => space.id === id)?.free ?? new Map<string, number>()
  return [...shares].every(([id, share]) => fitsIn(share, freeOn(id)))
}
