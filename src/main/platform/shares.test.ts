import { expect, it } from 'vitest'
import { Shares } from './shares'

it('gives each up to a share and all together up to the total, and again what was given back', () => {
  const shares = new Shares({ each: 6, total: 10 }, 'Too much.')
  shares.take('anna', 6)
  expect(() => shares.take('anna')).toThrow('Too much.')
  shares.take('ben', 4)
  expect(() => shares.take('ben')).toThrow('Too much.')
  shares.give('anna', 2)
  shares.take('ben', 2)
  expect(() => shares.take('ben')).toThrow('Too much.')
  shares.give('anna', 4)
  shares.give('ben', 6)
  shares.take('anna', 6)
})
