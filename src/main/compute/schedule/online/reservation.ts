import type { Ends, Room } from './room'

/**
 * Room that is kept for the first job that does not fit (EASY: Lifka, The ANL/IBM SP scheduling system, 1995). It is
 * expected to fit at `at`, when enough of what runs has ended; others start before it only if they end by then or lie
 * beside it. One that may wait until `notBefore` holds nobody back earlier (relaxed backfilling: Ward, Mahood, West,
 * 2002).
 */
export class Reservation<Need, Share> {
  /** When it is expected to fit. */
  readonly fitsAt: number
  /** What others must not reach over: `fitsAt`, or later where it can wait. */
  readonly at: number
  /** What nobody knows when there will be enough of; all of the need where that is known. */
  readonly lack: Need
  readonly #need: Need
  /** As it is expected at `at`, without what was admitted beside it. */
  readonly #room: Room<Need, Share>
  #share: Share | null = null
  /** Shares that would take its place. */
  readonly #refused = new Set<Share>()

  private constructor(need: Need, lack: Need, room: Room<Need, Share>, fitsAt: number, at: number) {
    this.#need = need
    this.lack = lack
    this.#room = room
    this.fitsAt = fitsAt
    this.at = at
  }

  /** Null when it is not known when it will fit. */
  static for<Need, Share>(
    need: Need,
    free: Room<Need, Share>,
    running: Ends<Share>,
    now: number,
    notBefore: number,
  ): Reservation<Need, Share> | null {
    const room = free.copy()
    const fitting = releaseUntil(need, room, running)
    if (fitting === null) return null
    const fitsAt = Math.max(now, fitting > 0 ? running.endsAt(fitting - 1) : now)
    if (fitsAt === Number.POSITIVE_INFINITY) return null
    const at = Math.max(fitsAt, notBefore)
    for (let i = fitting; i < running.size && running.endsAt(i) <= at; i++) room.give(running.share(i))
    return new Reservation(need, need, room, fitsAt, at)
  }

  /**
   * When everything has ended, whenever that is. Until then it has no use for what there will be enough of: others may
   * have that who are known to end. @param all how the room will be then
   */
  static inDoubt<Need, Share>(need: Need, lack: Need, all: Room<Need, Share>): Reservation<Need, Share> {
    const never = Number.POSITIVE_INFINITY
    const reservation = new Reservation(need, lack, all.copy(), never, never)
    reservation.#share = all.find(need)
    return reservation
  }

  /** Where it lies. */
  get share(): Share {
    this.#share ??= this.#room.find(this.#need)
    return this.#share as Share
  }

  /** Whether a job that takes `share` and ends by `endsAt`, infinite when that is unknown, leaves it its place. */
  admits(endsAt: number, share: Share): boolean {
    if (this.#isOverBy(endsAt)) return true
    if (this.#refused.has(share)) return false
    this.#room.take(share)
    const leavesRoom = this.#room.find(endsAt < Number.POSITIVE_INFINITY ? this.lack : this.#need) !== null
    this.#room.give(share)
    if (!leavesRoom) this.#refused.add(share)
    return leavesRoom
  }

  /** It has been admitted, and starts. */
  count(endsAt: number, share: Share): void {
    if (!this.#isOverBy(endsAt)) this.#room.take(share)
  }

  #isOverBy(endsAt: number): boolean {
    return endsAt <= this.at && this.at < Number.POSITIVE_INFINITY
  }
}

/**
 * Gives back what ends first until `need` fits, all that ends at one instant together. Looks ahead in growing steps and
 * then between the last two: a few searches for room, however many run.
 * @returns how many have to end; null when it does not fit even then
 */
function releaseUntil<Need, Share>(need: Need, room: Room<Need, Share>, running: Ends<Share>): number | null {
  let tooFew = -1
  let given = 0
  const release = (count: number) => {
    for (; given < count; given++) room.give(running.share(given))
    for (; given > count; given--) room.take(running.share(given - 1))
  }
  for (let step = 1; room.find(need) === null; step *= 2) {
    if (given === running.size) return null
    tooFew = given
    release(Math.min(running.size, given + step))
  }
  let enough = given
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >>> 1
    release(middle)
    if (room.find(need) === null) tooFew = middle
    else enough = middle
  }
  while (enough > 0 && enough < running.size && running.endsAt(enough) === running.endsAt(enough - 1))
    enough++
  release(enough)
  return enough
}
