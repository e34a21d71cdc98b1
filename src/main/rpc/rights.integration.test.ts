import { createRouterClient } from '@orpc/server'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Caller } from '../security'
import { type Bench, openBench } from '../security/testing'
import type { Modules } from './modules'
import { createRouter } from './router'

let bench: Bench
beforeEach(async () => {
  bench = await openBench()
})
afterEach(() => bench.end())

const rights = async (caller: Caller, of: { model?: string; dataset?: string } = {}) => {
  const router = createRouter({ security: bench.security } as unknown as Modules)
  return (await createRouterClient(router, { context: { caller } }).security.rights(of)).actions
}

it('says what one may do with the machine, and leaves no record of what was only asked', async () => {
  const records = () => bench.security.listAudit({ limit: 100 }).items.length
  const before = records()
  const viewer = await rights(bench.user('Vera', 'viewer'))
  expect(viewer).toContain('device.read')
  expect(viewer).not.toContain('device.manage')
  expect(viewer).not.toContain('model.import')
  const operator = await rights(bench.user('Otto', 'operator'))
  expect(operator).toEqual(expect.arrayContaining(['device.manage', 'model.import']))
  expect(operator).not.toContain('settings.manage')
  expect(records()).toBe(before)
})

it('says whether one may read the jobs of everybody, not only what one has submitted', async () => {
  expect(await rights(bench.user('Vera', 'viewer'))).toContain('job.read')
  const own = bench.app('Notes')
  const text = 'permit(principal == App::"notes", action == Action::"settings.read", resource);'
  await bench.security.setPolicy('asks', text, '', bench.security.owner())
  expect(await rights(own)).toContain('settings.read')
  expect(await rights(own)).not.toContain('job.read')
})

it('says what one may do with the model or the data set that is named', async () => {
  const viewer = bench.user('Vera', 'viewer')
  const text =
    'permit(principal == User::"vera", action == Action::"model.manage", resource == Model::"mine");'
  await bench.security.setPolicy('mine', text, '', bench.security.owner())
  expect(await rights(viewer, { model: 'mine' })).toEqual(['model.read', 'model.manage'])
  expect(await rights(viewer, { model: 'other' })).toEqual(['model.read'])
  expect(await rights(viewer, { dataset: 'mine' })).toEqual(['dataset.read'])
})

it('is denied to whoever may not ask who they are', async () => {
  const denial = rights(bench.app('Notes'))
  await expect(denial).rejects.toMatchObject({ code: 'security.denied' })
})
