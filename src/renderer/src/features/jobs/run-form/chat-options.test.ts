import { expect, it } from 'vitest'
import { NO_OPTIONS, specOf } from './chat-options'

it('leaves to the system what nobody has set, and sends the rest as numbers', () => {
  expect(specOf(NO_OPTIONS)).toEqual({})
  expect(specOf({ stop: ['.'], topP: 0.5, topK: '0', contextSize: 512, completions: '2' })).toEqual({
    stop: ['.'],
    topP: 0.5,
    topK: 0,
    contextSize: 512,
    completions: 2,
  })
})
