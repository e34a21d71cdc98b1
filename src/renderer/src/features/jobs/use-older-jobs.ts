import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import type { JobFilter } from './job-list'
import { type Jobs, leftOf, oldestEnd, withJobs } from './older-jobs'

const PAGE = 200

/** What was asked for of the jobs that the system no longer sends by itself. */
interface Older {
  kind: JobFilter['kind']
  model: string | null
  jobs: Jobs
  /** Those that ended until then were asked for; what ended since was live. */
  until: string
  /** Null: there are no more. */
  cursor: string | null
}

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
  const [kept, setOlder] = useState<Older | null>(null)
  const [loading, setLoading] = useState(false)
  const [error, setError] = useState<ErrorView | null>(null)
  const older = kept?.kind === kind && kept.model === model ? kept : null
  const oldest = useMemo(() => oldestEnd(live), [live])

  // While a person looks at older jobs, those that leave the live ones stay: else there were a gap between the two.
  const before = useRef(live)
  useEffect(() => {
    const left = older ? leftOf(before.current, live) : []
    before.current = live
    if (left.length > 0) setOlder((old) => old && { ...old, jobs: withJobs(old.jobs, left) })
  }, [live, older])

  const loadMore = useCallback(() => {
    const until = older?.until ?? oldest
    if (loading || until === null) return
    setLoading(true)
    const cursor = older?.cursor ?? undefined
    const asked = { finishedUntil: until, kind: kind ?? undefined, model: model ?? undefined }
    getClient()
      .compute.jobs.list({ ...asked, cursor, limit: PAGE })
      .then(
        ({ items, nextCursor }) => {
          setOlder((old) => {
            const before = old?.kind === kind && old.model === model ? old.jobs : new Map()
            return { kind, model, jobs: withJobs(before, items), until, cursor: nextCursor }
          })
          setError(null)
        },
        (reason: unknown) => setError(toErrorView(reason)),
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
