import { useMemo } from 'react'
import { create, type StoreApi, type UseBoundStore } from 'zustand'
import type { Feed } from '../../../shared/contract'
import { type Client, onEachConnection } from './client'
import { type ErrorView, isDenied, toErrorView } from './errors'

/** A collection as the window knows it. */
export interface LiveState<Item> {
  items: ReadonlyMap<string, Item>
  /** True once a whole snapshot has arrived; it stays true while a new one is on its way, until that is denied. */
  ready: boolean
  error: ErrorView | null
  /** Of the newest event; null before the first one of a subscription. */
  revision: number | null
  /** The parts of a snapshot that has not ended yet. */
  partial: ReadonlyMap<string, Item> | null
  /** An event was missed: only a new snapshot can mend it. */
  gap: boolean
}

export function emptyLive<Item>(): LiveState<Item> {
  return { items: new Map(), ready: false, error: null, revision: null, partial: null, gap: false }
}

/** The state at the begin of a new subscription: what was known stays in sight until the new snapshot is whole. */
export function restarted<Item>(state: LiveState<Item>): LiveState<Item> {
  return { ...state, revision: null, partial: null, gap: false }
}

/** The state after an error: what was known stays in sight, unless it may no longer be seen. */
function failed<Item>(state: LiveState<Item>, error: ErrorView): LiveState<Item> {
  return { ...(isDenied(error) ? emptyLive<Item>() : state), error }
}

/** The next state, pure. After a gap every event is ignored until {@link restarted}. */
export function reduce<Item extends { id: string }>(
  state: LiveState<Item>,
  event: Feed<Item>,
): LiveState<Item> {
  return reduceAll(state, [event])
}

/** {@link reduce} over many events with one copy of the collection. */
export function reduceAll<Item extends { id: string }>(
  state: LiveState<Item>,
  events: readonly Feed<Item>[],
): LiveState<Item> {
  const next = { ...state }
  let items: Map<string, Item> | null = null
  let partial: Map<string, Item> | null = state.partial ? new Map(state.partial) : null
  for (const event of events) {
    if (next.gap) break
    const expected = next.revision === null ? event.revision : next.revision + 1
    const outOfPlace =
      next.revision === null ? event.type !== 'snapshot' : event.type === 'change' && partial !== null
    if (event.revision !== expected || outOfPlace) {
      next.gap = true
      break
    }
    next.revision = event.revision
    if (event.type === 'snapshot') {
      partial ??= new Map()
      for (const item of event.items) partial.set(item.id, item)
      if (!event.more) {
        items = partial
        partial = null
        next.ready = true
        next.error = null
      }
    } else {
      items ??= new Map(next.items)
      for (const item of event.changed) items.set(item.id, item)
      for (const id of event.removed) items.delete(id)
    }
  }
  if (items) next.items = items
  next.partial = partial
  return next
}

/** At most so many items, the first ones by the order. */
interface Bound<Item> {
  most: number
  compare: (a: Item, b: Item) => number
}

/** The state within a bound: of a collection from which the system never takes anything away. */
function bounded<Item>(state: LiveState<Item>, { most, compare }: Bound<Item>): LiveState<Item> {
  if (state.items.size <= most) return state
  const kept = [...state.items].sort(([, a], [, b]) => compare(a, b)).slice(0, most)
  return { ...state, items: new Map(kept) }
}

/** Runs `flush` once at the next frame, or soon where the window is hidden and has no frames. */
export function onNextFrame(flush: () => void): void {
  let done = false
  const once = () => {
    if (done) return
    done = true
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    flush()
  }
  const frame = requestAnimationFrame(once)
  const timer = setTimeout(once, 250)
}

export type LiveStore<Item> = UseBoundStore<StoreApi<LiveState<Item>>> & {
  /** Follows the feed through every connection; returns the stop. */
  start(): () => void
}

export type OpenFeed<Item> = (client: Client, signal: AbortSignal) => Promise<AsyncIterable<Feed<Item>>>

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000
/** After a denial nothing is asked by itself for so long: each question is one more denial in the owner's log. */
export const DENIED_REST_MS = 5 * 60_000

/** A store that follows a feed: at most one update a frame; a gap or an error begins a new subscription. */
export function createLiveStore<Item extends { id: string }>(
  open: OpenFeed<Item>,
  bound?: Bound<Item>,
): LiveStore<Item> {
  const store = create<LiveState<Item>>(() => emptyLive())

  async function follow(client: Client, signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!signal.aborted) {
      const attempt = new AbortController()
      const end = () => attempt.abort()
      signal.addEventListener('abort', end)
      const pending: Feed<Item>[] = []
      let planned = false
      const flush = () => {
        planned = false
        if (attempt.signal.aborted) return
        const next = reduceAll(store.getState(), pending.splice(0))
        store.setState(bound ? bounded(next, bound) : next, true)
        if (store.getState().gap) attempt.abort()
      }
      store.setState(restarted)
      try {
        for await (const event of await open(client, attempt.signal)) {
          pending.push(event)
          if (!planned) {
            planned = true
            onNextFrame(flush)
          }
          retryMs = FIRST_RETRY_MS
          if (attempt.signal.aborted) break
        }
      } catch (error) {
        const view = toErrorView(error)
        if (!attempt.signal.aborted && view.code !== 'offline') store.setState((state) => failed(state, view))
        if (isDenied(view)) retryMs = DENIED_REST_MS
      } finally {
        signal.removeEventListener('abort', end)
        attempt.abort()
      }
      await (retryMs === DENIED_REST_MS ? restUntilAsked(signal) : waitFor(retryMs, signal))
      retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)
    }
  }

  return Object.assign(store, {
    start: () => onEachConnection((client, signal) => void follow(client, signal)),
  })
}

const resting = new Set<() => void>()

/** Asks again for what was denied: what one may do has changed. */
export function askAgain(): void {
  for (const wake of resting) wake()
}

/** Calls `wake` when what was denied is to be asked for again, until the returned function is called. */
export function onAskAgain(wake: () => void): () => void {
  resting.add(wake)
  return () => resting.delete(wake)
}

/** The rest after a denial: it ends early when one may do something else than before. */
export async function restUntilAsked(signal: AbortSignal): Promise<void> {
  const asked = new AbortController()
  const forget = onAskAgain(() => asked.abort())
  await waitFor(DENIED_REST_MS, AbortSignal.any([signal, asked.signal]))
  forget()
}

/** Resolves after `ms`, or when the signal ends. */
export function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Calls `tell` once for each state that an item comes to from now on; what it was at first is no news. */
export function onEachStep<Item extends { id: string; state: string }>(
  store: LiveStore<Item>,
  tell: (item: Item) => void,
): () => void {
  const seen = new Map<string, string>()
  let begun = false
  return store.subscribe((state) => {
    if (!state.ready) return
    for (const item of state.items.values()) {
      if (seen.get(item.id) === item.state) continue
      seen.set(item.id, item.state)
      if (begun) tell(item)
    }
    begun = true
  })
}

/** The items of a live store as a list; `compare` and `keep` must keep their identity between renders. */
export function useList<Item>(
  store: LiveStore<Item>,
  compare?: (a: Item, b: Item) => number,
  keep?: (item: Item) => boolean,
): Item[] {
  const items = store((state) => state.items)
  return useMemo(() => {
    const list = [...items.values()]
    const kept = keep ? list.filter(keep) : list
    return compare ? kept.sort(compare) : kept
  }, [items, compare, keep])
}
