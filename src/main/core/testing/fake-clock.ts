import { makeId } from '../../../shared/domain/ids'
import type { Clock } from '../../platform/clock'

/** A clock that moves when it is told to; timers fire in order of their time while it does. */
export interface FakeClock extends Clock {
  /** Moves on; between timers, promises and immediates get their turn. */
  advance(ms: number): Promise<void>
  /** The clock is set while the machine runs (only forward) or is off: timers, which count for themselves, go on as before. */
  jump(ms: number): void
}

export function createFakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let now = startMs
  let sequence = 0
  const timers = new Map<number, { at: number; callback: () => void }>()

  return {
    now: () => now,
    setTimer(ms, callback) {
      const key = sequence++
      timers.set(key, { at: now + ms, callback })
      return () => timers.delete(key)
    },
    newId: (prefix) => {
      const count = sequence++
      return makeId(prefix, now, Uint8Array.from([0, count >>> 24, count >>> 16, count >>> 8, count]))
    },
    chance: () => 0.5,
    jump(ms) {
      now += ms
      for (const timer of timers.values()) timer.at += ms
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        let next: [number, { at: number; callback: () => void }] | undefined
        for (const entry of timers)
          if (entry[1].at <= end && (!next || entry[1].at < next[1].at)) next = entry
        if (!next) break
        timers.delete(next[0])
        now = Math.max(now, next[1].at)
        next[1].callback()
        await settle()
      }
      now = end
      await settle()
    },
  }
}

/** Lets group commits (one immediate) and what follows them happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
