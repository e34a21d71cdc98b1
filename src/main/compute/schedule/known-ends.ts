import type { Placement } from '../../../shared/contract'
import type { Ends } from './online/room'
import { Running } from './online/running'
import type { Space } from './space'

/** What runs by its expected end; last all else that is held, whose end nobody knows. */
export class KnownEnds implements Ends<Placement> {
  readonly #known = new Running<Placement>()
  readonly #room: Space

  /** @param room what is free besides */
  constructor(room: Space) {
    this.#room = room
  }

  add(endsAt: number | null, placement: Placement): void {
    if (endsAt !== null && endsAt < Number.POSITIVE_INFINITY) this.#known.add(endsAt, placement)
  }

  get size(): number {
    return this.#known.size + 1
  }

  endsAt(index: number): number {
    return index < this.#known.size ? this.#known.endsAt(index) : Number.POSITIVE_INFINITY
  }

  share(index: number): Placement {
    return index < this.#known.size ? this.#known.share(index) : this.#rest()
  }

  /** Worked out only when somebody waits for it. */
  #rest(): Placement {
    const left = this.#room.copy()
    for (let i = 0; i < this.#known.size; i++) left.give(this.#known.share(i))
    return left.held()
  }
}
