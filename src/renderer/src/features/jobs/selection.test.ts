import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepExisting, moveCursor, NOTHING_SELECTED, selectRow } from './selection'

const ids = ['a', 'b', 'c', 'd', 'e']
const plain = { shift: false, toggle: false }

function marked(selection: { marked: ReadonlySet<string> }): string {
  return [...selection.marked].sort().join('')
}

describe('selectRow', () => {
  it('marks none, a range in either direction, and adds and takes away', () => {
    const one = selectRow(NOTHING_SELECTED, ids, 'c', plain)
    expect(marked(one)).toBe('')
    expect(one.cursor).toBe('c')
    expect(marked(selectRow(one, ids, 'e', { shift: true, toggle: false }))).toBe('cde')
    expect(marked(selectRow(one, ids, 'a', { shift: true, toggle: false }))).toBe('abc')
    const toggle = { shift: false, toggle: true }
    const two = selectRow(selectRow(one, ids, 'c', toggle), ids, 'e', toggle)
    expect(marked(two)).toBe('ce')
    expect(marked(selectRow(two, ids, 'c', toggle))).toBe('e')
    expect(marked(selectRow(two, ids, 'd', plain))).toBe('')
  })

  it('marks the row alone where a range has no beginning', () => {
    expect(marked(selectRow(NOTHING_SELECTED, ids, 'b', { shift: true, toggle: true }))).toBe('b')
  })

  it('keeps the beginning of a range while its end moves', () => {
    const range = selectRow(selectRow(NOTHING_SELECTED, ids, 'b', plain), ids, 'e', {
      shift: true,
      toggle: false,
    })
    expect(marked(selectRow(range, ids, 'c', { shift: true, toggle: false }))).toBe('bc')
  })

  it('marks the row alone when the beginning of the range is gone', () => {
    const one = selectRow(NOTHING_SELECTED, ids, 'a', plain)
    expect(marked(selectRow(one, ['b', 'c'], 'c', { shift: true, toggle: false }))).toBe('c')
  })
})

describe('moveCursor', () => {
  it('enters at the top going down, at the bottom going up', () => {
    expect(moveCursor(NOTHING_SELECTED, ids, 1, false).cursor).toBe('a')
    expect(moveCursor(NOTHING_SELECTED, ids, -1, false).cursor).toBe('e')
  })

  it('never leaves the list', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -7, max: 7 }), fc.boolean())), (moves) => {
        let selection = NOTHING_SELECTED
        for (const [step, shift] of moves) {
          selection = moveCursor(selection, ids, step, shift)
          expect(ids).toContain(selection.cursor)
          expect([...selection.marked].every((id) => ids.includes(id))).toBe(true)
        }
      }),
    )
  })

  it('grows the range with Shift', () => {
    const down = moveCursor(moveCursor(NOTHING_SELECTED, ids, 1, false), ids, 2, true)
    expect(marked(down)).toBe('abc')
  })
})

describe('keepExisting', () => {
  it('forgets what is gone and is the same object when nothing is', () => {
    const toggle = { shift: false, toggle: true }
    const two = selectRow(selectRow(NOTHING_SELECTED, ids, 'a', toggle), ids, 'b', toggle)
    expect(keepExisting(two, () => true)).toBe(two)
    const left = keepExisting(two, (id) => id === 'a')
    expect(marked(left)).toBe('a')
    expect(left.cursor).toBeNull()
  })
})
