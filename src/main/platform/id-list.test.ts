import { expect, it } from 'vitest'
import { parseIdList } from './id-list'

it('reads lists of CPUs and nodes as the kernel writes them', () => {
  expect(parseIdList('0-2,8\n')).toEqual([0, 1, 2, 8])
  expect(parseIdList('5')).toEqual([5])
  expect(parseIdList('')).toEqual([])
})

it('leaves out what is no number and no range, and is not led into endless ones', () => {
  expect(parseIdList('x,3-1,-2,7')).toEqual([7])
  expect(parseIdList('0-99999999')).toHaveLength(8192)
})
