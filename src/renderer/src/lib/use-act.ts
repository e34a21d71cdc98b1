import { useCallback, useState } from 'react'
import { notifyError } from './errors'

/** Runs one action at a time and says what went wrong. `act` resolves with whether it went well. */
export function useAct(): { busy: boolean; act: (work: () => Promise<unknown>) => Promise<boolean> } {
  const [busy, setBusy] = useState(false)
  const act = useCallback(async (work: () => Promise<unknown>) => {
    setBusy(true)
    try {
      await work()
      return true
    } catch (error) {
      notifyError(error)
      return false
    } finally {
      setBusy(false)
    }
  }, [])
  return { busy, act }
}
