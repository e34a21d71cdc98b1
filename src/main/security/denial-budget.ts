import type { Clock } from '../platform/clock'
import type { Disposable } from '../platform/events'
import type { AuditEntry } from './audit-log'

export const DENIALS_RECORDED = 20
const WINDOW_MS = 60_000

interface Window {
  recorded: number
  /** Denied beyond the budget, and the last of them. */
  more: number
  last: AuditEntry
  close: () => void
}

/**
 * Keeps a client that is denied in a loop from flooding the audit log: of one principal and action, 20 denials a minute
 * are recorded one by one; what comes on top is counted, and recorded as one when the minute ends.
 */
export class DenialBudget implements Disposable {
  readonly #clock: Clock
  readonly #record: (entry: AuditEntry) => void
  readonly #windows = new Map<string, Window>()

  constructor(clock: Clock, record: (entry: AuditEntry) => void) {
    this.#clock = clock
    this.#record = record
  }

  deny(entry: AuditEntry): void {
    const key = JSON.stringify([entry.principal, entry.action])
    const window = this.#windows.get(key)
    if (!window) {
      const cancel = this.#clock.setTimer(WINDOW_MS, () => this.#close(key))
      this.#windows.set(key, { recorded: 1, more: 0, last: entry, close: cancel })
      this.#record(entry)
    } else if (window.recorded < DENIALS_RECORDED) {
      window.recorded++
      this.#record(entry)
    } else {
      window.more++
      window.last = entry
    }
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
    const times = window.more === 1 ? 'once more' : `${window.more} more times`
    this.#record({ ...window.last, summary: `${window.last.summary} (denied ${times} within a minute)` })
  }
}
