import { ORPCError } from '@orpc/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { refreshAccess, useAccess } from '../features/access/access-store'
import { connect, useConnection } from './client'
import { startStores, useAudit, useDevices, useJobs, useMe, useQueue, useQueueHistory } from './stores'
import { useTelemetry } from './telemetry'
import type { Transport } from './transport'

// The words of errors are in the language of the browser.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))

/** The other side: what it answers, and how it goes. */
const server = vi.hoisted(() => ({
  answer: async (_path: string): Promise<unknown> => undefined,
  drop: (): void => undefined,
}))
vi.mock('./transport', () => ({
  SignInNeeded: class extends Error {},
  openTransport: async (): Promise<Transport> => ({
    link: { call: (path) => server.answer(path.join('.')) },
    closed: new Promise((resolve) => {
      server.drop = resolve
    }),
  }),
}))

const hour = { succeeded: 1, failed: 0, cancelled: 0, medianWaitMs: 1, p95WaitMs: 1 }
const answers: Record<string, unknown> = {
  'compute.queue': { waiting: [], byState: { running: 1 }, lastHour: hour },
  'core.telemetry.list': { items: [{ device: 'd-1', at: new Date().toISOString() }] },
  'security.me': { id: 'p-1', name: 'Marie Curie' },
  'security.policies.list': { items: [{ id: 'secret' }] },
  'security.principals.list': { items: [{ id: 'p-1' }], nextCursor: null },
  'system.info': {},
}

async function* feed(path: string) {
  if (path === 'core.telemetry.watch') yield { samples: [], resources: { capacity: {} } }
  else yield { type: 'snapshot', revision: 0, items: [{ id: 'x-1' }], more: false }
  await new Promise(() => undefined)
}

const allow = async (path: string) => answers[path] ?? feed(path)
const deny = async (path: string) => {
  if (path === 'security.me') return { id: 'p-2', name: 'Paul' }
  throw new ORPCError('security.denied', { message: 'No policy allows it.' })
}

beforeEach(() => {
  vi.stubGlobal('document', { hidden: false, addEventListener() {}, removeEventListener() {} })
  vi.stubGlobal('requestAnimationFrame', setTimeout)
  vi.stubGlobal('cancelAnimationFrame', clearTimeout)
})
afterEach(() => {
  vi.unstubAllGlobals()
})

const inSight = () => ({
  devices: useDevices.getState().items.size,
  jobs: useJobs.getState().items.size,
  samples: useTelemetry.getState().samples.size,
  resources: useTelemetry.getState().resources === null ? 0 : 1,
  queue: useQueue.getState().value === null ? 0 : 1,
  history: useQueueHistory.getState().points.length,
  policies: useAccess.getState().policies.items.length,
  principals: useAccess.getState().principals.items.length,
})

it('forgets what may no longer be seen, and what another person saw; what only did not come stays', async () => {
  server.answer = allow
  const stop = startStores()
  await connect()
  await refreshAccess()
  const all = {
    devices: 1,
    jobs: 1,
    samples: 1,
    resources: 1,
    queue: 1,
    history: 1,
    policies: 1,
    principals: 1,
  }
  await expect.poll(inSight).toEqual(all)

  server.answer = async () => {
    throw new Error('The connection is gone.')
  }
  await reconnect()
  await refreshAccess()
  expect(inSight()).toEqual(all)

  server.answer = deny
  await reconnect()
  await refreshAccess()
  const nothing = Object.fromEntries(Object.keys(all).map((name) => [name, 0]))
  await expect.poll(inSight).toEqual(nothing)
  expect(useJobs.getState()).toMatchObject({ ready: false, error: { code: 'security.denied' } })
  expect(useMe.getState().value?.name).toBe('Paul')
  stop()
})

async function reconnect(): Promise<void> {
  const { epoch } = useConnection.getState()
  server.drop()
  await expect.poll(() => useConnection.getState().epoch).toBe(epoch + 1)
}

it('keeps the newest audit records, however many are written while the window is open', async () => {
  const record = (number: number) => ({ id: `audit-${number}`, at: '2026-01-01T00:00:00Z' })
  server.answer = async (path) => (path === 'security.audit.watch' ? audit() : allow(path))
  async function* audit() {
    yield { type: 'snapshot', revision: 0, items: [record(2), record(1)], more: false }
    for (let part = 0; part < 5; part++) {
      const changed = Array.from({ length: 500 }, (_, i) => record(3 + part * 500 + i))
      yield { type: 'change', revision: part + 1, changed, removed: [] }
    }
    await new Promise(() => undefined)
  }
  const stop = useAudit.start()
  await reconnect()
  await expect.poll(() => useAudit.getState().items.has('audit-2502')).toBe(true)
  const { items } = useAudit.getState()
  expect(items.size).toBe(2_000)
  expect(items.has('audit-503')).toBe(true)
  expect(items.has('audit-502')).toBe(false)
  stop()
})
