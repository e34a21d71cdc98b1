import { useCallback, useEffect, useRef, useState } from 'react'
import { useConnection } from '../../../lib/client'
import { type ErrorView, toErrorView } from '../../../lib/errors'

/** What the system says of something now: asked on every connection, and again on `ask`. @param question the same function until it means another thing */
export function useAnswer<Answer>(question: (signal?: AbortSignal) => Promise<Answer>) {
  const epoch = useConnection((state) => state.epoch)
  const [answer, setAnswer] = useState<Answer | null>(null)
  const [error, setError] = useState<ErrorView | null>(null)
  const asked = useRef(0)
  const ask = useCallback(
    (signal?: AbortSignal) => {
      const turn = ++asked.current
      // An answer that comes after that to a later question is old.
      const isOld = () => signal?.aborted || turn < asked.current
      return question(signal).then(
        (found) => {
          if (isOld()) return
          setAnswer(found)
          setError(null)
        },
        (cause: unknown) => {
          if (!isOld()) setError(toErrorView(cause))
        },
      )
    },
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
