import { randomBytes } from 'node:crypto'
import { makeId } from '../../shared/domain/ids'

/** Time and chance, so that a test can hold them still. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number
  /** Calls back once after `ms`; the returned function cancels. Never keeps the process alive by itself. */
  setTimer(ms: number, callback: () => void): () => void
  newId<Id extends string>(prefix: string): Id
  /** A number from 0 up to 1. */
  chance(): number
}

// setTimeout counts in a signed 32-bit integer; a longer wait would fire at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
  newId: (prefix) => makeId(prefix, Date.now(), randomBytes(5)),
  chance: () => Math.random(),
}

export function toIso(ms: number): string {
  return new Date(ms).toISOString()
}
