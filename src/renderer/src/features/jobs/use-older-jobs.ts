import { MOST_ENDED_LIVE } from '@shared/contract'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { getClient } from '../../lib/client'
import { systemNow } from '../../lib/clock'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { useJobs } from '../../lib/stores'
import type { JobFilter } from './job-list'
import { endedOf, type Jobs, leftOf, type Older, withLeft, withPage } from './older-jobs'
import { useAsked } from './use-asked'

const PAGE = 200

export interface OlderJobs {
  /** The live ones and those loaded. */
  all: Jobs
  loaded: number
  /** How many of the live ones have ended: the last that did of those that one may see. */
  endedLive: number
  /** Whether there are any at all, whatever the filter. */
  exist: boolean
  /** Whether any may be left to load. */
  hasMore: boolean
  /** Where none of the live ones has ended: whether some come by themselves, or may. */
  awaited: boolean
  loading: boolean
  error: ErrorView | null
  loadMore(): void
}

/**
 * The live jobs that have ended are the last of everybody: of who sees only their own, few or none may be among them,
 * and there are older ones all the same.
 */
async function askWhetherAny(signal: AbortSignal): Promise<boolean> {
  const { oldest } = endedOf(useJobs.getState().items)
  const untilMs = oldest === null ? systemNow() : Date.parse(oldest) - 1
  const finishedUntil = new Date(untilMs).toISOString()
  const { items } = await getClient().compute.jobs.list({ finishedUntil, limit: 1 }, { signal })
  return items.length > 0
}

/** Jobs that ended so long ago that they are not live any more: a page with each call, as far as the API can filter. */
export function useOlderJobs(
  live: Jobs,
  ready: boolean,
  { kind, model }: Pick<JobFilter, 'kind' | 'model'>,
): OlderJobs {
  const [kept, setKept] = useState<Older | null>(null)
  const [loading, setLoading] = useState(false)
  const [failed, setFailed] = useState<(Pick<JobFilter, 'kind' | 'model'> & { error: ErrorView }) | null>(
    null,
  )
  // Of another filter it says nothing about this one.
  const error = failed?.kind === kind && failed.model === model ? failed.error : null
  const older = kept?.kind === kind && kept.model === model ? kept : null
  const { count: endedLive, oldest } = useMemo(() => endedOf(live), [live])
  const isFull = endedLive >= MOST_ENDED_LIVE
  const { value: any, asking, again } = useAsked(ready && !isFull ? askWhetherAny : null)
  const exist = isFull || any === true
  const hasMore = older ? older.cursor !== null : exist

  const seen = useRef(live)
  useEffect(() => {
    const before = seen.current
    seen.current = live
    setKept((old) => old && withLeft(old, before, live))
    if (any === false && leftOf(before, live).length > 0) again()
  }, [live, any, again])

  const loadMore = useCallback(() => {
    if (loading) return
    const until = older?.until ?? oldest ?? new Date(systemNow()).toISOString()
    setLoading(true)
    if (!older) setKept({ kind, model, jobs: new Map(), until, cursor: undefined })
    const cursor = older?.cursor ?? undefined
    const asked = { finishedUntil: until, kind: kind ?? undefined, model: model ?? undefined }
    getClient()
      .compute.jobs.list({ ...asked, cursor, limit: PAGE })
      .then(
        ({ items, nextCursor }) => {
          setKept((old) => old && withPage(old, items, nextCursor))
          setFailed(null)
        },
        (reason: unknown) => setFailed({ kind, model, error: toErrorView(reason) }),
      )
      .finally(() => setLoading(false))
  }, [older, oldest, loading, kind, model])

  // Where the list would show none that has ended, nobody has to ask for them.
  useEffect(() => {
    if (endedLive === 0 && hasMore && !older && !error) loadMore()
  }, [endedLive, hasMore, older, error, loadMore])

  const all = useMemo(() => (older ? new Map([...older.jobs, ...live]) : live), [older, live])
  return {
    all,
    loaded: all.size - live.size,
    endedLive,
    exist,
    hasMore,
    awaited: asking || (hasMore && !error),
    loading,
    error,
    loadMore,
  }
}
