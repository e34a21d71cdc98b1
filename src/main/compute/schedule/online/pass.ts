import { Reservation } from './reservation'
import type { Ends, Room } from './room'

/** One turn of the scheduler, as its driver offers it: a machine with engines and quotas, or a case on a virtual clock. */
export interface Turn<Job, Need, Share, Block> {
  now: number
  /** The next in order of urgency; undefined when no more are to be looked at. */
  next(): Job | undefined
  needOf(job: Job): Need
  room: Room<Need, Share>
  /** What runs, by the ends that room kept for the job counts on. */
  runningFor(job: Job): Ends<Share>
  /** By when it ends, if it starts now, as one that room is kept for may count on; infinite when unknown. */
  endsBy(job: Job, keptFor: Job): number
  /** So long room need not be kept for it. */
  reserveFrom(job: Job): number
  /** Takes its share out of the room, or says why not; `keep` is what it needs room for besides, from a time on. */
  start(job: Job, share: Share): { block: Block; keep: { need: Need; from: number } | null } | null
  /** It stays: there is no room, its room is kept for another, or `start` said why. */
  blocked(
    job: Job,
    why: { kind: 'room' } | { kind: 'held-back'; by: Job } | { kind: 'other'; block: Block },
  ): void
}

/** So many jobs that do not fit are tried in a turn, until room can be kept for one. */
const MOST_TRIES = 4

/** Room that is kept, and for whom. */
export interface Kept<Job, Need, Share> {
  job: Job
  reservation: Reservation<Need, Share>
}

/**
 * The scheduler: takes jobs in order of urgency and starts each that fits. For the first that does not, room is kept
 * from when it is expected to fit; those behind it start only where that does not delay it (backfilling).
 * @returns what was kept for whom, worked out when asked for; valid until something starts or ends
 */
export function pass<Job, Need, Share, Block>(
  turn: Turn<Job, Need, Share, Block>,
): () => Kept<Job, Need, Share> | null {
  const { room } = turn
  let kept: Kept<Job, Need, Share> | null = null
  let tries = 0
  const untried: Job[] = []
  // Only where somebody could pass: on a full machine nobody asks when it will have room.
  const keptNow = () => {
    for (let job = untried.shift(); job !== undefined && kept === null; job = untried.shift())
      kept = keep(turn, job, turn.needOf(job), turn.reserveFrom(job))
    return kept
  }
  for (let job = turn.next(); job !== undefined; job = turn.next()) {
    const share = room.find(turn.needOf(job))
    if (share === null) {
      if (kept === null && tries++ < MOST_TRIES) untried.push(job)
      turn.blocked(job, { kind: 'room' })
      continue
    }
    const first = keptNow()
    if (first !== null && !first.reservation.admits(turn.endsBy(job, first.job), share)) {
      turn.blocked(job, { kind: 'held-back', by: first.job })
      continue
    }
    const stays = turn.start(job, share)
    if (stays === null) continue
    if (stays.keep) kept ??= keep(turn, job, stays.keep.need, stays.keep.from)
    turn.blocked(job, { kind: 'other', block: stays.block })
  }
  return keptNow
}

function keep<Job, Need, Share, Block>(
  turn: Turn<Job, Need, Share, Block>,
  job: Job,
  need: Need,
  from: number,
): Kept<Job, Need, Share> | null {
  const reservation = Reservation.for(need, turn.room, turn.runningFor(job), turn.now, from)
  return reservation && { job, reservation }
}
