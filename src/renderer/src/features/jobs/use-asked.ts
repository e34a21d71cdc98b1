import { useCallback, useEffect, useRef, useState } from 'react'
import { useConnection } from '../../lib/client'
import { type ErrorView, leavesWhatWasKnown, toErrorView } from '../../lib/errors'
import { type Asking, createAsking } from './asking'

export interface Asked<Value> {
  /** The last answer; also beside an error, unless what was asked for is gone or may no longer be seen. */
  value: Value | null
  /** Why the last question got no answer. */
  error: ErrorView | null
  asking: boolean
  /** While an answer is awaited, once more when it has come: what takes longer than it is asked for comes, too. */
  again(): void
}

interface Answer<Value> {
  ask: ((signal: AbortSignal) => Promise<Value>) | null
  value: Value | null
  error: ErrorView | null
}

/** What is known after an error: what an earlier answer to the same question said, where it still stands. */
export function unanswered<Value>(
  old: Answer<Value> | null,
  ask: Answer<Value>['ask'],
  error: ErrorView,
): Answer<Value> {
  const stands = old?.ask === ask && leavesWhatWasKnown(error)
  return { ask, value: stands ? old.value : null, error }
}

/**
 * A value asked for once, and again with each connection or when `again` is called. A new `ask` (memoise it) forgets the
 * old value; null asks nothing, and forgets it too.
 * @param everyMs while somebody looks, it is asked for again so often
 */
export function useAsked<Value>(
  ask: ((signal: AbortSignal) => Promise<Value>) | null,
  everyMs: number | null = null,
): Asked<Value> {
  const epoch = useConnection((state) => state.epoch)
  const asking = useRef<Asking | null>(null)
  const [answer, setAnswer] = useState<Answer<Value> | null>(null)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a connection means to ask again
  useEffect(() => {
    if (!ask) return setAnswer(null)
    const present = createAsking(
      ask,
      (value) => setAnswer({ ask, value, error: null }),
      (error) => setAnswer((old) => unanswered(old, ask, toErrorView(error))),
    )
    asking.current = present
    present.again()
    return () => {
      asking.current = null
      present.stop()
    }
  }, [ask, epoch])

  useEffect(() => {
    if (everyMs === null) return
    const look = () => asking.current?.look()
    const timer = setInterval(look, everyMs)
    document.addEventListener('visibilitychange', look)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', look)
    }
  }, [everyMs])

  const again = useCallback(() => asking.current?.again(), [])
  const current = answer !== null && answer.ask === ask ? answer : null
  return {
    value: current?.value ?? null,
    error: current?.error ?? null,
    asking: ask !== null && current === null,
    again,
  }
}
