import { expect, it } from 'vitest'
import { firstPages } from './first-pages'

const list = Array.from({ length: 5 }, (_, i) => i)
const ask = async (cursor = '0') => {
  const from = Number(cursor)
  return { items: list.slice(from, from + 2), nextCursor: from + 2 < list.length ? String(from + 2) : null }
}

it('asks for so many pages, and says whether there is more', async () => {
  expect(await firstPages(ask, 1)).toEqual({ items: [0, 1], pages: 1, more: true })
  expect(await firstPages(ask, 2)).toEqual({ items: [0, 1, 2, 3], pages: 2, more: true })
  expect(await firstPages(ask, 3)).toEqual({ items: list, pages: 3, more: false })
  expect(await firstPages(ask, 9)).toEqual({ items: list, pages: 3, more: false })
})
