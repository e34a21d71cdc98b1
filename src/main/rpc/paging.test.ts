import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AppError } from '../../shared/errors'
import { mapped, type Page, type PageQuery, paged, pageFrom } from './paging'

function walk<T>(ask: (query: PageQuery) => Page<T>, limit: number): T[] {
  const all: T[] = []
  for (let cursor: string | undefined; ; ) {
    const page = ask({ limit, cursor })
    expect(page.items.length).toBeLessThanOrEqual(limit)
    all.push(...page.items)
    if (page.nextCursor === null) return all
    cursor = page.nextCursor
  }
}

const lists = fc
  .uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 })
  .map((ids) => ids.map((id) => ({ id })))

it.each<[string, (items: { id: string }[], query: PageQuery) => Page<{ id: string }>]>([
  ['by id', paged],
  ['by position', pageFrom],
])('pages %s give every item once, in order, and without a limit all', (_name, page) => {
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 50 }), (items, limit) => {
      expect(walk((query) => page(items, query), limit)).toEqual(items)
      expect(page(items, {})).toEqual({ items, nextCursor: null })
    }),
  )
})

it('a cursor that means nothing any more is refused', () => {
  const refused = expect.objectContaining({ code: 'system.invalid' })
  expect(() => paged([{ id: 'a' }], { cursor: 'gone' })).toThrow(refused)
  expect(() => pageFrom([1], { cursor: '-1' })).toThrow(refused)
})

it('lets others run while much is read of a page, and leaves out what has gone meanwhile', async () => {
  const gone = new Set<number>()
  const read = (item: number) => {
    if (gone.has(item)) throw new AppError('storage.not_found', 'It has gone.')
    const until = performance.now() + 5
    while (performance.now() < until);
    return item * 10
  }
  setImmediate(() => gone.add(9))
  const items = Array.from({ length: 10 }, (_, i) => i)
  const page = await mapped({ items, nextCursor: '10' }, read)
  expect(page).toEqual({ items: items.slice(0, 9).map((item) => item * 10), nextCursor: '10' })
  const bug = () => {
    throw new Error('a bug')
  }
  await expect(mapped({ items, nextCursor: null }, bug)).rejects.toThrow('a bug')
})
