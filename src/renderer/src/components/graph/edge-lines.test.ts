import { expect, it } from 'vitest'
import { edgeLines } from './edge-lines'
import { placeNodes } from './layout'

it('draws every edge between nodes that are there, in no more paths than there are columns', () => {
  const ids = Array.from({ length: 400 }, (_, i) => String(i))
  const edges = ids
    .slice(20)
    .flatMap((to, i) => Array.from({ length: 20 }, (_, d) => ({ from: String(i - (i % 20) + d), to })))
  const places = placeNodes(ids, edges)
  const lines = edgeLines([...edges, { from: '0', to: 'gone' }], places, undefined)
  expect(lines.map(({ path }) => path.split('C').length - 1).reduce((sum, count) => sum + count)).toBe(
    edges.length,
  )
  expect(lines.length).toBeLessThan(20)
})

it('tells the edges of the way that stands out, above the others', () => {
  const places = placeNodes(['a', 'b', 'c'], [])
  const edges = [
    { from: 'a', to: 'b' },
    { from: 'a', to: 'c' },
  ]
  expect(edgeLines(edges, places, new Set(['a', 'b'])).map(({ look }) => look)).toEqual(['faded', 'chosen'])
  expect(edgeLines(edges, places, undefined).map(({ look }) => look)).toEqual(['plain'])
})
