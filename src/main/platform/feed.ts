import type { Feed } from '../../shared/contract'
import type { Event } from './events'

const PART = 500
/** Changes that are kept for a reader who does not read; one who comes back after more of them begins anew. */
const MOST_WAITING = 10_000
/** Of all that a reader was shown the keys are kept; with so many more than in its snapshot, it begins anew too. */
const MOST_MORE = 100_000

/**
 * A live view of a collection: its snapshot in parts, then changes gathered for `coalesceMs`. The subscription stands
 * before the snapshot is taken, so nothing falls between. Of what its reader was never shown, the end is not told either.
 * @param list the whole collection now
 * @param onDidChange fires with what changed; `removed` holds keys
 */
export async function* feed<Item extends { id: string }>(
  list: () => Item[],
  onDidChange: Event<{ changed: Item[]; removed: string[] }>,
  signal: AbortSignal | undefined,
  coalesceMs = 50,
): AsyncGenerator<Feed<Item>> {
  const changed = new Map<string, Item>()
  const removed = new Set<string>()
  const shown = new Set<string>()
  let mostShown = 0
  let isBehind = true
  let wake: () => void = () => undefined
  const unsubscribe = onDidChange((change) => {
    if (isBehind) return
    for (const item of change.changed) {
      changed.set(item.id, item)
      removed.delete(item.id)
    }
    for (const key of change.removed) {
      changed.delete(key)
      if (shown.has(key)) removed.add(key)
    }
    isBehind = changed.size + removed.size > MOST_WAITING
    if (isBehind) forget()
    wake()
  })
  const forget = () => {
    changed.clear()
    removed.clear()
  }
  const onAbort = () => wake()
  signal?.addEventListener('abort', onAbort)
  try {
    let revision = 0
    while (!signal?.aborted) {
      if (isBehind) {
        const items = list()
        isBehind = false
        shown.clear()
        for (const { id } of items) shown.add(id)
        mostShown = items.length + MOST_MORE
        for (let start = 0; start === 0 || start < items.length; start += PART) {
          const more = start + PART < items.length
          yield { type: 'snapshot', revision: revision++, items: items.slice(start, start + PART), more }
        }
        continue
      }
      if (changed.size === 0 && removed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (signal?.aborted || isBehind || changed.size > 0 || removed.size > 0) resolve()
        })
        wake = () => undefined
        continue
      }
      const event: Feed<Item> = {
        type: 'change',
        revision: revision++,
        changed: [...changed.values()],
        removed: [...removed],
      }
      for (const id of changed.keys()) shown.add(id)
      for (const id of removed) shown.delete(id)
      isBehind = shown.size > mostShown
      forget()
      yield event
      await new Promise((resolve) => setTimeout(resolve, coalesceMs))
    }
  } finally {
    unsubscribe()
    signal?.removeEventListener('abort', onAbort)
  }
}
