import { AppError } from '../../shared/errors'

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** A list that is always given whole. */
export function whole<T>(items: T[]): Page<T> {
  return { items, nextCursor: null }
}

/** A page of a list in a stable order of ids; the cursor is the id of the last item given. */
export function paged<T extends { id: string }>(
  items: T[],
  query: { limit: number; cursor?: string | undefined },
): Page<T> {
  let start = 0
  if (query.cursor !== undefined) {
    start = items.findIndex((item) => item.id === query.cursor) + 1
    if (start === 0)
      throw new AppError('system.invalid', 'This cursor is no longer valid. Start again without one.', {
        field: 'cursor',
      })
  }
  const page = items.slice(start, start + query.limit)
  return { items: page, nextCursor: start + query.limit < items.length ? (page.at(-1)?.id ?? null) : null }
}
