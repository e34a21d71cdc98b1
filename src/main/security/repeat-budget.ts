import type { Clock } from '../platform/clock'
import type { Disposable } from '../platform/events'
import type { AuditEntry } from './audit-log'

const WINDOW_MS = 60_000

interface Window {
  single: number
  /** How many came on top of those, and the last of them. */
  more: number
  last: AuditEntry
  close: () => void
}

export interface RepeatBudgetOptions {
  clock: Clock
  /** What is recorded one by one in a minute. */
  most: number
  /** Entries with the same key are repeats. */
  keyOf(entry: AuditEntry): unknown[]
  /** Writes what was counted: the last of it, with the number of all. */
  record(entry: AuditEntry): void
}

/**
 * Keeps a client in a loop from flooding the audit log: of what is the same, so much a minute is recorded one by one; what
 * comes on top is counted, and recorded as one when the minute ends.
 */
export class RepeatBudget implements Disposable {
  readonly #options: RepeatBudgetOptions
  readonly #windows = new Map<string, Window>()

  constructor(options: RepeatBudgetOptions) {
    this.#options = options
  }

  /** Whether it is to be recorded by itself; else it is counted. */
  isSingle(entry: AuditEntry): boolean {
    const { clock, most, keyOf } = this.#options
    const key = JSON.stringify(keyOf(entry))
    const window = this.#windows.get(key)
    if (!window) {
      const close = clock.setTimer(WINDOW_MS, () => this.#close(key))
      this.#windows.set(key, { single: 1, more: 0, last: entry, close })
      return true
    }
    if (window.single < most) {
      window.single++
      return true
    }
    window.more++
    window.last = entry
    return false
  }

  /** Records what was counted. */
  dispose(): void {
    for (const [key, window] of [...this.#windows]) {
      window.close()
      this.#close(key)
    }
  }

  #close(key: string): void {
    const window = this.#windows.get(key)
    this.#windows.delete(key)
    if (!window || window.more === 0) return
    const { last, more } = window
    this.#options.record({ ...last, summary: `${last.summary} (and ${more} more within a minute)` })
  }
}
