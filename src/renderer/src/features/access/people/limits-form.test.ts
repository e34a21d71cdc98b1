import type { Quota } from '@shared/contract'
import { expect, it } from 'vitest'
import { formOf, resourcesOf, settingsOf } from './limits-form'

const quota = (patch: Partial<Quota>): Quota => ({
  ...{ principal: 'p', limit: {}, budget: null, weight: 1, held: {}, used: null, resetsAt: null },
  ...patch,
})
const machine = { cpuCores: 8, memoryBytes: 16e9, gpu: 1 }

it('comes back as it was, zeros and custom resources too', () => {
  const limit = { cpuCores: 2, memoryBytes: 4.5e9, gpu: 0, custom: { seats: 0, tapes: 3 } }
  const budget = { jobs: 0, gpuSeconds: 90, windowMs: 86_400_000 }
  const form = formOf(quota({ limit, budget, weight: 2.5 }))
  expect(form.amounts).toMatchObject({ memoryBytes: 4.5, 'custom.tapes': 3 })
  expect(settingsOf(form, 'p')).toEqual({ principal: 'p', limit, budget, weight: 2.5 })
})

it('has a field for each resource of the machine; nothing in it is no limit', () => {
  const form = formOf(quota({}))
  expect(resourcesOf(form, machine)).toEqual(['cpuCores', 'memoryBytes', 'gpu'])
  expect(resourcesOf(formOf(quota({ limit: { custom: { seats: 2 } } })), machine)).toContain('custom.seats')
  expect(settingsOf(form, 'p')).toEqual({ principal: 'p', limit: {}, budget: null, weight: 1 })
})

it('is refused with a weight or an amount that cannot be', () => {
  const form = formOf(quota({}))
  expect(settingsOf({ ...form, weight: '' }, 'p')).toBeNull()
  expect(settingsOf({ ...form, weight: 0 }, 'p')).toBeNull()
  expect(settingsOf({ ...form, jobs: -1 }, 'p')).toBeNull()
  expect(settingsOf({ ...form, amounts: { cpuCores: '-' } }, 'p')).toBeNull()
})
