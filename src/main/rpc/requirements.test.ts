import { expect, it, vi } from 'vitest'
import { AppError } from '../../shared/errors'
import type { Caller } from '../security'
import { requirementsOf } from './authorize'
import type { Modules } from './modules'

const CALLER = { principal: 'notes-app' } as Caller

/** `net@production` has a canary; of `gone` there is nothing. */
const modules = {
  storage: {
    meanings: (reference: string) => {
      if (reference.startsWith('gone')) throw new AppError('storage.not_found', 'There is no such model.')
      return reference === 'net@production' ? [1, 2] : [1]
    },
  },
  compute: {
    get: (id: string) => ({
      ...{ id, principal: CALLER.principal, model: 'net@production' },
      ...(id === 'job-2' ? { dataset: 'faces@1', dependsOn: ['job-1'] } : {}),
    }),
    ownersOf: (ids: string[]) => new Map(ids.map((id) => [id, CALLER.principal])),
    pipelineOwner: () => CALLER.principal,
    pipelineUses: () => [{ model: 'gone@1', dataset: 'faces@1' }],
  },
  core: { getLease: (id: string) => ({ id, holder: CALLER.principal }) },
} as unknown as Modules

function needs(action: Parameters<typeof requirementsOf>[2], path: string, input: object): string[] {
  return requirementsOf(modules, CALLER, action, path.split('.'), input).map(({ action, resource }) =>
    [action, resource.id, ...(resource.version === undefined ? [] : [resource.version])].join(' '),
  )
}

it('A policy about a version, walked around by a canary: each version that a request may get is asked for', () => {
  const both = ['model.run net@production 1', 'model.run net@production 2']
  expect(needs('job.submit', 'compute.jobs.submit', { model: 'net@production' })).toEqual(both)
  const jobs = [{ key: 'a', model: 'net@production' }]
  expect(needs('job.submit', 'compute.pipelines.submit', { jobs: [...jobs, ...jobs] })).toEqual(both)
  expect(needs('job.control', 'compute.jobs.retry', { id: 'job-1' })).toEqual([
    'job.control job-1',
    'job.read job-1',
    ...both,
  ])
  expect(needs('job.submit', 'compute.jobs.submit', { model: 'gone@1' })).toEqual(['model.run gone@1'])
})

it('A job tried again when its data may no longer be read: it is asked for as by a new one', () => {
  expect(needs('job.control', 'compute.jobs.retry', { id: 'job-2' })).toEqual([
    'job.control job-2',
    'job.read job-2',
    'model.run net@production 1',
    'model.run net@production 2',
    'dataset.read faces',
    'job.read job-1',
  ])
  expect(needs('job.control', 'compute.pipelines.retry', { id: 'pipe-1' })).toEqual([
    'job.control pipe-1',
    'job.read pipe-1',
    'model.run gone@1',
    'dataset.read faces',
  ])
})

it("whose the jobs are that a job waits for is asked once for all, and what nobody knows is nobody's", () => {
  const ownersOf = vi.spyOn(modules.compute, 'ownersOf')
  const get = vi.spyOn(modules.compute, 'get')
  ownersOf.mockImplementation((ids) => new Map(ids.slice(1).map((id) => [id, CALLER.principal])))
  const dependsOn = Array.from({ length: 1000 }, (_, i) => `job-${i}`)
  const reads = requirementsOf(modules, CALLER, 'job.submit', ['compute', 'jobs', 'submit'], { dependsOn })
    .filter(({ action }) => action === 'job.read')
    .map(({ resource }) => resource)
  expect(reads.map(({ id }) => id)).toEqual(dependsOn)
  expect(reads.map(({ owner }) => owner)).toEqual([undefined, ...Array(999).fill(CALLER.principal)])
  expect(ownersOf).toHaveBeenCalledTimes(1)
  expect(get).not.toHaveBeenCalled()
})

it('A right that outlives its removal: a job that was held, and a lease that is renewed, are asked for as new ones', () => {
  expect(needs('job.control', 'compute.jobs.hold', { id: 'job-2' })).toEqual(['job.control job-2'])
  // Its results stay its owner's; those of a job tried again are the caller's.
  expect(needs('job.control', 'compute.jobs.resume', { id: 'job-2' })).toEqual(
    needs('job.control', 'compute.jobs.retry', { id: 'job-2' }).filter((need) => need !== 'job.read job-2'),
  )
  expect(needs('lease.release', 'core.leases.release', { id: 'lease-1' })).toEqual(['lease.release lease-1'])
  expect(needs('lease.release', 'core.leases.renew', { id: 'lease-1' })).toEqual([
    'lease.release lease-1',
    'lease.request machine',
  ])
})

it('A model read through the architecture of other weights: who names it must be allowed to read and run it', () => {
  const own = { name: 'mine', version: 1 }
  expect(needs('model.manage', 'storage.models.annotate', { ...own, notes: 'n' })).toEqual([
    'model.manage mine',
  ])
  expect(needs('model.manage', 'storage.models.annotate', { ...own, architecture: null })).toEqual([
    'model.manage mine',
  ])
  expect(needs('model.manage', 'storage.models.annotate', { ...own, architecture: 'other@1' })).toEqual([
    'model.manage mine',
    'model.read other',
    'model.run other@1 1',
  ])
})

it('What others have stored, told to who may list models: only who sees the jobs of all may ask', () => {
  const own = needs('model.list', 'storage.quotas.get', { principal: CALLER.principal })
  expect(own).toHaveLength(1)
  const others = needs('model.list', 'storage.quotas.get', { principal: 'other' })
  expect(others).toEqual([...own, 'job.read *'])
})
