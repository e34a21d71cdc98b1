import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ErrorView } from './errors'
import { askAgain, createLiveStore, DENIED_REST_MS } from './live'
import { createPolledStore } from './poll'
import { useTelemetry } from './telemetry'

vi.mock('./client', () => ({
  onEachConnection: (onConnect: (client: object, signal: AbortSignal) => void) => {
    const connection = new AbortController()
    onConnect({ core: { telemetry: { list: denied } } }, connection.signal)
    return () => connection.abort()
  },
}))
vi.mock('./errors', () => ({
  toErrorView: (view: ErrorView) => view,
  isDenied: ({ code }: ErrorView) => code === 'security.denied',
}))

const denied = vi.hoisted(() =>
  vi.fn((): Promise<never> => Promise.reject({ code: 'security.denied', message: 'No.', details: {} })),
)

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('document', { hidden: false, addEventListener() {}, removeEventListener() {} })
  denied.mockClear()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it.each([
  ['a value', () => createPolledStore(denied, 2_000)],
  ['a feed', () => createLiveStore(denied)],
  ['telemetry', () => useTelemetry],
])(
  '%s that is denied is asked for again only after a long rest, or when rights change',
  async (_, create) => {
    const stop = create().start()
    await vi.advanceTimersByTimeAsync(DENIED_REST_MS - 1_000)
    expect(denied).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(denied).toHaveBeenCalledTimes(2)
    askAgain()
    await vi.advanceTimersByTimeAsync(10)
    expect(denied).toHaveBeenCalledTimes(3)
    stop()
    askAgain()
    await vi.advanceTimersByTimeAsync(10)
    expect(denied).toHaveBeenCalledTimes(3)
  },
)

it('a person who asks is not kept waiting', async () => {
  const store = createPolledStore(denied, 2_000)
  const stop = store.start()
  await vi.advanceTimersByTimeAsync(10)
  await store.getState().refresh()
  expect(denied).toHaveBeenCalledTimes(2)
  stop()
})
