import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitting } from './fitting'

const column = (key: string, width: string, hideBelow?: number) => ({
  key,
  width,
  header: key,
  render: () => key,
  ...(hideBelow === undefined ? {} : { hideBelow }),
})
const keys = (columns: ReturnType<typeof fitting>) => columns.map(({ key }) => key).join(' ')

test('a column goes below its width, and earlier where the others would not fit beside it', () => {
  const columns = [
    column('name', 'minmax(170px, 2fr)'),
    column('format', '110px', 300),
    column('size', '90px'),
    column('updated', '110px', 400),
  ]
  // 170 + 110 + 90 + 110, three gaps of 16, and 16 at each side.
  expect(keys(fitting(columns, 560))).toBe('name format size updated')
  expect(keys(fitting(columns, 559))).toBe('name format size')
  expect(keys(fitting(columns, 434))).toBe('name format size')
  expect(keys(fitting(columns, 433))).toBe('name size')
  expect(keys(fitting(columns, 100))).toBe('name size')
})

test('the later of two that are as dispensable goes first', () => {
  const columns = [column('latest', '70px', 200), column('size', '90px'), column('updated', '110px', 200)]
  expect(keys(fitting(columns, 333))).toBe('latest size')
})

test('what has to stay stays, in its order, and a wider table never shows less', () => {
  const some = fc.array(
    fc.record({
      px: fc.integer({ min: 20, max: 300 }),
      hideBelow: fc.option(fc.integer({ min: 1, max: 900 })),
    }),
    { maxLength: 9 },
  )
  fc.assert(
    fc.property(some, fc.integer({ min: 0, max: 2_000 }), fc.nat(500), (made, width, more) => {
      const columns = made.map(({ px, hideBelow }, i) => column(String(i), `${px}px`, hideBelow ?? undefined))
      const shown = fitting(columns, width)
      expect(columns.filter((each) => shown.includes(each))).toEqual(shown)
      for (const each of columns) if (each.hideBelow === undefined) expect(shown).toContain(each)
      expect(fitting(columns, width + more).length).toBeGreaterThanOrEqual(shown.length)
    }),
  )
})
