import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Feed } from '../../../shared/contract'
import { emptyLive, type LiveState, reduce, reduceAll, restarted } from './live'

vi.mock('./errors', () => ({ toErrorView: () => ({ code: 'internal', message: '', details: {} }) }))
vi.mock('./client', () => ({ onEachConnection: () => () => undefined }))

interface Item {
  id: string
  value: number
}
const item = (id: string, value = 0): Item => ({ id, value })
const snapshot = (revision: number, items: Item[], more = false): Feed<Item> => ({
  type: 'snapshot',
  revision,
  items,
  more,
})
const change = (revision: number, changed: Item[], removed: string[] = []): Feed<Item> => ({
  type: 'change',
  revision,
  changed,
  removed,
})
const run = (...events: Feed<Item>[]): LiveState<Item> => events.reduce(reduce<Item>, emptyLive<Item>())

describe('reduce', () => {
  it('shows nothing before the last part of a snapshot', () => {
    const half = run(snapshot(0, [item('a')], true))
    expect(half.ready).toBe(false)
    expect(half.items.size).toBe(0)
    const whole = reduce(half, snapshot(1, [item('b')]))
    expect(whole.ready).toBe(true)
    expect([...whole.items.keys()]).toEqual(['a', 'b'])
  })

  it('applies changes and removals', () => {
    const state = run(snapshot(0, [item('a'), item('b')]), change(1, [item('a', 5), item('c')], ['b']))
    expect([...state.items.values()]).toEqual([item('a', 5), item('c')])
  })

  it('keeps a snapshot that begins at any revision', () => {
    expect(run(snapshot(40, [item('a')]), change(41, [item('b')])).items.size).toBe(2)
  })

  it('stops at a gap and ignores what follows', () => {
    const state = run(snapshot(0, [item('a')]), change(2, [item('b')]), change(3, [item('c')]))
    expect(state.gap).toBe(true)
    expect([...state.items.keys()]).toEqual(['a'])
  })

  it('takes a lost part of a snapshot and a change before its end for gaps', () => {
    expect(run(snapshot(0, [item('a')], true), snapshot(2, [item('c')])).gap).toBe(true)
    expect(run(snapshot(0, [item('a')], true), change(1, [item('b')])).gap).toBe(true)
    expect(run(change(0, [item('a')])).gap).toBe(true)
  })

  it('keeps what was known in sight until the new snapshot is whole, then forgets what is gone', () => {
    const before = run(snapshot(0, [item('old')]), change(5, []))
    const begun = reduce(restarted(before), snapshot(0, [item('new')], true))
    expect([...begun.items.keys()]).toEqual(['old'])
    expect(begun.gap).toBe(false)
    expect([...reduce(begun, snapshot(1, [])).items.keys()]).toEqual(['new'])
  })

  it('never changes the state it is given', () => {
    const before = run(snapshot(0, [item('a')]))
    const items = before.items
    reduce(before, change(1, [item('b')], ['a']))
    expect([...items.keys()]).toEqual(['a'])
  })

  it('gives the same for events one by one and for any bundles of them', () => {
    const op = fc.oneof(
      fc.record({ put: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.nat(9) }),
      fc.record({ drop: fc.constantFrom('a', 'b', 'c', 'd') }),
    )
    fc.assert(
      fc.property(fc.array(op, { maxLength: 30 }), fc.nat(30), fc.nat(4), (ops, cut, skip) => {
        const events: Feed<Item>[] = [snapshot(0, [item('a')], true), snapshot(1, [item('b')])]
        ops.forEach((o, i) => {
          // Sometimes one revision is missing.
          const revision = 2 + i + (skip === 3 && i > 5 ? 1 : 0)
          events.push('put' in o ? change(revision, [item(o.put, o.value)]) : change(revision, [], [o.drop]))
        })
        const oneByOne = run(...events)
        const bundled = reduceAll(reduceAll(emptyLive<Item>(), events.slice(0, cut)), events.slice(cut))
        expect(bundled).toEqual(oneByOne)
      }),
    )
  })
})
