import { makeId } from '../../../shared/domain/ids'
import { type Clock, steadyTime } from '../../platform/clock'

/** A clock that moves when it is told to; timers fire in order of their time while it does. */
export interface FakeClock extends Clock {
  /** Moves on; between timers, promises and immediates get their turn. */
  advance(ms: number): Promise<void>
  /** Moves on while the event loop is busy: what is due meanwhile comes late. */
  block(ms: number): void
  /** Somebody sets the clock of the machine, forward or back, while the program runs. Timers count for themselves. */
  set(ms: number): void
  /** The machine sleeps or is off, or its clock is set while it is: the program goes by what that says afterwards. */
  jump(ms: number): void
}

export function createFakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = startMs
  let steady = 0
  const startProcess = () =>
    steadyTime(
      () => wall,
      () => steady,
    )
  let now = startProcess()
  let sequence = 0
  const timers = new Map<number, { at: number; callback: () => void }>()

  function pass(ms: number): void {
    wall += ms
    steady += ms
  }

  return {
    now: () => now(),
    setTimer(ms, callback) {
      const key = sequence++
      timers.set(key, { at: steady + ms, callback })
      return () => timers.delete(key)
    },
    newId: (prefix) => {
      const count = sequence++
      return makeId(prefix, now(), Uint8Array.from([0, count >>> 24, count >>> 16, count >>> 8, count]))
    },
    chance: () => 0.5,
    block: pass,
    set(ms) {
      wall += ms
    },
    jump(ms) {
      wall += ms
      now = startProcess()
    },
    async advance(ms) {
      const end = steady + ms
      for (;;) {
        let next: [number, { at: number; callback: () => void }] | undefined
        for (const entry of timers)
          if (entry[1].at <= end && (!next || entry[1].at < next[1].at)) next = entry
        if (!next) break
        timers.delete(next[0])
        pass(Math.max(0, next[1].at - steady))
        next[1].callback()
        await settle()
      }
      pass(Math.max(0, end - steady))
      await settle()
    },
  }
}

/** Lets group commits (one immediate) and what follows them happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
