import type { ShownCell } from '@shared/contract'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { RowSource } from '../../components'
import { getClient, useConnection } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { pageSize, pagesOf } from './pages'

export type Cells = Readonly<Record<string, ShownCell>>

/** A row of a data set at its place; its cells once they are here. */
export interface PlacedRow {
  index: number
  cells: Cells | null
}

/** So many rows lie in one table: an element of the page cannot be of any height. */
export const ROWS_A_TABLE = 100_000
const MOST_PAGES = 40

/** Rows `from` up to `end`; the system answers with fewer where they are large. */
async function readPage(
  { name, version }: { name: string; version: number },
  from: number,
  end: number,
  signal: AbortSignal,
): Promise<Cells[]> {
  const rows: Cells[] = []
  while (from + rows.length < end) {
    const range = { offset: from + rows.length, limit: end - from - rows.length, tensors: 'short' as const }
    const { items } = await getClient().datasets.rows({ name, version, ...range }, { signal })
    if (items.length === 0) break
    rows.push(...items)
  }
  return rows
}

export interface Rows {
  source: RowSource<PlacedRow>
  onSight: (first: number, last: number) => void
  /** Why rows in sight could not be read. */
  error: ErrorView | null
  again: () => void
}

/**
 * Rows of a version from `begin` on, read page by page as they come into sight; what is out of sight is not waited for,
 * and forgotten when there is much of it. Another version needs another component.
 */
export function useRows(
  version: { name: string; version: number; rows: number; columns: number },
  begin: number,
): Rows {
  const { name, version: number, rows } = version
  const size = pageSize(version.columns)
  const pages = useRef(new Map<number, Cells[]>())
  const pending = useRef(new Map<number, AbortController>())
  const sight = useRef({ first: 0, last: 0 })
  const [error, setError] = useState<ErrorView | null>(null)
  const [, setArrived] = useState(0)

  const load = useCallback(
    async (page: number) => {
      const stop = new AbortController()
      pending.current.set(page, stop)
      try {
        const from = page * size
        const cells = await readPage(
          { name, version: number },
          from,
          Math.min(rows, from + size),
          stop.signal,
        )
        pages.current.set(page, cells)
        for (const oldest of pages.current.keys()) {
          if (pages.current.size <= MOST_PAGES) break
          pages.current.delete(oldest)
        }
        setError(null)
        setArrived((count) => count + 1)
      } catch (refused) {
        if (!stop.signal.aborted) setError(toErrorView(refused))
      } finally {
        if (pending.current.get(page) === stop) pending.current.delete(page)
      }
    },
    [name, number, rows, size],
  )

  const ask = useCallback(() => {
    const wanted = new Set(pagesOf(sight.current.first, sight.current.last, size))
    for (const [page, stop] of pending.current) {
      if (wanted.has(page)) continue
      pending.current.delete(page)
      stop.abort()
    }
    for (const page of wanted) if (!pages.current.has(page) && !pending.current.has(page)) void load(page)
  }, [load, size])

  const onSight = useCallback(
    (first: number, last: number) => {
      sight.current = { first: begin + first, last: Math.min(rows - 1, begin + last) }
      ask()
    },
    [ask, begin, rows],
  )

  // What a connection that broke did not bring is asked of the next one.
  const epoch = useConnection((state) => state.epoch)
  const asked = useRef(epoch)
  useEffect(() => {
    if (asked.current === epoch) return
    asked.current = epoch
    setError(null)
    ask()
  }, [epoch, ask])

  useEffect(() => {
    const waiting = pending.current
    return () => {
      for (const stop of waiting.values()) stop.abort()
      waiting.clear()
    }
  }, [])

  const source = useMemo(
    () => ({
      length: Math.max(0, Math.min(ROWS_A_TABLE, rows - begin)),
      at: (place: number): PlacedRow => {
        const index = begin + place
        return { index, cells: pages.current.get(Math.floor(index / size))?.[index % size] ?? null }
      },
    }),
    [rows, begin, size],
  )
  return { source, onSight, error, again: ask }
}
