import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from './clock'
import { Thread, ThreadTimeout } from './thread'

/** Answers with the request and how many there were; some requests it does not survive. */
const ECHO = `
const { parentPort } = require('node:worker_threads')
let count = 0
parentPort.on('message', (request) => {
  if (request === 'hang') for (;;);
  if (request === 'throw') throw new RangeError('too deep')
  if (request === 'exit') process.exit(3)
  parentPort.postMessage([request, ++count])
})
`

let begun = 0
let thread: Thread<number | string, [number, number]>

beforeEach(() => {
  begun = 0
  thread = new Thread(() => {
    begun++
    return new Worker(ECHO, { eval: true })
  }, systemClock)
})
afterEach(() => thread.dispose())

it('answers in the order of the requests, by one thread', async () => {
  expect(await Promise.all([7, 8, 9].map((n) => thread.ask(n)))).toEqual([
    [7, 1],
    [8, 2],
    [9, 3],
  ])
  expect(begun).toBe(1)
})

it('fails with what the thread died of, and the next request has another', async () => {
  const asked = [thread.ask('throw'), thread.ask(1), thread.ask('exit'), thread.ask(2)]
  const [thrown, first, gone, second] = await Promise.allSettled(asked)
  expect(thrown).toMatchObject({ status: 'rejected', reason: { name: 'RangeError', message: 'too deep' } })
  expect(first).toMatchObject({ value: [1, 1] })
  expect(gone).toMatchObject({ status: 'rejected', reason: { message: 'The thread ended.' } })
  expect(second).toMatchObject({ value: [2, 1] })
  expect(begun).toBe(3)
})

it('ends a thread that takes too long, or that nobody waits for any more', async () => {
  await expect(thread.ask('hang', { timeoutMs: 50 })).rejects.toBeInstanceOf(ThreadTimeout)
  const abort = new AbortController()
  const given = thread.ask('hang', { signal: abort.signal })
  const behind = thread.ask(5, { signal: abort.signal })
  const after = thread.ask(6)
  abort.abort(new Error('closed'))
  await expect(given).rejects.toThrow('closed')
  await expect(behind).rejects.toThrow('closed')
  expect(await after).toEqual([6, 1])
})

it('rejects what it is at and what waits when it is disposed, and begins no more', async () => {
  const asked = Promise.allSettled([thread.ask('hang'), thread.ask(1)])
  await expect.poll(() => begun).toBe(1)
  await thread.dispose()
  const reasons = (await asked).map((one) => one.status === 'rejected' && one.reason.message)
  expect(reasons).toEqual(['The thread ended.', 'The thread was disposed.'])
  await expect(thread.ask(2)).rejects.toThrow('disposed')
  expect(begun).toBe(1)
})
