import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { NODE_HEIGHT, NODE_WIDTH, placeNodes } from './layout'
import { pathThrough } from './path'

/** Edges from lower to higher numbers: a graph without a cycle. */
const acyclic = fc
  .integer({ min: 1, max: 14 })
  .chain((count) =>
    fc.record({
      ids: fc.constant(Array.from({ length: count }, (_, i) => String(i))),
      pairs: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 24 }),
    }),
  )
  .map(({ ids, pairs }) => ({
    ids,
    edges: pairs.flatMap(([a, b]) =>
      a === b ? [] : [{ from: String(Math.min(a, b)), to: String(Math.max(a, b)) }],
    ),
  }))

it('goes left to right along every edge, and no node lies on another', () => {
  return fc.assert(
    fc.property(acyclic, ({ ids, edges }) => {
      const places = placeNodes(ids, edges)
      const at = (id: string) => places.get(id) ?? { x: Number.NaN, y: Number.NaN }
      for (const { from, to } of edges) expect(at(to).x - at(from).x).toBeGreaterThan(NODE_WIDTH)
      for (const one of ids) {
        for (const other of ids) {
          if (one === other) continue
          const apart =
            Math.abs(at(one).x - at(other).x) >= NODE_WIDTH ||
            Math.abs(at(one).y - at(other).y) >= NODE_HEIGHT
          expect(apart, `${one} and ${other}`).toBe(true)
        }
      }
    }),
    { numRuns: 60 },
  )
})

it('leaves out an edge to what is not there', () => {
  expect([...placeNodes(['a'], [{ from: 'a', to: 'b' }]).keys()]).toEqual(['a'])
})

it('follows what leads to a node and what comes from it, not what is beside it', () => {
  const edges = [
    { from: 'source', to: 'a' },
    { from: 'a', to: 'b' },
    { from: 'a', to: 'c' },
    { from: 'b', to: 'a' },
    { from: 'd', to: 'c' },
  ]
  expect([...pathThrough('c', edges)].sort()).toEqual(['a', 'b', 'c', 'd', 'source'])
  expect([...pathThrough('source', edges)].sort()).toEqual(['a', 'b', 'c', 'source'])
})
