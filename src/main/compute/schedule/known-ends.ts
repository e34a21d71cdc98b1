import type { Placement } from '../../../shared/contract'
import type { Ends } from './online/room'
import { Running } from './online/running'
import { reservedIn, type Space, without, withoutBefore } from './space'
import type { RequestRoom } from './types'

interface Ending {
  placement: Placement
  isSince: boolean
}

/**
 * What runs by its expected end; last all else that is held, whose end nobody knows. Those who go after the request that
 * room is kept for have what it leaves: all of what was granted since, and of the rest what is more than it is to have.
 */
export class KnownEnds implements Ends<Placement> {
  readonly #known = new Running<Ending>()
  readonly #room: Space
  readonly #request: RequestRoom | null
  /** What the request leaves of those whose end is known; worked out when somebody asks. */
  #left: readonly Placement[] | null = null

  /** @param room what is free besides @param request as those see it who go after it; null for those before, or none */
  constructor(room: Space, request: RequestRoom | null) {
    this.#room = room
    this.#request = request
  }

  /** @param isSince see {@link Space.end} @returns takes it out again */
  add(endsAt: number | null, placement: Placement, isSince: boolean): () => void {
    if (endsAt === null || endsAt === Number.POSITIVE_INFINITY) return () => undefined
    this.#left = null
    const ending = { placement, isSince }
    this.#known.add(endsAt, ending)
    return () => {
      this.#left = null
      this.#known.remove(endsAt, ending)
    }
  }

  get size(): number {
    return this.#known.size + 1
  }

  endsAt(index: number): number {
    return index < this.#known.size ? this.#known.endsAt(index) : Number.POSITIVE_INFINITY
  }

  share(index: number): Placement {
    if (index >= this.#known.size) return this.#rest()
    if (!this.#request) return this.#known.share(index).placement
    this.#left ??= this.#besides(this.#request)
    return this.#left[index] ?? []
  }

  #besides(request: RequestRoom): Placement[] {
    let kept = request
    return Array.from({ length: this.#known.size }, (_, i) => {
      const { placement, isSince } = this.#known.share(i)
      if (isSince) return placement
      const next = withoutBefore(kept, placement)
      const more = without(reservedIn(next), reservedIn(kept))
      kept = next
      return without(placement, more)
    })
  }

  /** Worked out only when somebody waits for it. */
  #rest(): Placement {
    const left = this.#room.copy(this.#request)
    for (let i = 0; i < this.#known.size; i++) left.give(this.share(i))
    return left.held()
  }
}
