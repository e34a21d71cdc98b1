import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PackedItems } from '../../../shared/domain/packed-items'
import type { Tensors } from '../../../shared/domain/tensor'
import { Feed, GroupSize, groupSize } from './batch'

const item = (bytes: number): Tensors => ({
  a: { dtype: 'uint8', shape: [bytes], bytes: new Uint8Array(bytes) },
})
const bytesOf = (items: PackedItems) => Buffer.concat(items.toPieces().pieces)
const KIB = 2 ** 10
const MIB = 2 ** 20

describe('groupSize', () => {
  it('ends a group at 4 MiB, but keeps what is to run together together', () => {
    const items = PackedItems.of(new Array<Tensors>(30).fill(item(MIB)))
    expect(groupSize(items, 64, 1)).toBe(4)
    expect(groupSize(items, 64, 20)).toBe(20)
    expect(groupSize(items.slice(20), 64, 20)).toBe(10)
    expect(groupSize(PackedItems.of([item(257 * MIB), item(1)]), 64, 2)).toBe(1)
  })

  it('takes whole stacks', () => {
    const items = PackedItems.of(new Array<Tensors>(100).fill(item(1)))
    expect(groupSize(items, 64, 10)).toBe(70)
    expect(groupSize(items.slice(35), 64, 10)).toBe(60)
    expect(groupSize(items.slice(95), 64, 10)).toBe(5)
    expect(groupSize(PackedItems.of(new Array<Tensors>(100).fill(item(100 * KIB))), 64, 10)).toBe(40)
  })
})

describe('Feed', () => {
  const some = fc.array(fc.integer({ min: 0, max: 300 * KIB }), { maxLength: 40 })

  it('any parts give the same items, in groups that are never too large', () =>
    fc.assert(
      fc.asyncProperty(
        some,
        fc.array(fc.nat(40)),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 9 }),
        async (sizes, cuts, wanted, stack) => {
          const all = PackedItems.of(sizes.map(item))
          const ends = [...cuts.map((at) => Math.min(at, all.count)).sort((a, b) => a - b), all.count]
          const feed = new Feed(ends.map((to, i) => all.slice(i === 0 ? 0 : (ends[i - 1] ?? 0), to)))
          const groups: PackedItems[] = []
          for (let group = await feed.next(wanted, stack); group; group = await feed.next(wanted, stack)) {
            expect(group.count).toBeGreaterThan(0)
            expect(group.count).toBeLessThan(wanted + stack)
            if (group.count > stack) expect(group.byteLength).toBeLessThanOrEqual(4 * MIB)
            groups.push(group)
          }
          expect(Buffer.compare(bytesOf(PackedItems.join(groups)), bytesOf(all))).toBe(0)
        },
      ),
    ))

  it('reads one part ahead and no more', async () => {
    let read = 0
    async function* parts() {
      for (; read < 100; read++) yield PackedItems.of([item(MIB), item(MIB)])
    }
    const feed = new Feed(parts())
    for (let taken = 0; taken < 20; taken++) {
      expect((await feed.next(1, 1))?.count).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      expect(read).toBeLessThanOrEqual(Math.ceil((taken + 1) / 2) + 2)
    }
    await feed.end()
  })

  it('says why the next part cannot be read, when it is needed', async () => {
    async function* parts() {
      yield PackedItems.of([item(1), item(1)])
      throw new Error('gone')
    }
    const feed = new Feed(parts())
    expect((await feed.next(1, 1))?.count).toBe(1)
    expect((await feed.next(1, 1))?.count).toBe(1)
    await expect(feed.next(1, 1)).rejects.toThrow('gone')
  })
})

describe('GroupSize', () => {
  it('grows in steps to what a quarter of a second holds, and shrinks at once', () => {
    const size = new GroupSize()
    expect(size.items).toBe(1)
    size.learn(1, 10, 0)
    expect(size.items).toBe(4)
    size.learn(4, 40, 0)
    size.learn(16, 160, 0)
    expect(size.items).toBe(25)
    size.learn(25, 25_000, 0)
    expect(size.items).toBe(1)
    for (let i = 0; i < 9; i++) size.learn(1, 0, 0)
    expect(size.items).toBe(256)
  })

  it('holds no more items than have 16 MiB of outputs together, but one', () => {
    const size = new GroupSize()
    for (let i = 0; i < 9; i++) size.learn(1, 0, 100)
    size.learn(256, 1, 256 * MIB)
    expect(size.items).toBe(16)
    size.learn(16, 1, 16 * 100 * MIB)
    expect(size.items).toBe(1)
  })
})
