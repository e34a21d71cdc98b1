import { expect, it } from 'vitest'
import type { Device } from '../../shared/contract'
import { place } from '../core'
import type { ActiveJob } from './jobs/active-job'
import { Estimates } from './jobs/estimates'
import { Space } from './schedule/space'
import { fastestFor } from './speeds'

const gpu = (id: string) =>
  ({ id, kind: 'gpu', capacity: { gpu: 1, gpuMemoryBytes: 8e9 } }) as unknown as Device
const devices = [gpu('gpu0'), gpu('gpu1')]
const job = {
  definition: {
    kind: 'infer',
    model: 'm',
    modelVersion: 1,
    parameters: { kind: 'infer', threads: 1 },
    items: 1,
    need: { gpu: 1 },
  },
} as unknown as ActiveJob

it('the accelerator on which its like ran fastest is known once several have been tried and differ', () => {
  const estimates = new Estimates()
  const fastest = () => fastestFor(job, () => devices, estimates)
  expect(fastest()).toBeNull()
  estimates.observeRun(job.definition, 100, 'gpu0')
  expect(fastest()).toBeNull()
  estimates.observeRun(job.definition, 40, 'gpu1')
  expect(fastest()).toMatchObject({ device: 'gpu1', gainMs: 60 })
  for (let run = 0; run < 30; run++) estimates.observeRun(job.definition, 95, 'gpu1')
  expect(fastest()).toBeNull()
})

it('is taken before others of its kind, which do when it is taken', () => {
  const free = devices.map(({ id, kind, capacity }) => ({
    id,
    kind,
    capacity,
    free: capacity,
    healthy: true,
  }))
  const space = new Space(free as never, (need, all) => {
    const found = place(need, [...all])
    return 'missing' in found ? null : found
  })
  const wanted = { need: { gpu: 1 }, device: 'gpu1' }
  const first = space.find(wanted)
  expect(first?.map(({ device }) => device)).toEqual(['gpu1'])
  space.take(first ?? [])
  expect(space.find(wanted)?.map(({ device }) => device)).toEqual(['gpu0'])
})
