import { AppError } from '../../shared/errors'
import { createBreather } from '../platform/breather'

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

/** As the contract parsed it; without a limit all that is left is one page. */
export interface PageQuery {
  limit?: number | undefined
  cursor?: string | undefined
}

/** The answer of a procedure that always gives all. */
export function whole<T>(items: T[]): Page<T> {
  return { items, nextCursor: null }
}

/** A page of a list that nothing is taken from at its beginning; the cursor is the position of the next item. */
export function pageFrom<T>(items: T[], query: PageQuery): Page<T> {
  const start = query.cursor === undefined ? 0 : Number(query.cursor)
  if (!Number.isSafeInteger(start) || start < 0) throw invalidCursor()
  const end = start + (query.limit ?? items.length)
  return { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : null }
}

/** A page of a list in a stable order of ids; the cursor is the id of the last item given. */
export function paged<T extends { id: string }>(items: T[], query: PageQuery): Page<T> {
  let start = 0
  if (query.cursor !== undefined) {
    start = items.findIndex((item) => item.id === query.cursor) + 1
    if (start === 0) throw invalidCursor()
  }
  const end = start + (query.limit ?? items.length)
  const page = items.slice(start, end)
  return { items: page, nextCursor: end < items.length ? (page.at(-1)?.id ?? null) : null }
}

/**
 * The page with what is read of each item, which may take longer than a turn of the event loop may. What is gone by then is
 * left out.
 */
export async function mapped<From, To>(page: Page<From>, read: (item: From) => To): Promise<Page<To>> {
  const breathe = createBreather()
  const items: To[] = []
  for (const item of page.items) {
    try {
      items.push(read(item))
    } catch (error) {
      if (!(error instanceof AppError && error.status === 404)) throw error
    }
    await breathe()
  }
  return { items, nextCursor: page.nextCursor }
}

function invalidCursor(): AppError {
  return new AppError('system.invalid', 'This cursor is no longer valid. Start again without one.', {
    field: 'cursor',
  })
}
