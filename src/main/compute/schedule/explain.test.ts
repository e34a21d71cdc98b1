import { describe, expect, it } from 'vitest'
import type { Lease } from '../../../shared/contract'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import type { ResourceVector } from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'
import { toIso } from '../../platform/clock'
import { emptyPlan } from './at-rest'
import { Explainer, type ExplainInput } from './explain'
import { rankOf } from './rank'
import type { Block, QueueClass, QueuedJob } from './types'

const NOW = 1_000_000

function classOf(key: string, need: ResourceVector, count: number, firstSeq = 0): QueueClass {
  const jobs = Array.from(
    { length: count },
    (_, i): QueuedJob => ({
      id: `${key}${i}` as JobId,
      rank: rankOf(50, NOW),
      seq: firstSeq + i,
      readyAt: NOW,
      priority: 50,
      runMs: 1_000,
      mostMs: 1_000,
    }),
  )
  return {
    key,
    engineKey: `${key}@1#1`,
    principal: 'p-alice' as PrincipalId,
    need,
    share: 0,
    load: { memoryBytes: 0, estimateMs: 0 },
    jobs,
    workMs: 1_000 * count,
  }
}

const named = (id: string) => ({ id, name: id.toUpperCase(), principal: 'p-bob' })

const lease = (purpose: string, need: ResourceVector, more: Partial<Lease>): Lease => ({
  id: `l-${purpose}`,
  state: 'granted',
  need,
  placement: [],
  holder: 'p-alice',
  job: null,
  purpose,
  priority: 50,
  createdAt: toIso(NOW),
  expiresAt: null,
  ...more,
})

const ofAlice = (purpose: string) => ({ id: `l-${purpose}`, name: purpose, principal: 'p-alice' })

const cpu: FreeDevice = {
  ...{ id: 'cpu0' as DeviceId, kind: 'cpu', healthy: true },
  free: { cpuCores: 1 },
  capacity: { cpuCores: 8, memoryBytes: 16e9 },
}
const gpu = (index: number, free: number): FreeDevice => ({
  ...{ id: `gpu-${index}` as DeviceId, kind: 'gpu', healthy: true },
  free: { gpu: free },
  capacity: { gpu: 1 },
})

function explainerOf(classes: QueueClass[], blocks: Record<string, Block>, more: Partial<ExplainInput> = {}) {
  return new Explainer({
    nowMs: NOW,
    classes,
    plan: { ...emptyPlan(), blocked: new Map(Object.entries(blocks)), left: [cpu] },
    leases: [],
    endsInMs: () => null,
    urgencyOf: () => 0,
    jobsOn: () => [],
    named,
    ...more,
  })
}

describe('why a job waits', () => {
  const wide = classOf('wide', { cpuCores: 4, memoryBytes: 1e9 }, 3)

  it('names what is missing, the largest holders, and when they are expected to end', () => {
    const explainer = explainerOf(
      [wide],
      { wide: { kind: 'resources' } },
      {
        leases: [
          lease('job', { cpuCores: 1 }, { job: 'j-small' }),
          lease('job', { cpuCores: 4 }, { job: 'j-big' }),
          lease('render', { cpuCores: 2 }, { expiresAt: toIso(NOW + 33_000) }),
          lease('other', { memoryBytes: 1e9 }, {}),
        ],
        endsInMs: (job) => (job === 'j-big' ? 61_000 : null),
      },
    )
    expect(explainer.first(1)).toEqual([
      {
        id: 'wide0',
        causes: [
          {
            kind: 'resources',
            wanted: { cpuCores: 4, memoryBytes: 1e9 },
            holders: [
              { kind: 'job', ...named('j-big'), resource: 'cpuCores', amount: 4, endsInMs: 120_000 },
              { kind: 'lease', ...ofAlice('other'), resource: 'memoryBytes', amount: 1e9, endsInMs: null },
            ],
            moreHolders: 2,
            jobsAhead: 0,
          },
        ],
      },
    ])
  })

  it('says of those behind the first of a kind how many go before, and what the first waits for', () => {
    const small = classOf('small', { cpuCores: 2 }, 2, 3)
    const explainer = explainerOf(
      [wide, small],
      { wide: { kind: 'resources' }, small: { kind: 'resources' } },
      {
        leases: [lease('render', { cpuCores: 2 }, {})],
      },
    )
    const shared = {
      kind: 'resources',
      wanted: { cpuCores: 2 },
      holders: [{ kind: 'lease', ...ofAlice('render'), resource: 'cpuCores', amount: 2, endsInMs: null }],
      moreHolders: 0,
    }
    const [first, second] = small.jobs as [QueuedJob, QueuedJob]
    expect(explainer.one(small, first)).toEqual([{ ...shared, jobsAhead: 3 }])
    expect(explainer.one(small, second)).toEqual([
      { kind: 'behind', jobs: 4 },
      { ...shared, jobsAhead: 0 },
    ])
    const causes = new Map(explainer.first(10).map((explained) => [explained.id, explained.causes]))
    expect(causes.size).toBe(5)
    expect(causes.get(second.id)).toEqual(explainer.one(small, second))
  })

  it('says once what holds up all of a kind, and of none what only the first does', () => {
    const quota: Block = { kind: 'quota', missing: { cpuCores: 1 } }
    const [first, second] = wide.jobs as [QueuedJob, QueuedJob]
    expect(explainerOf([wide], { wide: quota }).one(wide, second)).toEqual([
      { kind: 'quota', exceeded: { cpuCores: 1 } },
    ])
    const preempts = explainerOf([wide], { wide: { kind: 'preempts', jobs: ['j-low' as JobId] } })
    expect(preempts.one(wide, first)).toEqual([{ kind: 'preempts', jobs: [named('j-low')] }])
    expect(preempts.one(wide, second)).toMatchObject([{ kind: 'behind', jobs: 1 }, { kind: 'resources' }])
    expect(explainerOf([wide], {}).one(wide, second)).toEqual([{ kind: 'behind', jobs: 1 }])
  })

  it('does not blame what is free: of two GPUs half free each neither has 0.8', () => {
    const group = classOf('group', { cpuCores: 1, gpu: 0.8 }, 1)
    const leases = [
      lease('cores', { cpuCores: 6 }, {}),
      lease('half', { gpu: 0.5 }, { expiresAt: toIso(NOW + 33_000) }),
      lease('other half', { gpu: 0.5 }, {}),
    ]
    const left = [cpu, gpu(0, 0.5), gpu(1, 0.5)]
    const plan = { ...emptyPlan(), blocked: new Map([['group', { kind: 'resources' as const }]]), left }
    expect(explainerOf([group], {}, { plan, leases }).first(1)[0]?.causes).toEqual([
      {
        kind: 'resources',
        wanted: { gpu: 0.8 },
        holders: [
          { kind: 'lease', ...ofAlice('half'), resource: 'gpu', amount: 0.5, endsInMs: 40_000 },
          { kind: 'lease', ...ofAlice('other half'), resource: 'gpu', amount: 0.5, endsInMs: null },
        ],
        moreHolders: 0,
        jobsAhead: 0,
      },
    ])
  })

  it('names the device that is gone, where nothing that ends would help', () => {
    const group = classOf('group', { cpuCores: 1, gpu: 1 }, 1)
    const blocked = new Map([['group', { kind: 'resources' as const }]])
    const unfit = [
      { name: 'RTX 6000', capacity: { gpu: 1, gpuMemoryBytes: 48e9 } },
      { name: 'Alveo', capacity: { fpga: 1 } },
    ]
    const explained = (...left: FreeDevice[]) =>
      explainerOf([group], {}, { unfit, plan: { ...emptyPlan(), blocked, left: [cpu, ...left] } })
        .first(1)
        .flatMap(({ causes }) => causes)
    expect(explained()).toEqual([{ kind: 'unfit', wanted: { gpu: 1 }, devices: ['RTX 6000'] }])
    // Another is held, and will be free.
    expect(explained(gpu(1, 0))).toMatchObject([{ kind: 'resources', wanted: { gpu: 1 } }])
  })

  it('looks for holders once, however many kinds of jobs wait for what they hold', () => {
    const kinds = Array.from({ length: 200 }, (_, i) =>
      classOf(`kind${i}`, { cpuCores: 2 + i, memoryBytes: 32e9 }, 50, 50 * i),
    )
    const blocks = Object.fromEntries(kinds.map(({ key }) => [key, { kind: 'resources' as const }]))
    const holders = Array.from({ length: 2_000 }, (_, i) =>
      lease('job', { cpuCores: 1 + i, memoryBytes: 1e9 - i }, { job: `j-${i}` }),
    )
    const asked: string[] = []
    const endsInMs = (job: string) => {
      asked.push(job)
      return 1_000
    }
    const explainer = explainerOf(kinds, blocks, { leases: holders, endsInMs })
    expect(explainer.first(10_000).at(-1)?.causes.at(-1)).toMatchObject({
      holders: [
        { id: 'j-1999', resource: 'cpuCores' },
        { id: 'j-0', resource: 'memoryBytes' },
      ],
      moreHolders: 1_998,
    })
    // Of each resource those that may be named.
    expect(asked.sort()).toEqual(['j-0', 'j-1', 'j-1998', 'j-1999'])
  })

  it('looks once for who ends first on the engines that all wait for', () => {
    const kinds = ['a', 'b', 'c'].map((key, i) => classOf(key, { cpuCores: 1 }, 1, i))
    const blocks = Object.fromEntries(kinds.map(({ key }) => [key, { kind: 'engines' as const, most: 2 }]))
    let asked = 0
    const jobsOn = () => {
      asked++
      return ['j-late', 'j-soon']
    }
    const endsInMs = (job: string) => (job === 'j-soon' ? 1_000 : 90_000)
    const explained = explainerOf(kinds, blocks, { jobsOn, endsInMs }).first(3)
    expect(explained).toHaveLength(3)
    for (const { causes } of explained)
      expect(causes).toEqual([{ kind: 'engines', most: 2, job: named('j-soon'), endsInMs: 10_000 }])
    expect(asked).toBe(1)
  })
})
