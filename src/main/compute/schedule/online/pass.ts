import { Reservation } from './reservation'
import type { Ends, Room } from './room'

/** One turn of the scheduler, as its driver offers it: a machine with engines and quotas, or a case on a virtual clock. */
export interface Turn<Job, Need, Share, Block> {
  now: number
  /** The next in order of urgency; undefined when no more are to be looked at. */
  next(): Job | undefined
  needOf(job: Job): Need
  /** What room is kept for: what it needs, and all that it takes besides to start. */
  keepOf(job: Job, isComing: boolean): Need
  room: Room<Need, Share>
  /** What runs, by the ends that room kept for the job counts on. */
  runningFor(job: Job): Ends<Share>
  /** By when it ends, if it starts now, as one that room is kept for may count on; infinite when unknown. */
  endsBy(job: Job, keptFor: Job): number
  /**
   * Takes its share out of the room, and what it takes besides; or says why not, and whether room is to be kept for it.
   * @param heldBackBy for whom room is kept that so much would take
   */
  start(job: Job, share: Share, heldBackBy: (all: Share) => Job | undefined): Outcome<Job, Share, Block>
  /**
   * It stays: there is no room, its room is kept for another, or `start` said why.
   * @returns whether room is to be kept for one for which there is none
   */
  blocked(
    job: Job,
    why:
      | { kind: 'room'; heldBackBy(all: Share): Job | undefined }
      | { kind: 'held-back'; by: Job }
      | { kind: 'other'; block: Block },
  ): Keeping | null
}

/** How room is kept for a job that stays. */
export interface Keeping {
  /** So long room need not be kept for it. */
  from: number
  /** Others give up what it lacks: it is kept, whoever has a reservation before it. */
  isComing: boolean
}

export type Outcome<Job, Share, Block> =
  | { kind: 'started'; all: Share }
  | { kind: 'held-back'; by: Job }
  | { kind: 'stays'; block: Block; keep: Keeping | null }

/** Of those of which nobody knows when they will fit, room is kept for so many in a turn. */
const MOST_IN_DOUBT = 4

/** Room that is kept, and for whom. */
export interface Kept<Job, Need, Share> {
  job: Job
  need: Need
  reservation: Reservation<Need, Share>
}

/**
 * The scheduler: takes jobs in order of urgency and starts each that fits. Room is kept for those that do not, up to and
 * with the first of which it is known when it will fit; those behind them start only where that delays none of them
 * (backfilling).
 * @returns what was kept for whom, in their order, worked out when asked for; valid until something starts or ends
 */
export function pass<Job, Need, Share, Block>(
  turn: Turn<Job, Need, Share, Block>,
): () => readonly Kept<Job, Need, Share>[] {
  const { now, room } = turn
  const kept: Kept<Job, Need, Share>[] = []
  const untried: (Keeping & { job: Job })[] = []
  /** By what runs; made when the first that counts on it is found to fit at no time that is known. */
  const outlooks = new Map<Ends<Share>, Outlook<Need, Share>>()
  let isKnown = false
  let inDoubt = 0
  const keep = (job: Job, { from, isComing }: Keeping) => {
    if (isKnown && !isComing) return
    const need = turn.keepOf(job, isComing)
    const running = turn.runningFor(job)
    let outlook = outlooks.get(running)
    if (outlook === undefined || outlook.known.find(need) !== null) {
      const reservation = Reservation.for(need, room, running, now, from)
      if (reservation) kept.push({ job, need, reservation })
      // What others give up for one that comes is not what the first of the others waits for.
      isKnown ||= reservation !== null && !isComing
      if (reservation || isKnown) return
    }
    outlook ??= outlookOf(room, running)
    outlooks.set(running, outlook)
    if (now < from || inDoubt === MOST_IN_DOUBT || outlook.all.find(need) === null) return
    const lack = outlook.known.lackOf(need)
    // As much of the same is waited for already: it is its turn after that.
    if (kept.some(({ reservation }) => room.covers(reservation.lack, lack))) return
    inDoubt++
    kept.push({ job, need, reservation: Reservation.inDoubt(need, lack, outlook.all) })
  }
  // Only where somebody could pass: on a full machine nobody asks when it will have room.
  const keptNow = () => {
    for (const { job, ...keeping } of untried.splice(0)) keep(job, keeping)
    return kept
  }
  for (let job = turn.next(); job !== undefined; job = turn.next()) {
    const passer = job
    const heldBackBy = (all: Share) =>
      keptNow().find(({ job: first, reservation }) => !reservation.admits(turn.endsBy(passer, first), all))
        ?.job
    const share = room.find(turn.needOf(job))
    if (share === null) {
      const keeping = turn.blocked(job, { kind: 'room', heldBackBy })
      if (keeping && (!isKnown || keeping.isComing)) untried.push({ job, ...keeping })
      continue
    }
    const by = heldBackBy(share)
    const outcome: Outcome<Job, Share, Block> =
      by === undefined ? turn.start(job, share, heldBackBy) : { kind: 'held-back', by }
    switch (outcome.kind) {
      case 'started':
        for (const { job: first, reservation } of kept)
          reservation.count(turn.endsBy(job, first), outcome.all)
        break
      case 'held-back':
        turn.blocked(job, outcome)
        break
      case 'stays':
        if (outcome.keep) keep(job, outcome.keep)
        turn.blocked(job, { kind: 'other', block: outcome.block })
    }
  }
  return keptNow
}

/** The room when all has ended of which that is known, and when everything has: cheaper to ask than a reservation. */
interface Outlook<Need, Share> {
  known: Room<Need, Share>
  all: Room<Need, Share>
}

function outlookOf<Need, Share>(free: Room<Need, Share>, running: Ends<Share>): Outlook<Need, Share> {
  const known = free.copy()
  let ended = 0
  for (; ended < running.size && running.endsAt(ended) < Number.POSITIVE_INFINITY; ended++)
    known.give(running.share(ended))
  const all = known.copy()
  for (; ended < running.size; ended++) all.give(running.share(ended))
  return { known, all }
}
