import type { Placement } from '../../../shared/contract'
import type { Ends } from './online/room'
import { Running } from './online/running'
import { payOwed, type Space } from './space'
import type { RequestRoom } from './types'

/**
 * What runs by its expected end; last all else that is held, whose end nobody knows. What ends first goes to the request
 * that room is kept for, until it has what it is owed.
 */
export class KnownEnds implements Ends<Placement> {
  readonly #known = new Running<Placement>()
  readonly #room: Space
  readonly #request: RequestRoom | null
  /** What the request leaves of those whose end is known; worked out when somebody asks. */
  #left: readonly Placement[] | null = null

  /** @param room what is free besides @param request as those see it who go after it; null for those before, or none */
  constructor(room: Space, request: RequestRoom | null) {
    this.#room = room
    this.#request = request
  }

  add(endsAt: number | null, placement: Placement): void {
    this.#left = null
    if (endsAt !== null && endsAt < Number.POSITIVE_INFINITY) this.#known.add(endsAt, placement)
  }

  get size(): number {
    return this.#known.size + 1
  }

  endsAt(index: number): number {
    return index < this.#known.size ? this.#known.endsAt(index) : Number.POSITIVE_INFINITY
  }

  share(index: number): Placement {
    if (index >= this.#known.size) return this.#rest()
    if (!this.#request) return this.#known.share(index)
    this.#left ??= this.#besides(this.#request)
    return this.#left[index] ?? []
  }

  #besides(request: RequestRoom): Placement[] {
    let { owed } = request
    return Array.from({ length: this.#known.size }, (_, i) => {
      const paid = payOwed(owed, this.#known.share(i))
      owed = paid.owed
      return paid.left
    })
  }

  /** Worked out only when somebody waits for it. */
  #rest(): Placement {
    const left = this.#room.copy(this.#request)
    for (let i = 0; i < this.#known.size; i++) left.give(this.share(i))
    return left.held()
  }
}
