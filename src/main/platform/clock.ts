import { randomFillSync } from 'node:crypto'
import { makeId } from '../../shared/domain/ids'

/** Time and chance, so that a test can hold them still. */
export interface Clock {
  /** Unix time in milliseconds; never less than it was. */
  now(): number
  /** Calls back once after `ms`; the returned function cancels. Never keeps the process alive by itself. */
  setTimer(ms: number, callback: () => void): () => void
  newId<Id extends string>(prefix: string): Id
  /** A number from 0 up to 1. */
  chance(): number
}

// setTimeout counts in a signed 32-bit integer; a longer wait would fire at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** Two clocks of one machine drift apart by less, and one that is set back is set back by more. */
const DRIFT_MS = 1000

/**
 * Unix time that goes on when somebody sets the clock back: leases would outlive their end, and waits would grow, by as much
 * as it was set back. Forward it follows, as after a night in which the machine slept.
 * @param wallMs what the machine takes for Unix time @param steadyMs what nobody can set
 */
export function steadyTime(wallMs: () => number, steadyMs: () => number): () => number {
  let last = wallMs()
  let lastSteady = steadyMs()
  return () => {
    const steady = steadyMs()
    const expected = last + steady - lastSteady
    const wall = wallMs()
    last = wall < expected - DRIFT_MS ? expected : Math.max(last, wall)
    lastSteady = steady
    return Math.floor(last)
  }
}

const now = steadyTime(
  () => Date.now(),
  () => performance.now(),
)

export const systemClock: Clock = {
  now,
  setTimer(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
  newId: (prefix) => makeId(prefix, now(), randomPart()),
  chance: () => Math.random(),
}

const RANDOM_BYTES = 5
const randomPool = new Uint8Array(1024 * RANDOM_BYTES)
let randomAt = randomPool.length

/** Drawn many at a time: one by one they cost more than the rest of an id. */
function randomPart(): Uint8Array {
  if (randomAt === randomPool.length) {
    randomFillSync(randomPool)
    randomAt = 0
  }
  randomAt += RANDOM_BYTES
  return randomPool.subarray(randomAt - RANDOM_BYTES, randomAt)
}

const REMEMBERED = 64
const lastMs = new Array<number>(REMEMBERED).fill(Number.NaN)
const lastIso = new Array<string>(REMEMBERED).fill('')

/** Of a later year ISO 8601 asks for more digits, which few read, and far later there is no date at all. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Remembers the last ones: of a turn nearly all are of a few milliseconds, and to write one takes a microsecond. */
export function toIso(ms: number): string {
  const at = ms & (REMEMBERED - 1)
  const known = lastIso[at]
  if (known !== undefined && ms === lastMs[at]) return known
  const iso = new Date(Math.min(ms, LAST_MS)).toISOString()
  lastIso[at] = iso
  lastMs[at] = ms
  return iso
}
