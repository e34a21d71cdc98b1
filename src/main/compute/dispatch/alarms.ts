import { Alarm } from '../../platform/alarm'
import type { Clock } from '../../platform/clock'
import { Heap } from '../schedule/heap'

/** From so many on, those that matter no more are taken out now and then. */
const MANY = 1_000

/** Many points in time, one alarm. */
export class Alarms<Key> {
  readonly #clock: Clock
  readonly #ring: (keys: Key[]) => void
  readonly #matters: (key: Key) => boolean
  #heap = heapOf<Key>([])
  /** So many mattered when that was last asked. */
  #mattered = 0
  readonly #alarm: Alarm
  #disposed = false

  /**
   * @param ring gets the keys whose time has come; a key that matters no more is the receiver's to ignore
   * @param matters whether a key may still be of use
   */
  constructor(clock: Clock, ring: (keys: Key[]) => void, matters: (key: Key) => boolean) {
    this.#matters = matters
    this.#clock = clock
    this.#ring = ring
    this.#alarm = new Alarm(clock, () => this.#fire())
  }

  set(at: number, key: Key): void {
    if (this.#heap.size > Math.max(MANY, 2 * this.#mattered)) this.#forget()
    this.#heap.push({ at, key })
    this.#arm()
  }

  dispose(): void {
    this.#disposed = true
    this.#alarm.cancel()
  }

  #forget(): void {
    this.#heap = heapOf(this.#heap.values().filter(({ key }) => this.#matters(key)))
    this.#mattered = this.#heap.size
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

interface Entry<Key> {
  at: number
  key: Key
}

function heapOf<Key>(entries: Iterable<Entry<Key>>): Heap<Entry<Key>> {
  return new Heap((a, b) => a.at - b.at, entries)
}
