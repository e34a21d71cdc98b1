import { expect, it, vi } from 'vitest'
import { createAsking } from './asking'

/** A question that is answered when the test says so. */
function question() {
  const asked: { signal: AbortSignal; answer(value: string): void; fail(error: Error): void }[] = []
  const ask = (signal: AbortSignal) =>
    new Promise<string>((answer, fail) => {
      asked.push({ signal, answer, fail })
    })
  return { asked, ask }
}
const settled = () => new Promise((resolve) => setTimeout(resolve))

it('gets an answer however often it is to ask again meanwhile, and asks once more after it', async () => {
  const { asked, ask } = question()
  const onValue = vi.fn()
  const { again } = createAsking(ask, onValue, () => undefined)
  for (let i = 0; i < 5; i++) again()
  expect(asked).toHaveLength(1)
  expect(asked[0]?.signal.aborted).toBe(false)
  asked[0]?.answer('first')
  await settled()
  expect(onValue.mock.calls).toEqual([['first']])
  expect(asked).toHaveLength(2)
  asked[1]?.answer('second')
  await settled()
  expect(onValue.mock.calls).toEqual([['first'], ['second']])
  expect(asked).toHaveLength(2)
})

it('asks once more after an error too', async () => {
  const { asked, ask } = question()
  const onError = vi.fn()
  const { again } = createAsking(ask, () => undefined, onError)
  again()
  again()
  const error = new Error('Not now.')
  asked[0]?.fail(error)
  await settled()
  expect(onError.mock.calls).toEqual([[error]])
  expect(asked).toHaveLength(2)
})

it('tells and asks nothing once it is stopped', async () => {
  const { asked, ask } = question()
  const told = vi.fn()
  const { again, stop } = createAsking(ask, told, told)
  again()
  again()
  stop()
  expect(asked[0]?.signal.aborted).toBe(true)
  asked[0]?.answer('too late')
  await settled()
  again()
  expect(told).not.toHaveBeenCalled()
  expect(asked).toHaveLength(1)
})
