import type { AuditRecord } from '@shared/contract'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { getClient, useConnection } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { useAudit } from '../../lib/stores'
import { mergeRecords, type RecordFilter } from './records'

const PAGE = 500

interface Pages {
  /** What was asked for; pages of another question are not of this list. */
  key: string
  records: readonly AuditRecord[]
  /** Where the next page begins; null at the end of the log, undefined before the first page. */
  cursor: string | null | undefined
  error: ErrorView | null
}

export interface Log {
  /** Newest first; live ones and those of the pages, not yet narrowed. */
  records: readonly AuditRecord[]
  ready: boolean
  error: ErrorView | null
  loading: boolean
  /** There are older records that are not loaded. */
  more: boolean
  loadMore: () => void
}

/** The audit log from now backwards: what is written appears by itself, older pages come when asked for. */
export function useLog({ decision, principal }: Pick<RecordFilter, 'decision' | 'principal'>): Log {
  const epoch = useConnection((state) => state.epoch)
  const live = useAudit((state) => state.items)
  // A connection may have missed more than the feed tells again, so pages are of one connection.
  const key = JSON.stringify([epoch, decision, principal])
  const [pages, setPages] = useState<Pages>({ key: '', records: [], cursor: undefined, error: null })
  const [loading, setLoading] = useState(false)
  const asking = useRef<string | null>(null)
  const current = pages.key === key ? pages : null
  const cursor = current?.cursor

  const load = useCallback(
    async (from: string | undefined) => {
      const place = `${key}:${from ?? ''}`
      if (asking.current === place) return
      asking.current = place
      setLoading(true)
      let next: (old: Pages) => Pages
      try {
        const page = await getClient().security.audit.list({
          limit: PAGE,
          ...(from === undefined ? {} : { cursor: from }),
          ...(decision === null ? {} : { decision }),
          ...(principal === null ? {} : { principal }),
        })
        next = (old) => ({
          key,
          records: from === undefined || old.key !== key ? page.items : [...old.records, ...page.items],
          cursor: page.nextCursor,
          error: null,
        })
      } catch (error) {
        const view = toErrorView(error)
        next = (old) =>
          old.key === key ? { ...old, error: view } : { key, records: [], cursor: undefined, error: view }
      }
      // Another question has been asked since.
      if (asking.current !== place) return
      asking.current = null
      setLoading(false)
      setPages(next)
    },
    [key, decision, principal],
  )

  useEffect(() => {
    if (epoch > 0) void load(undefined)
  }, [epoch, load])

  const loadMore = useCallback(() => {
    if (cursor !== null) void load(cursor)
  }, [cursor, load])

  const records = useMemo(() => {
    const mine = [...live.values()].filter(
      (record) =>
        (decision === null || record.decision === decision) &&
        (principal === null || record.principal === principal),
    )
    return mergeRecords(current?.records ?? [], mine)
  }, [live, current, decision, principal])

  return {
    records,
    ready: current !== null && current.cursor !== undefined,
    error: current?.error ?? null,
    loading,
    more: typeof cursor === 'string',
    loadMore,
  }
}
