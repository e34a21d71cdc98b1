import { expect, it } from 'vitest'
import { keep } from './keep'

it('keeps so many values, those that were set last', () => {
  const values = new Map<string, number>()
  for (const key of ['a', 'b', 'a', 'c']) keep(values, key, 1, 2)
  expect([...values.keys()]).toEqual(['a', 'c'])
})
