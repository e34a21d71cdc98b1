import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import type { JobFilter } from './job-list'
import { type Jobs, type Older, oldestEnd, withLeft, withPage } from './older-jobs'

const PAGE = 200

export interface OlderJobs {
  /** The live ones and those loaded. */
  all: Jobs
  loaded: number
  /** Whether any may be left to load. */
  hasMore: boolean
  loading: boolean
  error: ErrorView | null
  loadMore(): void
}

/** Jobs that ended so long ago that they are not live any more: a page with each call, as far as the API can filter. */
export function useOlderJobs(live: Jobs, { kind, model }: Pick<JobFilter, 'kind' | 'model'>): OlderJobs {
  const [kept, setKept] = useState<Older | null>(null)
  const [loading, setLoading] = useState(false)
  const [failed, setFailed] = useState<(Pick<JobFilter, 'kind' | 'model'> & { error: ErrorView }) | null>(
    null,
  )
  // Of another filter it says nothing about this one.
  const error = failed?.kind === kind && failed.model === model ? failed.error : null
  const older = kept?.kind === kind && kept.model === model ? kept : null
  const oldest = useMemo(() => oldestEnd(live), [live])

  const seen = useRef(live)
  useEffect(() => {
    const before = seen.current
    seen.current = live
    setKept((old) => old && withLeft(old, before, live))
  }, [live])

  const loadMore = useCallback(() => {
    const until = older?.until ?? oldest
    if (loading || until === null) return
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

  const all = useMemo(() => (older ? new Map([...older.jobs, ...live]) : live), [older, live])
  return {
    all,
    loaded: all.size - live.size,
    hasMore: older ? older.cursor !== null : oldest !== null,
    loading,
    error,
    loadMore,
  }
}
