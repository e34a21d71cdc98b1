import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { modelPath, modelPlace, TABS } from './place'

const number = fc.option(fc.integer({ min: 1, max: 99_999 }), { nil: undefined })
const place = fc.record({
  version: number,
  tab: fc.constantFrom(...TABS),
  from: number,
  to: number,
  run: fc.boolean(),
})

it('comes back from its path', () => {
  return fc.assert(
    fc.property(place, (wanted) => {
      const [path = '', search = ''] = modelPath('net.a_b-c', wanted).split('?', 2)
      const version = path.split('/')[3]
      expect(modelPlace(version === undefined ? {} : { version }, new URLSearchParams(search))).toEqual(
        wanted,
      )
    }),
  )
})

it('ignores what it does not know', () => {
  expect(modelPlace({ version: 'x1' }, new URLSearchParams('tab=other&from=-1&to=1e9'))).toEqual({
    version: undefined,
    tab: 'overview',
    from: undefined,
    to: undefined,
    run: false,
  })
})
