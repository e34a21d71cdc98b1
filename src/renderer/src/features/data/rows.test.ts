import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cellOf, cellText, wholeText } from './cells'
import { batchSnippet } from './curl'
import { pageSize, pagesOf } from './pages'
import { pictureOf } from './tensor-picture'

describe('pages of rows', () => {
  it('hold every row in sight, and none that is a page away', () =>
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.nat(200),
        fc.integer({ min: 1, max: 3_000 }),
        (first, more, columns) => {
          const size = pageSize(columns)
          const last = first + more
          const pages = pagesOf(first, last, size)
          for (const row of [first, last]) expect(pages).toContain(Math.floor(row / size))
          expect(pages.every((page) => page * size <= last && (page + 1) * size > first)).toBe(true)
        },
      ),
    ))

  it('are smaller where rows are wide', () => {
    expect([1, 20, 100, 2_000].map(pageSize)).toEqual([100, 100, 20, 10])
  })
})

describe('a cell', () => {
  it('says a tensor by its shape and first values, whole or short', () => {
    const whole = { dtype: 'float32' as const, shape: [2, 2], data: [0.5, 1, 2, 3] }
    expect(cellText(whole)).toBe('[2, 2] 0.5, 1, 2, 3')
    const short = { dtype: 'int64' as const, shape: [4_000], head: [1, 2, '9007199254740993', 4, 5, 6, 7, 8] }
    expect(wholeText(short)).toBe('int64 [4000] 1, 2, 9007199254740993, 4, 5, 6, …')
  })

  it('is nothing where a row lacks a column, whatever that is called', () => {
    for (const name of ['constructor', '__proto__', 'a']) expect(cellOf({ b: 1 }, name)).toBeNull()
    expect(cellOf({ b: 1 }, 'b')).toBe(1)
  })

  it('shortens numbers and leaves texts as they are', () => {
    expect([null, 1 / 3, 'a <b>', true, 1e-9].map(cellText)).toEqual([
      '',
      '0.333333',
      'a <b>',
      'true',
      '1.000e-9',
    ])
    expect(wholeText(1 / 3)).toBe('0.3333333333333333')
  })
})

describe('a tensor as a picture', () => {
  it('runs from its least value to its largest', () => {
    const data = Array.from({ length: 16 }, (_, i) => i - 8)
    const picture = pictureOf({ dtype: 'float32', shape: [1, 4, 4], data })
    expect(picture).toMatchObject({ width: 4, height: 4 })
    expect([picture?.rgba[0], picture?.rgba[60], picture?.rgba[63]]).toEqual([0, 255, 255])
  })

  it('has three colours in the last axis, and is black where all is one value', () => {
    const red = Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? 1 : 0))
    expect([
      ...(pictureOf({ dtype: 'float32', shape: [4, 4, 3], data: red })?.rgba.slice(0, 4) ?? []),
    ]).toEqual([255, 0, 0, 255])
    const flat = pictureOf({ dtype: 'float32', shape: [4, 4], data: new Array(16).fill(7) })
    expect([...(flat?.rgba.slice(0, 4) ?? [])]).toEqual([0, 0, 0, 255])
  })

  it('is none of any other shape', () => {
    for (const shape of [[], [16], [2, 8], [4, 4, 4], [2, 4, 4]]) {
      const count = shape.reduce((product, size) => product * size, 1)
      expect(pictureOf({ dtype: 'float32', shape, data: new Array(count).fill(1) })).toBeNull()
    }
  })
})

describe('how to use a data set', () => {
  it('is a command whose body is JSON', () => {
    const text = batchSnippet('http://127.0.0.1:1234/', 'net@2', 'digits@1')
    expect(text).toContain('http://127.0.0.1:1234/api/jobs')
    expect(JSON.parse(/-d '([^']+)'/.exec(text)?.[1] ?? '')).toMatchObject({
      kind: 'batch',
      model: 'net@2',
      dataset: 'digits@1',
    })
  })
})
