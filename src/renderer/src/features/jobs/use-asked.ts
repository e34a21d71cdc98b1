import { useCallback, useEffect, useState } from 'react'
import { useConnection } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'

export interface Asked<Value> {
  value: Value | null
  error: ErrorView | null
  asking: boolean
  again(): void
}

/**
 * A value asked for once, and again with each connection or when `again` is called. A new `ask` (memoise it) forgets the
 * old value; null asks nothing, and forgets it too.
 */
export function useAsked<Value>(ask: ((signal: AbortSignal) => Promise<Value>) | null): Asked<Value> {
  const epoch = useConnection((state) => state.epoch)
  const [round, setRound] = useState(0)
  const [answer, setAnswer] = useState<{
    ask: typeof ask
    value: Value | null
    error: ErrorView | null
  } | null>(null)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a connection and a round each mean to ask again
  useEffect(() => {
    if (!ask) return setAnswer(null)
    const stop = new AbortController()
    ask(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) setAnswer({ ask, value, error: null })
      },
      (error: unknown) => {
        if (!stop.signal.aborted) setAnswer({ ask, value: null, error: toErrorView(error) })
      },
    )
    return () => stop.abort()
  }, [ask, epoch, round])

  const again = useCallback(() => setRound((count) => count + 1), [])
  const current = answer !== null && answer.ask === ask ? answer : null
  return {
    value: current?.value ?? null,
    error: current?.error ?? null,
    asking: ask !== null && current === null,
    again,
  }
}
