import { create } from 'zustand'

/** What lies over the page: the dialog that begins imports, or the review of one. */
export type ImportDialogView = { kind: 'start' } | { kind: 'review'; id: string }

interface ImportDialogState {
  view: ImportDialogView | null
  open(view: ImportDialogView): void
  close(): void
}

export const useImportDialog = create<ImportDialogState>((set) => ({
  view: null,
  open: (view) => set({ view }),
  close: () => set({ view: null }),
}))

/** Offers the ways to bring a model or data set in. */
export function openImport(): void {
  useImportDialog.getState().open({ kind: 'start' })
}

/** Shows what was found in an import, and asks where an answer is wanted. */
export function reviewImport(id: string): void {
  useImportDialog.getState().open({ kind: 'review', id })
}
