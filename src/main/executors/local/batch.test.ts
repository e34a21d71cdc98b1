import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tensors } from '../../../shared/domain/tensor'
import { GroupSize, groupEnd } from './batch'

const item = (bytes: number): Tensors => ({ a: { dtype: 'uint8', shape: [bytes], bytes: new Uint8Array(0) } })
const MIB = 2 ** 20

describe('groupEnd', () => {
  it('takes at least one item and never more than there are', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 600 * MIB }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(
        sizes,
        fc.nat(60),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 40 }),
        (all, at, wanted, stack) => {
          const items = all.map(item)
          const from = at % items.length
          const to = groupEnd(items, from, wanted, stack)
          expect(to).toBeGreaterThan(from)
          expect(to).toBeLessThanOrEqual(items.length)
        },
      ),
    )
  })

  it('ends a group at 4 MiB, but keeps what is to run together together', () => {
    const items = Array.from({ length: 100 }, () => item(MIB))
    expect(groupEnd(items, 0, 64, 1)).toBe(4)
    expect(groupEnd(items, 0, 64, 20)).toBe(20)
    expect(groupEnd(items, 90, 64, 20)).toBe(100)
    expect(groupEnd([item(900 * MIB), item(1)], 0, 64, 2)).toBe(1)
  })

  it('takes whole stacks', () => {
    expect(
      groupEnd(
        Array.from({ length: 100 }, () => item(1)),
        0,
        64,
        10,
      ),
    ).toBe(70)
  })
})

describe('GroupSize', () => {
  it('grows in steps to what a quarter of a second holds, and shrinks at once', () => {
    const size = new GroupSize()
    expect(size.items).toBe(1)
    size.learn(1, 10)
    expect(size.items).toBe(4)
    size.learn(4, 40)
    size.learn(16, 160)
    expect(size.items).toBe(25)
    size.learn(25, 25_000)
    expect(size.items).toBe(1)
    for (let i = 0; i < 9; i++) size.learn(1, 0)
    expect(size.items).toBe(256)
  })
})
