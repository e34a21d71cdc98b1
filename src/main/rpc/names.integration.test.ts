import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRouterClient } from '@orpc/server'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Feed, Import } from '../../shared/contract'
import type { Caller } from '../security'
import { openBench, type Bench as SecurityBench } from '../security/testing'
import type { ImportSource, Storage } from '../storage'
import { createBench, type Bench as StorageBench, settled } from '../storage/testing/harness'
import { inProcessWorker } from '../storage/testing/in-process-worker'
import { bytes, model, plainGraph } from '../storage/testing/onnx-builder'
import type { Modules } from './modules'
import { createRouter, type Router } from './router'

let stored: StorageBench
let storage: Storage
let secured: SecurityBench
let router: Router
/** Has imported what is here, and may list models. */
let trainer: Caller
/** May list models, and read `open` alone. */
let reader: Caller

beforeEach(async () => {
  stored = await createBench({ withWorker: false })
  storage = (await stored.open({ startWorker: inProcessWorker })).storage
  secured = await openBench()
  const { security } = secured
  router = createRouter({ storage, security } as Modules)
  trainer = secured.app('Trainer')
  reader = secured.app('Reader')
  await permit('trainer', 'principal == App::"trainer", action == Action::"model.list", resource')
  await permit('reader', 'principal == App::"reader", action == Action::"model.list", resource')
  await permit(
    'open',
    'principal == App::"reader", action == Action::"model.read", resource == Model::"open"',
  )
})
afterEach(async () => {
  await stored.dispose()
  await secured.end()
})

async function permit(id: string, scope: string): Promise<void> {
  await secured.security.setPolicy(id, `permit(${scope});`, '', trainer.principal)
}

/** A model of its own bytes under each name, brought by the trainer. */
async function brought(name: string, options: Partial<ImportSource> = {}): Promise<Import> {
  const path = join(stored.folder, `${name}.onnx`)
  await writeFile(path, model({ graph: [...plainGraph(), bytes(10, name)] }))
  const source = { kind: 'path', path, name, ...options } as ImportSource
  return settled(storage, (await storage.startImport(source, trainer.principal)).id)
}

const as = (caller: Caller) => createRouterClient(router, { context: { caller } })

const idsOf = (imports: Import[]) => imports.map(({ id }) => id)

it('Names told by the imports of others: only those are shown that become what one may read', async () => {
  const [open, secret] = [await brought('open'), await brought('secret')]
  const waiting = await brought('secret-too', { review: true })
  await writeFile(join(stored.folder, 'secret.txt'), 'no model')
  const path = join(stored.folder, 'secret.txt')
  const rejected = await storage.startImport({ kind: 'path', path }, trainer.principal)
  expect((await settled(storage, rejected.id)).state).toBe('rejected')
  const all = idsOf([rejected, waiting, secret, open]).sort()

  const list = async (caller: Caller) => (await as(caller).storage.imports.list({})).items
  expect(idsOf(await list(reader))).toEqual([open.id])
  expect(JSON.stringify(await list(reader))).not.toContain(stored.folder)
  expect(idsOf(await list(trainer)).sort()).toEqual(all)
  const viewer = secured.user('Vera', 'viewer')
  expect(idsOf(await list(viewer)).sort()).toEqual(all)

  const get = (caller: Caller, id: string) => as(caller).storage.imports.get({ id })
  expect(await get(reader, open.id)).toMatchObject({ model: 'open' })
  expect(await get(trainer, secret.id)).toMatchObject({ model: 'secret' })
  expect(await get(viewer, rejected.id)).toMatchObject({ source: 'secret.txt' })
  for (const { id } of [secret, waiting, rejected]) {
    const denial = await get(reader, id).catch((error: Error) => error)
    expect(denial).toMatchObject({ code: 'security.denied' })
    expect(JSON.stringify(denial) + String(denial)).not.toContain('secret')
  }
})

it('Names told by the imports of others, as they go on: only those are told that become what one may read', async () => {
  await brought('secret')
  const view = await as(reader).storage.imports.watch()
  const next = async () => (await view.next()).value as Feed<Import>
  expect(await next()).toMatchObject({ type: 'snapshot', items: [] })
  await brought('secret-too')
  const open = await brought('open')
  const told = await next()
  expect(told.type === 'change' && idsOf(told.changed)).toEqual([open.id])
  await view.return()
})
