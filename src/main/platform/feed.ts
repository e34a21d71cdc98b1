import type { Feed } from '../../shared/contract'
import type { Event } from './events'

const PART = 500

/**
 * A live view of a collection: its snapshot in parts, then changes gathered for `coalesceMs`. The subscription stands
 * before the snapshot is taken, so nothing falls between.
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
  let wake: () => void = () => undefined
  const unsubscribe = onDidChange((change) => {
    for (const item of change.changed) {
      changed.set(item.id, item)
      removed.delete(item.id)
    }
    for (const key of change.removed) {
      changed.delete(key)
      removed.add(key)
    }
    wake()
  })
  const onAbort = () => wake()
  signal?.addEventListener('abort', onAbort)
  try {
    const items = list()
    changed.clear()
    removed.clear()
    let revision = 0
    for (let start = 0; start === 0 || start < items.length; start += PART) {
      const more = start + PART < items.length
      yield { type: 'snapshot', revision: revision++, items: items.slice(start, start + PART), more }
    }
    while (!signal?.aborted) {
      if (changed.size === 0 && removed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (signal?.aborted || changed.size > 0 || removed.size > 0) resolve()
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
      changed.clear()
      removed.clear()
      yield event
      await new Promise((resolve) => setTimeout(resolve, coalesceMs))
    }
  } finally {
    unsubscribe()
    signal?.removeEventListener('abort', onAbort)
  }
}
