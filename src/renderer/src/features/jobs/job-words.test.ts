import { ModelName } from '@shared/domain/references'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { resultsName } from './job-words'

it('a job gives its results a name that a data set may have, whatever it is called', () => {
  expect(resultsName({ name: 'Meeting of Tuesday' })).toBe('meeting-of-tuesday-results')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 120 }), (name) => {
      expect(ModelName.safeParse(resultsName({ name })).success).toBe(true)
    }),
    { numRuns: 500 },
  )
})
