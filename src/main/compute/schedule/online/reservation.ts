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
  /** As it is expected at `at`, with what was admitted beside it. */
  readonly #room: Room<Need, Share>
  readonly #need: Need

  private constructor(need: Need, room: Room<Need, Share>, fitsAt: number, at: number) {
    this.#need = need
    this.#room = room
    this.fitsAt = fitsAt
    this.at = at
  }

  /** Null when it would not fit even if everything ended, or nobody knows when while it can wait. */
  static for<Need, Share>(
    need: Need,
    free: Room<Need, Share>,
    running: Ends<Share>,
    now: number,
    notBefore: number,
  ): Reservation<Need, Share> | null {
    const room = free.copy()
    let at = now
    let fits = false
    let fitsAt = Number.POSITIVE_INFINITY
    running.each((endsAt, share) => {
      if (endsAt > at) {
        if (!fits && room.find(need) !== null) {
          fits = true
          fitsAt = at
        }
        if (fits && endsAt > notBefore) return false
        at = endsAt
      }
      room.give(share)
      return true
    })
    if (!fits) {
      if (room.find(need) === null) return null
      fitsAt = at
    }
    // When it fits is unknown: it does not hold others back yet.
    if (fitsAt === Number.POSITIVE_INFINITY && now < notBefore) return null
    return new Reservation(need, room, fitsAt, Math.max(fitsAt, notBefore))
  }

  /** Whether a job that takes `share` and ends by `endsAt` leaves it its place; if so, that is counted. */
  admits(endsAt: number, share: Share): boolean {
    if (endsAt <= this.at && this.at < Number.POSITIVE_INFINITY) return true
    this.#room.take(share)
    if (this.#room.find(this.#need) !== null) return true
    this.#room.give(share)
    return false
  }
}
