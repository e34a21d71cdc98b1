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
  /** The newest record that the window knew when the first page was asked for; null before any. */
  seen: string | null
  /** Where the next page begins; null at the end of the log, undefined before the first page. */
  cursor: string | null | undefined
  error: ErrorView | null
}

const NO_PAGES: Pages = { key: '', records: [], seen: null, cursor: undefined, error: null }

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
  const [pages, setPages] = useState<Pages>(NO_PAGES)
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
      const seen = mergeRecords(useAudit.getState().items.values())[0]?.id ?? null
      let next: (old: Pages) => Pages
      try {
        const page = await getClient().security.audit.list({
          limit: PAGE,
          ...(from === undefined ? {} : { cursor: from }),
          ...(decision === null ? {} : { decision }),
          ...(principal === null ? {} : { principal }),
        })
        next = (old) => {
          const goesOn = from !== undefined && old.key === key
          return {
            key,
            records: goesOn ? [...old.records, ...page.items] : page.items,
            seen: goesOn ? old.seen : (seen ?? page.items[0]?.id ?? null),
            cursor: page.nextCursor,
            error: null,
          }
        }
      } catch (error) {
        const view = toErrorView(error)
        next = (old) => (old.key === key ? { ...old, error: view } : { ...NO_PAGES, key, error: view })
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

  // The window keeps the newest records only: once what it had heard of is gone, the pages no longer reach up to them.
  const seen = current?.seen ?? null
  const torn = seen !== null && live.size > 0 && !live.has(seen)
  useEffect(() => {
    if (torn) void load(undefined)
  }, [torn, load])

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
