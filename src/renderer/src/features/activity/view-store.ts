import type { AuditRecord } from '@shared/contract'
import { create } from 'zustand'
import { NO_FILTER, type RecordFilter } from './records'

interface ActivityView {
  filter: RecordFilter
  setFilter(patch: Partial<RecordFilter>): void
  selected: AuditRecord | null
  select(record: AuditRecord | null): void
}

/** What the page shows; kept while a person is on another page. */
export const useActivityView = create<ActivityView>((set) => ({
  filter: NO_FILTER,
  setFilter: (patch) => set(({ filter }) => ({ filter: { ...filter, ...patch } })),
  selected: null,
  select: (selected) => set({ selected }),
}))
