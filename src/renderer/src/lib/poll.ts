import { create, type StoreApi, type UseBoundStore } from 'zustand'
import { type Client, onEachConnection } from './client'
import { type ErrorView, isDenied, toErrorView } from './errors'
import { DENIED_REST_MS, onAskAgain, waitFor } from './live'

export interface PolledState<Value> {
  value: Value | null
  error: ErrorView | null
  /** Asks now; errors land in `error`. */
  refresh(): Promise<void>
}
export type PolledStore<Value> = UseBoundStore<StoreApi<PolledState<Value>>> & { start(): () => void }

/** A value asked for again and again while the window is visible and connected; null once it may no longer be seen. */
export function createPolledStore<Value>(
  ask: (client: Client, signal: AbortSignal) => Promise<Value>,
  everyMs: number,
  onValue?: (value: Value | null) => void,
): PolledStore<Value> {
  let present: { client: Client; signal: AbortSignal } | null = null
  let restsUntil = 0

  async function refresh(): Promise<void> {
    if (!present || present.signal.aborted) return
    const { client, signal } = present
    try {
      const value = await ask(client, signal)
      if (signal.aborted) return
      restsUntil = 0
      store.setState({ value, error: null })
      onValue?.(value)
    } catch (error) {
      if (signal.aborted) return
      const view = toErrorView(error)
      if (!isDenied(view)) return store.setState({ error: view })
      restsUntil = performance.now() + DENIED_REST_MS
      store.setState({ value: null, error: view })
      onValue?.(null)
    }
  }

  const store = create<PolledState<Value>>(() => ({ value: null, error: null, refresh }))

  async function look(): Promise<void> {
    if (!document.hidden && performance.now() >= restsUntil) await refresh()
  }

  async function poll(client: Client, signal: AbortSignal): Promise<void> {
    present = { client, signal }
    restsUntil = 0
    while (!signal.aborted) {
      await look()
      await waitFor(everyMs, signal)
    }
  }

  return Object.assign(store, {
    start: () => {
      const onVisible = () => void look()
      document.addEventListener('visibilitychange', onVisible)
      const forget = onAskAgain(() => {
        if (restsUntil === 0) return
        restsUntil = 0
        void look()
      })
      const stop = onEachConnection((client, signal) => void poll(client, signal))
      return () => {
        document.removeEventListener('visibilitychange', onVisible)
        forget()
        stop()
      }
    },
  })
}
