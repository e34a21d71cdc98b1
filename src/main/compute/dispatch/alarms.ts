import { Alarm } from '../../platform/alarm'
import type { Clock } from '../../platform/clock'
import { Heap } from '../schedule/heap'

/** Many points in time, one alarm. */
export class Alarms<Key> {
  readonly #clock: Clock
  readonly #ring: (keys: Key[]) => void
  readonly #heap = new Heap<{ at: number; key: Key }>((a, b) => a.at - b.at)
  readonly #alarm: Alarm
  #disposed = false

  /** @param ring gets the keys whose time has come; a key that matters no more is the receiver's to ignore */
  constructor(clock: Clock, ring: (keys: Key[]) => void) {
    this.#clock = clock
    this.#ring = ring
    this.#alarm = new Alarm(clock, () => this.#fire())
  }

  set(at: number, key: Key): void {
    this.#heap.push({ at, key })
    this.#arm()
  }

  dispose(): void {
    this.#disposed = true
    this.#alarm.cancel()
  }

  #arm(): void {
    const next = this.#heap.peek()
    if (next && !this.#disposed) this.#alarm.set(next.at)
  }

  #fire(): void {
    const now = this.#clock.now()
    const due: Key[] = []
    for (let next = this.#heap.peek(); next && next.at <= now; next = this.#heap.peek()) {
      this.#heap.pop()
      due.push(next.key)
    }
    if (due.length > 0) this.#ring(due)
    this.#arm()
  }
}
