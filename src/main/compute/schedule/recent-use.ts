import type { PrincipalId } from '../../../shared/domain/ids'

/** Half a minute ago counts for 0.6 of now, two minutes ago for 0.14. */
const RECENT_MS = 60_000

/** A part of the machine that is held since a time. */
export interface Holding {
  principal: PrincipalId
  /** Of the machine, 0 to 1, for the weight of the principal. */
  share: number
  /** Unix ms. */
  since: number
}

/**
 * How much of the machine each principal has had lately: the mean of what it held, older times counting exponentially less.
 * On a machine with room for one job nobody holds anything when the next is chosen, and who has short jobs would always be next.
 */
export class RecentUse {
  /** Of what has ended, as it counted at a time. */
  readonly #ended = new Map<PrincipalId, { part: number; at: number }>()

  /** @param parts what counts at `now`, as {@link at} told it */
  constructor(parts: ReadonlyMap<PrincipalId, number> = new Map(), now = 0) {
    for (const [principal, part] of parts) this.#ended.set(principal, { part, at: now })
  }

  /** What was held for so long has ended now. @returns takes that back */
  end(principal: PrincipalId, share: number, heldMs: number, now: number): () => void {
    const before = this.#ended.get(principal)
    const part = this.#endedPart(principal, now) + share * partOf(heldMs)
    this.#ended.set(principal, { part, at: now })
    return () => {
      if (before) this.#ended.set(principal, before)
      else this.#ended.delete(principal)
    }
  }

  /** Parts of the machine, 0 to 1, by principal; those that had next to nothing are absent. */
  at(now: number, held: Iterable<Holding>): Map<PrincipalId, number> {
    const parts = new Map<PrincipalId, number>()
    for (const principal of this.#ended.keys()) {
      const part = this.#endedPart(principal, now)
      if (part < NOTHING) this.#ended.delete(principal)
      else parts.set(principal, part)
    }
    for (const { principal, share, since } of held)
      parts.set(principal, (parts.get(principal) ?? 0) + share * partOf(now - since))
    return parts
  }

  #endedPart(principal: PrincipalId, now: number): number {
    const ended = this.#ended.get(principal)
    return ended ? ended.part * Math.exp(-Math.max(0, now - ended.at) / RECENT_MS) : 0
  }
}

/** Of a machine, forgotten; what short jobs add up to is made of a thousandth of a thousandth each. */
const NOTHING = 1e-9

/** What the last `ms` count for. */
function partOf(ms: number): number {
  return 1 - Math.exp(-Math.max(0, ms) / RECENT_MS)
}
