/** A question that is asked again and again, once at a time. */
export interface Asking {
  /** Asks now; while an answer is awaited, once more when it has come. */
  again(): void
  stop(): void
}

/** After `stop` nothing is told any more, and what is under way is aborted. */
export function createAsking<Value>(
  ask: (signal: AbortSignal) => Promise<Value>,
  onValue: (value: Value) => void,
  onError: (error: unknown) => void,
): Asking {
  const stopped = new AbortController()
  const { signal } = stopped
  let awaited = false
  let onceMore = false
  const again = () => {
    onceMore = awaited
    if (awaited || signal.aborted) return
    awaited = true
    ask(signal)
      .then(
        (value) => signal.aborted || onValue(value),
        (error: unknown) => signal.aborted || onError(error),
      )
      .finally(() => {
        awaited = false
        if (onceMore) again()
      })
  }
  return { again, stop: () => stopped.abort() }
}
