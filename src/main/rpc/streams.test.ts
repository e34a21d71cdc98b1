import { expect, it } from 'vitest'
import { Emitter } from '../platform/events'
import { latest } from './streams'

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = []
  for await (const part of parts) got.push(part)
  return got
}

it('ends with a change that came before anybody read', async () => {
  const changes = new Emitter<string>(() => undefined)
  let state = 'running'
  const stream = latest(changes.event, (value) => value, AbortSignal.timeout(5_000), {
    first: () => state,
    until: (value) => value === 'succeeded',
  })
  // The job ends between the request and the first read: no event will say so again.
  state = 'succeeded'
  changes.fire(state)
  expect(await all(stream)).toEqual(['succeeded'])
})

it('gives a slow reader the newest value, and ends with its signal', async () => {
  const changes = new Emitter<number>(() => undefined)
  const stop = new AbortController()
  const stream = latest(changes.event, (value) => value * 10, stop.signal, { first: () => 0 })
  expect(await stream.next()).toEqual({ done: false, value: 0 })
  for (const value of [1, 2, 3]) changes.fire(value)
  expect(await stream.next()).toEqual({ done: false, value: 30 })
  stop.abort()
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

it('leaves no listener behind when what it begins with is not there', async () => {
  let listeners = 0
  const event = () => {
    listeners++
    return () => void listeners--
  }
  const first = () => {
    throw new Error('gone')
  }
  await expect(latest(event, (value) => value, undefined, { first }).next()).rejects.toThrow('gone')
  expect(listeners).toBe(0)
})
