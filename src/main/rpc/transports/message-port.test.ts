import { expect, it } from 'vitest'
import { AppError } from '../../../shared/errors'
import { createLogger } from '../../platform/logger'
import { wireErrors } from './message-port'

const onTheWire = <Part>(parts: () => AsyncGenerator<Part>) =>
  wireErrors(createLogger('silent'))({ next: async () => parts() })

it('what fails in the middle of a stream leaves as an error of the vocabulary, as before it', async () => {
  const parts = await onTheWire(async function* () {
    yield 1
    throw new AppError('storage.corrupt', 'It is damaged.', { job: 'j-1' })
  })
  expect(await parts.next()).toEqual({ done: false, value: 1 })
  await expect(parts.next()).rejects.toMatchObject({ code: 'storage.corrupt', data: { job: 'j-1' } })
  const bug = await onTheWire(async function* () {
    yield* [].at(1) as unknown as number[]
  })
  await expect(bug.next()).rejects.toMatchObject({ code: 'internal' })
})

it('who stops reading ends what is read', async () => {
  let isEnded = false
  const parts = await onTheWire(async function* () {
    try {
      yield* [1, 2]
    } finally {
      isEnded = true
    }
  })
  await parts.next()
  await parts.return(undefined)
  expect(isEnded).toBe(true)
})
