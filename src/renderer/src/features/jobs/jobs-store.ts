import { create } from 'zustand'
import { type JobFilter, type JobSort, NO_FILTER } from './job-list'
import { NOTHING_SELECTED, type Selection } from './selection'

export interface JobsView {
  filter: JobFilter
  sort: JobSort
  reversed: boolean
  selection: Selection
  setFilter(change: Partial<JobFilter>): void
  setSort(sort: JobSort): void
  reverse(): void
  setSelection(change: (selection: Selection) => Selection): void
}

/** What the jobs page shows and what is marked in it; kept while another page is open. */
export const useJobsView = create<JobsView>((set) => ({
  filter: NO_FILTER,
  sort: 'priority',
  reversed: false,
  selection: NOTHING_SELECTED,
  setFilter: (change) => set((state) => ({ filter: { ...state.filter, ...change } })),
  setSort: (sort) => set({ sort, reversed: false }),
  reverse: () => set((state) => ({ reversed: !state.reversed })),
  setSelection: (change) => set((state) => ({ selection: change(state.selection) })),
}))
