import { isDenied, toErrorView } from '../../lib/errors'
import { DENIED_REST_MS, onAskAgain } from '../../lib/live'

/** A question that is asked again and again, once at a time. */
export interface Asking {
  /** Asks now; while an answer is awaited, once more when it has come. */
  again(): void
  /** Asks now, unless an answer is awaited, nobody looks, or the last answer was a denial, which rests. */
  look(): void
  stop(): void
}

/**
 * After `stop` nothing is told any more, and what is under way is aborted. What was denied is asked for again as soon as
 * one may do something else than before.
 */
export function createAsking<Value>(
  ask: (signal: AbortSignal) => Promise<Value>,
  onValue: (value: Value) => void,
  onError: (error: unknown) => void,
): Asking {
  const stopped = new AbortController()
  const { signal } = stopped
  let awaited = false
  let onceMore = false
  let restsUntil = 0
  const again = () => {
    onceMore = awaited
    if (awaited || signal.aborted) return
    awaited = true
    ask(signal)
      .then(
        (value) => {
          restsUntil = 0
          if (!signal.aborted) onValue(value)
        },
        (error: unknown) => {
          restsUntil = isDenied(toErrorView(error)) ? performance.now() + DENIED_REST_MS : 0
          if (!signal.aborted) onError(error)
        },
      )
      .finally(() => {
        awaited = false
        if (onceMore) again()
      })
  }
  const look = () => {
    if (!awaited && !document.hidden && performance.now() >= restsUntil) again()
  }
  signal.addEventListener(
    'abort',
    onAskAgain(() => {
      if (restsUntil > 0) again()
    }),
  )
  return { again, look, stop: () => stopped.abort() }
}
