import { expect, it } from 'vitest'
import { misfit } from './architecture'

const tensor = (name: string, ...shape: number[]) => ({ name, dtype: 'float32', shape })

it('finds nothing against weights whose names and shapes the graph has', () => {
  const graph = [tensor('a', 2, 3), tensor('b', 4)]
  expect(misfit(graph, graph, 'net@1')).toBeNull()
  expect(misfit([{ ...tensor('a', 2, 3), dtype: 'float16' }], graph, 'net@1')).toBeNull()
  expect(misfit([], graph, 'net@1')).toBeNull()
  expect(misfit(graph, [], 'net@1')).toBeNull()
})

it('names what the graph lacks and what has another shape, a few of many', () => {
  expect(misfit([tensor('a', 3, 2), tensor('c', 1)], [tensor('a', 2, 3)], 'net@1')).toBe(
    'net@1 has no c; a is [3, 2] and would have to be [2, 3]',
  )
  const many = Array.from({ length: 5 }, (_, i) => tensor(`w${i}`, 1))
  expect(misfit(many, [tensor('a', 1)], 'net@1')).toBe('net@1 has no w0, w1, w2 and 2 more')
})
