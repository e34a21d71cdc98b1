import type { PolicyProblem } from '@shared/contract'
import { useEffect, useState } from 'react'
import { getClient, useConnection } from '../../../lib/client'
import { type ErrorView, toErrorView } from '../../../lib/errors'

export interface Validation {
  /** `unknown`: the system did not answer; `error` says why. */
  state: 'empty' | 'checking' | 'valid' | 'invalid' | 'unknown'
  problems: readonly PolicyProblem[]
  error: ErrorView | null
}

const DEBOUNCE_MS = 350
const EMPTY: Validation = { state: 'empty', problems: [], error: null }

/** What the system says of a text, asked when typing pauses. While it is asked the old problems stay in sight. */
export function useValidation(text: string): Validation {
  const epoch = useConnection((state) => state.epoch)
  const [answer, setAnswer] = useState<{ text: string; validation: Validation }>({
    text: '',
    validation: EMPTY,
  })
  const blank = text.trim() === ''

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new connection means to ask again
  useEffect(() => {
    if (blank) return
    const stop = new AbortController()
    const ask = async () => {
      let validation: Validation
      try {
        const { valid, problems } = await getClient().security.policies.validate(
          { text },
          { signal: stop.signal },
        )
        validation = { state: valid ? 'valid' : 'invalid', problems, error: null }
      } catch (error) {
        validation = { state: 'unknown', problems: [], error: toErrorView(error) }
      }
      if (!stop.signal.aborted) setAnswer({ text, validation })
    }
    const timer = setTimeout(() => void ask(), DEBOUNCE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [text, blank, epoch])

  if (blank) return EMPTY
  return answer.text === text ? answer.validation : { ...answer.validation, state: 'checking' }
}
