import type { Clock } from '../../platform/clock'
import { Heap } from '../schedule/heap'

/** Many points in time, one timer. */
export class Alarms<Key> {
  readonly #clock: Clock
  readonly #ring: (keys: Key[]) => void
  readonly #heap = new Heap<{ at: number; key: Key }>((a, b) => a.at - b.at)
  #armed: { at: number; cancel: () => void } | null = null
  #disposed = false

  /** @param ring gets the keys whose time has come; a key that matters no more is the receiver's to ignore */
  constructor(clock: Clock, ring: (keys: Key[]) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  set(at: number, key: Key): void {
    this.#heap.push({ at, key })
    this.#arm()
  }

  dispose(): void {
    this.#disposed = true
    this.#armed?.cancel()
    this.#armed = null
  }

  #arm(): void {
    const next = this.#heap.peek()
    if (this.#disposed || !next || (this.#armed && this.#armed.at <= next.at)) return
    this.#armed?.cancel()
    const cancel = this.#clock.setTimer(Math.max(0, next.at - this.#clock.now()), () => this.#fire())
    this.#armed = { at: next.at, cancel }
  }

  #fire(): void {
    this.#armed = null
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
