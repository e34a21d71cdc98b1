import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { layered } from './layered'
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

it('gives each node of a large graph a cell of its own, right of all that leads to it, in no column higher than asked', () => {
  return fc.assert(
    fc.property(acyclic, fc.integer({ min: 1, max: 5 }), ({ ids, edges }, mostRows) => {
      const cells = layered(ids, edges, mostRows)
      const columnOf = (id: string) => cells.get(id)?.column ?? Number.NaN
      for (const { from, to } of edges) expect(columnOf(to)).toBeGreaterThan(columnOf(from))
      expect(new Set([...cells.values()].map(({ column, row }) => `${column} ${row}`)).size).toBe(ids.length)
      for (const [, { column }] of cells)
        expect(ids.filter((id) => columnOf(id) === column).length).toBeLessThanOrEqual(mostRows)
    }),
  )
})

it('lays chains side by side without a crossing, whatever the order of their nodes', () => {
  const ids = ['a1', 'b1', 'c1', 'c2', 'a2', 'b2', 'b3', 'c3', 'a3']
  const edges = ['a', 'b', 'c'].flatMap((chain) =>
    [1, 2].map((i) => ({ from: `${chain}${i}`, to: `${chain}${i + 1}` })),
  )
  const cells = layered(ids, edges, 9)
  for (const { from, to } of edges) expect(cells.get(to)?.row).toBe(cells.get(from)?.row)
})

it('places what goes round in a circle too', () => {
  const ids = ['in', 'a', 'b', 'out']
  const edges = [
    { from: 'in', to: 'a' },
    { from: 'a', to: 'b' },
    { from: 'b', to: 'a' },
    { from: 'b', to: 'out' },
  ]
  expect([...layered(ids, edges, 9).keys()].sort()).toEqual([...ids].sort())
})

it('keeps no window waiting for the largest pipeline', () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => String(i))
  const edges = ids.slice(50).flatMap((to, i) => [0, 7, 49].map((less) => ({ from: String(i + less), to })))
  const startedMs = performance.now()
  expect(placeNodes(ids, edges).size).toBe(1_000)
  // Some 20 ms; by dagre minutes.
  expect(performance.now() - startedMs).toBeLessThan(5_000)
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
