import type { Event } from '../platform/events'

export function isStream(output: unknown): output is AsyncIterable<unknown> {
  return typeof output === 'object' && output !== null && Symbol.asyncIterator in output
}

/** The same parts; `onEnd` is called once, when they have ended or their reader has gone, also before the first. */
export function withEnd<Part>(
  parts: AsyncIterable<Part>,
  signal: AbortSignal | undefined,
  onEnd: () => void,
): AsyncGenerator<Part> {
  let ended = false
  const end = () => {
    if (!ended) onEnd()
    ended = true
    signal?.removeEventListener('abort', end)
  }
  signal?.addEventListener('abort', end)
  if (signal?.aborted) end()
  async function* read(): AsyncGenerator<Part> {
    try {
      yield* parts
    } finally {
      end()
    }
  }
  return read()
}

/**
 * The newest value of an event for a slow reader: what it had no time for is skipped.
 * @param first the value at the beginning, asked for once no change can be missed
 * @param until ends the stream after the value for which it holds
 */
export async function* latest<From, To>(
  event: Event<From>,
  map: (value: From) => To,
  signal: AbortSignal | undefined,
  options: { first?: () => From; until?: (value: From) => boolean } = {},
): AsyncGenerator<To> {
  let pending: { value: From } | null = null
  let wake: () => void = () => undefined
  const unsubscribe = event((value) => {
    pending = { value }
    wake()
  })
  const onAbort = () => wake()
  signal?.addEventListener('abort', onAbort)
  try {
    if (options.first) pending = { value: options.first() }
    while (!signal?.aborted) {
      const next = pending as { value: From } | null
      if (!next) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      pending = null
      yield map(next.value)
      if (options.until?.(next.value)) return
    }
  } finally {
    unsubscribe()
    signal?.removeEventListener('abort', onAbort)
  }
}
