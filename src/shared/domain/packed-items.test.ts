import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PackedItems } from './packed-items'
import type { Tensor, Tensors } from './tensor'
import { packTensors, unpackTensors } from './tensor-codec'

const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc
    .uint8Array({ maxLength: 20 })
    .map((bytes) => ({ dtype: 'uint8' as const, shape: [bytes.length], bytes })),
  fc
    .float32Array({ minLength: 3, maxLength: 3 })
    .map((all) => ({ dtype: 'float32' as const, shape: [3], bytes: new Uint8Array(all.buffer) })),
  fc
    .array(fc.string(), { maxLength: 3 })
    .map((strings) => ({ dtype: 'string' as const, shape: [strings.length], strings })),
)
const item: fc.Arbitrary<Tensors> = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tensor, {
  noNullPrototype: true,
})
const items = fc.array(
  fc.oneof(item, fc.constant<Tensors>({ a: { dtype: 'uint8', shape: [9], bytes: new Uint8Array(9) } })),
  {
    maxLength: 12,
  },
)

const bytesOf = (packed: PackedItems) => new Uint8Array(Buffer.concat(packed.toPieces().pieces))

describe('PackedItems', () => {
  it('any cut, and any joining of cuts, is the same items', () => {
    fc.assert(
      fc.property(items, fc.array(fc.nat(12), { maxLength: 5 }), (all, at) => {
        const packed = PackedItems.parse(packTensors(all))
        const cuts = [0, ...at.map((n) => Math.min(n, all.length)).sort((a, b) => a - b), all.length]
        const parts = cuts.slice(1).map((to, i) => packed.slice(cuts[i] ?? 0, to))
        parts.forEach((part, i) => {
          expect(part.count).toBe((cuts[i + 1] ?? 0) - (cuts[i] ?? 0))
          expect(part.unpack()).toEqual(all.slice(cuts[i], cuts[i + 1]))
          expect(unpackTensors(bytesOf(part))).toEqual(part.unpack())
        })
        const joined = PackedItems.join(parts)
        expect(joined.unpack()).toEqual(all)
        expect(Buffer.from(bytesOf(joined))).toEqual(Buffer.from(packTensors(all)))
        const again = PackedItems.join(parts.map((part) => PackedItems.parse(bytesOf(part))))
        expect(again.slice(cuts[1] ?? 0).unpack()).toEqual(all.slice(cuts[1]))
      }),
    )
  })

  it('made from tensors or read from bytes, it is the same', () => {
    fc.assert(
      fc.property(items, (all) => {
        const made = PackedItems.of(all)
        expect(Buffer.from(bytesOf(made))).toEqual(Buffer.from(packTensors(all)))
        const strings = all.flatMap((one) =>
          Object.values(one).flatMap((each) => (each.dtype === 'string' ? each.strings : [])),
        )
        expect(made.stringBytes).toBe(
          strings.reduce((sum, text) => sum + 4 + new TextEncoder().encode(text).byteLength, 0),
        )
      }),
    )
  })

  it('as many items as asked for fit, unless one more would be too many bytes', () => {
    fc.assert(
      fc.property(items, fc.nat(14), fc.nat(300), (all, most, maxBytes) => {
        const packed = PackedItems.of(all)
        const count = packed.fitting(most, maxBytes)
        expect(count).toBeLessThanOrEqual(Math.min(most, all.length))
        expect(packed.slice(0, count).byteLength).toBeLessThanOrEqual(maxBytes)
        if (count < Math.min(most, all.length)) {
          expect(packed.slice(0, count + 1).byteLength).toBeGreaterThan(maxBytes)
        }
      }),
    )
  })

  it('names the first item of each row of items of one form', () => {
    fc.assert(
      fc.property(items, (all) => {
        for (const [index, first] of PackedItems.of(all).forms()) expect(first).toEqual(all[index])
        expect([...PackedItems.of([...all, ...all]).forms()].length).toBeGreaterThanOrEqual(
          Math.min(1, all.length),
        )
      }),
    )
  })

  it('refuses bytes that are cut off', () => {
    const bytes = packTensors([{ a: { dtype: 'uint8', shape: [9], bytes: new Uint8Array(9) } }])
    for (let size = 0; size < bytes.length; size++) {
      expect(() => PackedItems.parse(bytes.subarray(0, size))).toThrow(/damaged|cut off/)
    }
  })
})
