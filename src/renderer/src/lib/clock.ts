import { useEffect } from 'react'
import { create } from 'zustand'

/** Less is as likely the way of the answer. */
const LEAST_OFF_MS = 2_000
/** An HTTP date has whole seconds, cut off: on average it is half a second late. */
const CUT_OFF_MS = 500

/**
 * How far the clock of the system is ahead of that of this window, told by the `Date` of an answer; 0 where it cannot be told
 * from none.
 */
export function aheadBy(date: string | null, sentMs: number, receivedMs: number): number {
  const aheadMs = Date.parse(date ?? '') + CUT_OFF_MS - (sentMs + receivedMs) / 2
  return Math.abs(aheadMs) > LEAST_OFF_MS ? aheadMs : 0
}

let aheadMs = 0

/** The time now by the clock of the system, against which all times that it tells are held; a browser's may be off. */
export function systemNow(): number {
  return Date.now() + aheadMs
}

const useTick = create<{ nowMs: number }>(() => ({ nowMs: systemNow() }))

/** Reads the clock of the system from an answer of its server; without one it goes by what was known. */
export async function readSystemClock(ask: () => Promise<Response>): Promise<void> {
  const sentMs = Date.now()
  const answer = await ask().catch(() => null)
  if (answer === null) return
  aheadMs = aheadBy(answer.headers.get('date'), sentMs, Date.now())
  useTick.setState({ nowMs: systemNow() })
}

let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** {@link systemNow}, renewed once a second for all who look, by one timer. */
export function useNow(): number {
  useEffect(() => {
    if (watchers++ === 0) {
      useTick.setState({ nowMs: systemNow() })
      timer = setInterval(() => {
        if (!document.hidden) useTick.setState({ nowMs: systemNow() })
      }, 1_000)
    }
    return () => {
      if (--watchers === 0) clearInterval(timer)
    }
  }, [])
  return useTick((state) => state.nowMs)
}
