import { useEffect } from 'react'
import { create } from 'zustand'

const useTick = create<{ nowMs: number }>(() => ({ nowMs: Date.now() }))
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time now, renewed once a second for all who look, by one timer. */
export function useNow(): number {
  useEffect(() => {
    if (watchers++ === 0) {
      useTick.setState({ nowMs: Date.now() })
      timer = setInterval(() => {
        if (!document.hidden) useTick.setState({ nowMs: Date.now() })
      }, 1_000)
    }
    return () => {
      if (--watchers === 0) clearInterval(timer)
    }
  }, [])
  return useTick((state) => state.nowMs)
}
