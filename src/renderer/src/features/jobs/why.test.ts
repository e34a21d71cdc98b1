import type { Device, Job, Lease, Resources } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { placementText } from './placement'
import { jobWith } from './testing'
import { causesOf } from './why'

function lease(id: string, need: Lease['need'], state: Lease['state'] = 'granted'): Lease {
  return {
    id,
    state,
    need,
    placement: [],
    holder: 'p',
    job: null,
    purpose: id,
    priority: 50,
    createdAt: '2026-01-01T00:00:00.000Z',
    expiresAt: null,
  }
}

const resources: Resources = {
  capacity: { cpuCores: 8, gpuMemoryBytes: 24 },
  allocated: { gpuMemoryBytes: 15 },
  foreign: { gpuMemoryBytes: 4 },
  foreignHolders: [],
  foreignOn: [],
  available: { cpuCores: 8, gpuMemoryBytes: 5 },
}

describe('causesOf', () => {
  it('names what is short, its biggest holders and what others use; not what is free', () => {
    const leases = [
      lease('small', { gpuMemoryBytes: 5 }),
      lease('big', { gpuMemoryBytes: 10 }),
      lease('cpu', { cpuCores: 2 }),
    ]
    const job = jobWith({ need: { cpuCores: 2, gpuMemoryBytes: 8 } })
    expect(causesOf(job, leases, resources)).toMatchObject([
      { kind: 'needs', resource: 'gpuMemoryBytes', amount: 8, free: 5, capacity: 24 },
      { kind: 'lease', amount: 10, lease: { id: 'big' } },
      { kind: 'lease', amount: 5, lease: { id: 'small' } },
      { kind: 'foreign', amount: 4 },
    ])
  })

  it('names what is there in sum, and on no device alone', () => {
    const waitCauses: Job['waitCauses'] = [
      { kind: 'resources', wanted: { gpuMemoryBytes: 4 }, holders: [], moreHolders: 0, jobsAhead: 0 },
    ]
    const job = jobWith({ need: { cpuCores: 1, gpuMemoryBytes: 4 }, waitCauses })
    expect(causesOf(job, [lease('big', { gpuMemoryBytes: 10 })], resources)).toMatchObject([
      { kind: 'needs', resource: 'gpuMemoryBytes', amount: 4, free: 5 },
      { kind: 'lease', lease: { id: 'big' } },
      { kind: 'foreign' },
    ])
  })

  it('leaves out leases that have ended', () => {
    const job = jobWith({ need: { gpuMemoryBytes: 8 } })
    const causes = causesOf(job, [lease('gone', { gpuMemoryBytes: 10 }, 'released')], resources)
    expect(causes.map((cause) => cause.kind)).toEqual(['needs', 'foreign'])
  })

  it('names the jobs that it waits for', () => {
    const waitCauses: Job['waitCauses'] = [{ kind: 'dependencies', jobs: ['j-1', 'j-2'], more: 0 }]
    expect(causesOf(jobWith({ waitCauses }), [], null)).toEqual([
      { kind: 'dependency', job: 'j-1' },
      { kind: 'dependency', job: 'j-2' },
    ])
  })

  it('names each job that a reason names once, and none whose lease it names', () => {
    const named = (id: string, name: string | null = id) => ({ id, name, principal: 'p' })
    const holder = (kind: 'job' | 'lease' | 'outside', id: string) =>
      ({ ...named(id), kind, resource: 'gpuMemoryBytes', amount: 8, endsInMs: null }) as const
    const of = (waitCauses: Job['waitCauses'], leases: Lease[] = []) =>
      causesOf(jobWith({ need: { gpuMemoryBytes: 8 }, waitCauses }), leases, resources).flatMap((cause) =>
        cause.kind === 'job' ? cause.job.id : cause.kind === 'lease' ? `lease of ${cause.lease.job}` : [],
      )
    const engine = { kind: 'engine' as const, model: 'm', job: named('e'), endsInMs: null }
    expect(of([engine])).toEqual(['e'])
    expect(of([{ kind: 'engines', most: 1, job: named('f'), endsInMs: null }])).toEqual(['f'])
    expect(of([{ ...engine, job: null }])).toEqual([])
    expect(of([{ kind: 'behind_job', job: named('b', null) }])).toEqual(['b'])
    expect(of([{ kind: 'preempts', jobs: [named('x'), named('y')] }])).toEqual(['x', 'y'])
    const by = named('u')
    expect(of([{ kind: 'preempted', by, resumption: { from: 'beginning' } }])).toEqual(['u'])
    const short = {
      kind: 'resources' as const,
      wanted: { gpuMemoryBytes: 8 },
      holders: [holder('job', 'h'), holder('lease', 'l'), holder('outside', '77')],
      moreHolders: 0,
      jobsAhead: 0,
    }
    expect(of([{ kind: 'behind_job', job: named('h') }, short])).toEqual(['h'])
    const held = { ...lease('of-h', { gpuMemoryBytes: 8 }), job: 'h' }
    expect(of([short], [held])).toEqual(['lease of h'])
  })

  it('says nothing of what is short on the machine where that is not what it waits for', () => {
    const of = (...waitCauses: Job['waitCauses']) =>
      causesOf(jobWith({ need: { gpuMemoryBytes: 8 }, waitCauses }), [], resources).map(({ kind }) => kind)
    expect(of({ kind: 'quota', exceeded: { cpuCores: 1 } })).toEqual([])
    expect(of({ kind: 'dependencies', jobs: ['j-1'], more: 0 })).toEqual(['dependency'])
    expect(of({ kind: 'retry', inMs: 500 })).toEqual([])
    const request = { name: 'render', principal: 'ann' }
    const reserved = { kind: 'reserved' as const, wanted: { gpuMemoryBytes: 4 }, request }
    expect(causesOf(jobWith({ need: { gpuMemoryBytes: 4 }, waitCauses: [reserved] }), [], resources)).toEqual(
      [],
    )
    expect(of({ kind: 'turn' })).toEqual(['needs', 'foreign'])
  })

  it('says when a person holds it, and nothing of a job that does not wait', () => {
    expect(causesOf(jobWith({ state: 'held' }), [], resources)).toEqual([{ kind: 'held' }])
    expect(causesOf(jobWith({ state: 'running', need: { cpuCores: 99 } }), [], resources)).toEqual([])
  })
})

describe('where a job runs', () => {
  const device = (id: string, kind: Device['kind']): [string, Device] => [
    id,
    {
      id,
      kind,
      name: id,
      vendor: '',
      origin: 'detected',
      capacity: {},
      properties: {},
      health: 'ok',
      foundBy: '',
      yieldsToOthers: false,
    },
  ]
  const devices = new Map([device('c', 'cpu'), device('g', 'gpu'), device('h', 'gpu')])

  it('numbers devices only where there are several of a kind', () => {
    const on = (...ids: string[]) => ids.map((id) => ({ device: id, amounts: {} }))
    expect(placementText(on('g', 'g', 'c'), devices)).toBe('GPU 0, CPU')
    expect(placementText([], devices)).toBeNull()
  })
})
