import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { askAgain, DENIED_REST_MS } from '../../lib/live'
import { createAsking } from './asking'

vi.mock('../../lib/client', () => ({}))
vi.mock('../../lib/errors', () => ({
  toErrorView: (error: unknown) => error,
  isDenied: ({ message }: Error) => message === 'denied',
}))

const page = { hidden: false }
beforeEach(() => vi.stubGlobal('document', page))
afterEach(() => {
  page.hidden = false
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

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

it('looks only while somebody does, and awaits an answer that takes longer than the looks are apart', async () => {
  const { asked, ask } = question()
  const onValue = vi.fn()
  const { look } = createAsking(ask, onValue, () => undefined)
  page.hidden = true
  look()
  expect(asked).toHaveLength(0)
  page.hidden = false
  look()
  look()
  asked[0]?.answer('late')
  await settled()
  expect(onValue.mock.calls).toEqual([['late']])
  expect(asked).toHaveLength(1)
})

it('after a denial looks again only when it has rested, or rights change; a person who asks is not kept waiting', async () => {
  vi.useFakeTimers()
  const denied = vi.fn(() => Promise.reject(new Error('denied')))
  const { again, look, stop } = createAsking(
    denied,
    () => undefined,
    () => undefined,
  )
  const lookFor = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 3_000) {
      look()
      await vi.advanceTimersByTimeAsync(3_000)
    }
  }
  await lookFor(DENIED_REST_MS)
  expect(denied).toHaveBeenCalledTimes(1)
  await lookFor(3_000)
  expect(denied).toHaveBeenCalledTimes(2)
  askAgain()
  await vi.advanceTimersByTimeAsync(10)
  expect(denied).toHaveBeenCalledTimes(3)
  again()
  await vi.advanceTimersByTimeAsync(10)
  expect(denied).toHaveBeenCalledTimes(4)
  stop()
  askAgain()
  await vi.advanceTimersByTimeAsync(10)
  expect(denied).toHaveBeenCalledTimes(4)
})
