import { createRouterClient } from '@orpc/server'
import { expect, it } from 'vitest'
import type { Lease } from '../../shared/contract'
import type { Caller } from '../security'
import type { Modules } from './modules'
import { createRouter } from './router'

const LEASE: Lease = {
  ...{ id: 'lease-1', state: 'granted', need: { cpuCores: 1 }, placement: [], holder: 'third-app' },
  ...{ job: null, purpose: 'api', priority: 50, createdAt: new Date(0).toISOString(), expiresAt: null },
}
const DENIED = new Error('denied')
let allowed = true
let grant: () => void = () => undefined
const released: string[] = []
const modules = {
  security: {
    allows: () => allowed,
    authorize: () => {
      if (!allowed) throw DENIED
    },
  },
  core: {
    listDevices: () => [],
    onDidChangeDevices: () => () => undefined,
    request: () =>
      new Promise((resolve) => {
        grant = () => resolve(LEASE)
      }),
    release: (id: string) => void released.push(id),
  },
} as unknown as Modules
const router = createRouter(modules)
const client = (caller: object) => createRouterClient(router, { context: { caller: caller as Caller } })
const app = client({ principal: 'notes-app', via: 'http' })
const limited = { code: 'network.rate_limited' }

it('memory blow-up: one principal has so many live views open, and another once one has ended', async () => {
  const leaving = new AbortController()
  const views = [await app.core.devices.watch(undefined, { signal: leaving.signal })]
  for (let i = 1; i < 256; i++) views.push(await app.core.devices.watch())
  await expect(app.core.devices.watch()).rejects.toMatchObject(limited)
  await client({ principal: 'other-app', via: 'http' }).core.devices.watch()
  await client({ principal: 'notes-app', via: 'window' }).core.devices.watch()
  leaving.abort()
  await app.core.devices.watch()
  await expect(app.core.devices.watch()).rejects.toMatchObject(limited)
  await views[1]?.next()
  await views[1]?.return()
  await app.core.devices.watch()
  await expect(app.core.devices.watch()).rejects.toMatchObject(limited)
})

it('memory blow-up: one principal has so many calls open, and another once one is answered', async () => {
  const need = { need: { cpuCores: 1 }, waitMs: 600_000 }
  for (let i = 0; i < 1024; i++) app.core.leases.request(need).catch(() => undefined)
  await expect(app.core.leases.request(need)).rejects.toMatchObject(limited)
  grant()
  await expect.poll(() => app.core.devices.list({}).then(() => 'taken', String)).toBe('taken')
})

it('A right taken away while a call waits: nothing is granted', async () => {
  const waiting = client({ principal: 'third-app', via: 'http' }).core.leases.request({
    need: { cpuCores: 1 },
    waitMs: 600_000,
  })
  await new Promise(setImmediate)
  allowed = false
  grant()
  await expect(waiting).rejects.toThrow('denied')
  expect(released).toEqual(['lease-1'])
  allowed = true
})
