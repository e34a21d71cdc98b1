import { expect, it } from 'vitest'
import { NO_OPTIONS, specOf } from './chat-options'

it('leaves to the system what nobody has set, and sends the rest as numbers', () => {
  expect(specOf(NO_OPTIONS)).toEqual({})
  const set = { stop: ['.'], topP: 0.5, topK: '0', contextSize: 512, completions: '2' }
  expect(specOf({ ...set, gpu: 1, gpuGigabytes: null })).toEqual({
    need: { gpu: 1 },
    stop: ['.'],
    topP: 0.5,
    topK: 0,
    contextSize: 512,
    completions: 2,
  })
})
