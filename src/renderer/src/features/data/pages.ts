const CELLS_A_PAGE = 2_000

/** Rows asked for at once: fewer of a wide table, so that no answer is long on its way. */
export function pageSize(columns: number): number {
  return Math.max(10, Math.min(100, Math.floor(CELLS_A_PAGE / Math.max(1, columns))))
}

/** The pages that rows `first` to `last` lie in. */
export function pagesOf(first: number, last: number, size: number): number[] {
  const from = Math.floor(first / size)
  return Array.from({ length: Math.max(0, Math.floor(last / size) - from + 1) }, (_, i) => from + i)
}
