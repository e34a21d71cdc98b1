import { call } from '@orpc/server'
import { expect, it } from 'vitest'
import type { Lease } from '../../shared/contract'
import { Emitter } from '../platform/events'
import type { Caller } from '../security'
import { coreHandlers } from './handlers/core'
import type { Modules } from './modules'

it('A right taken away under an open list: what others do from then on is not told', async () => {
  let seesAll = true
  const changes = new Emitter<{ changed: Lease[]; removed: string[] }>()
  const modules = {
    core: { listLeases: () => [], onDidChangeLeases: changes.event },
    security: { allows: () => seesAll, listPrincipals: () => [] },
  } as unknown as Modules
  const caller = { principal: 'marie' } as unknown as Caller
  const lease = (id: string, holder: string): Lease => ({
    id,
    state: 'granted',
    need: { cpuCores: 1 },
    placement: [],
    holder,
    job: null,
    purpose: 'api',
    priority: 50,
    createdAt: new Date(0).toISOString(),
    expiresAt: null,
  })
  const view = await call(coreHandlers(modules).leases.watch, undefined, { context: { caller } })
  const told = async () => ((await view.next()).value as { changed?: Lease[] }).changed?.map(({ id }) => id)
  await view.next()
  changes.fire({ changed: [lease('a', 'marie'), lease('b', 'notes-app')], removed: [] })
  expect(await told()).toEqual(['a', 'b'])
  seesAll = false
  changes.fire({ changed: [lease('c', 'notes-app'), lease('d', 'marie')], removed: [] })
  expect(await told()).toEqual(['d'])
})
