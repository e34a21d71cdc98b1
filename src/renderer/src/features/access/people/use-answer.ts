import { useCallback, useEffect, useState } from 'react'
import { useConnection } from '../../../lib/client'
import { type ErrorView, toErrorView } from '../../../lib/errors'

/** What the system says of something now: asked on every connection, and again on `ask`. @param question the same function until it means another thing */
export function useAnswer<Answer>(question: (signal?: AbortSignal) => Promise<Answer>) {
  const epoch = useConnection((state) => state.epoch)
  const [answer, setAnswer] = useState<Answer | null>(null)
  const [error, setError] = useState<ErrorView | null>(null)
  const ask = useCallback(
    (signal?: AbortSignal) =>
      question(signal)
        .then((found) => {
          setAnswer(found)
          setError(null)
        })
        .catch((cause: unknown) => {
          if (!signal?.aborted) setError(toErrorView(cause))
        }),
    [question],
  )
  useEffect(() => {
    if (epoch === 0) return
    const controller = new AbortController()
    void ask(controller.signal)
    return () => controller.abort()
  }, [epoch, ask])
  return { answer, error, ask }
}
