import { AppError } from '../../shared/errors'

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** A list that is always given whole. */
export function whole<T>(items: T[]): Page<T> {
  return { items, nextCursor: null }
}

/** A page of a list that never changes; the cursor is the position of the next item. */
export function pageFrom<T>(items: T[], query: { limit: number; cursor?: string | undefined }): Page<T> {
  const start = query.cursor === undefined ? 0 : Number(query.cursor)
  if (!Number.isSafeInteger(start) || start < 0) throw invalidCursor()
  const end = start + query.limit
  return { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : null }
}

/** A page of a list in a stable order of ids; the cursor is the id of the last item given. */
export function paged<T extends { id: string }>(
  items: T[],
  query: { limit: number; cursor?: string | undefined },
): Page<T> {
  let start = 0
  if (query.cursor !== undefined) {
    start = items.findIndex((item) => item.id === query.cursor) + 1
    if (start === 0) throw invalidCursor()
  }
  const page = items.slice(start, start + query.limit)
  return { items: page, nextCursor: start + query.limit < items.length ? (page.at(-1)?.id ?? null) : null }
}

function invalidCursor(): AppError {
  return new AppError('system.invalid', 'This cursor is no longer valid. Start again without one.', {
    field: 'cursor',
  })
}
