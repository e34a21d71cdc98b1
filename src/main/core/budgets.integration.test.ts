import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LeaseId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { by, type CoreFixture, createCoreFixture, refusalOf, someJob } from './testing/core-fixture'
import { createFakeHost, fakeCpu, fakeGpu } from './testing/fake-host'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let fixture: CoreFixture
beforeEach(async () => {
  fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(8, 16e9), fakeGpu(0, 8e9)]) })
})
afterEach(() => fixture.close())

const budget = (amounts: { cpuSeconds?: number; gpuSeconds?: number; jobs?: number }, windowMs = HOUR_MS) =>
  fixture.core.setQuota({ principal: 'a', limit: {}, budget: { ...amounts, windowMs } })
const used = () => fixture.core.getQuota('a').used

describe('a budget', () => {
  it('is used up by what is held, for as long as it is held, fractions as such', async () => {
    const { clock } = fixture
    budget({ cpuSeconds: 3600, gpuSeconds: 3600 })
    const cores = fixture.core.allocate({ cpuCores: 2, gpu: 0.25 }, by('a'))
    fixture.core.allocate({ cpuCores: 8 - 2 }, by('b'))
    await clock.advance(10_000)
    expect(used()).toMatchObject({ cpuSeconds: 20, gpuSeconds: 2.5 })
    fixture.core.release(cores.id as LeaseId)
    await clock.advance(10_000)
    expect(used()).toMatchObject({ cpuSeconds: 20, gpuSeconds: 2.5 })
    expect(fixture.core.getQuota('b').used).toBeNull()
  })

  it('is used up by the part that a shared lease counts for, and the parts are the whole', async () => {
    const { core, clock } = fixture
    for (const principal of ['a', 'b', 'c'])
      core.setQuota({ principal, limit: { memoryBytes: 5 }, budget: { cpuSeconds: 3600, windowMs: HOUR_MS } })
    const lease = core.allocate({ cpuCores: 2, memoryBytes: 5 }, by('a'))
    const held = () => ['a', 'b', 'c'].map((principal) => core.getQuota(principal).held)
    await clock.advance(10_000)
    core.share(lease.id as LeaseId, ['a', 'b', 'b', 'c'] as never)
    expect(held()).toEqual([
      { cpuCores: 0.5, memoryBytes: 2 },
      { cpuCores: 1, memoryBytes: 2 },
      { cpuCores: 0.5, memoryBytes: 1 },
    ])
    expect([3, 4].map((memoryBytes) => core.mayHold({ memoryBytes }, 'b' as never))).toEqual([true, false])
    await clock.advance(10_000)
    core.share(lease.id as LeaseId, ['c'] as never)
    await clock.advance(1_000)
    core.release(lease.id as LeaseId)
    await clock.advance(10_000)
    expect(['a', 'b', 'c'].map((principal) => core.getQuota(principal).used?.cpuSeconds)).toEqual([25, 10, 7])
    expect(held()).toEqual([{}, {}, {}])
  })

  it('stops what is held the moment it is used up, and gives nothing until some has left the window', async () => {
    const { core, clock } = fixture
    budget({ cpuSeconds: 60 })
    const told: unknown[] = []
    core.onDidUseUpBudget((event) => told.push(event))
    core.allocate({ cpuCores: 2 }, by('a', { ttlMs: HOUR_MS }))
    const ofJob = core.allocate({ cpuCores: 1 }, by('a', { job: someJob }))
    const without = core.allocate({ memoryBytes: 1e9 }, by('a', { ttlMs: HOUR_MS }))
    const before = clock.now()
    await clock.advance(19_999)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toEqual([{ principal: 'a', resource: 'cpuSeconds' }])
    // A lease of no job has ended; that of a job is its owner's, and what uses up nothing stays.
    expect(core.listLeases().map(({ id }) => id)).toEqual([ofJob.id, without.id])
    core.release(ofJob.id as LeaseId)
    const refusal = await refusalOf(() => core.allocate({ cpuCores: 1 }, by('a')))
    expect(refusal).toMatchObject({
      code: 'core.budget_exceeded',
      details: { principal: 'a', resource: 'cpuSeconds', limit: 60, resetsAt: expect.any(String) },
    })
    expect(refusal.details['retryAfterMs']).toBe(HOUR_MS)
    expect(core.getQuota('a').resetsAt).toBe(new Date(before + 20_000 + HOUR_MS).toISOString())
    expect(core.allocate({ memoryBytes: 1 }, by('a'))).toBeDefined()
    await clock.advance(HOUR_MS - 1000)
    await refusalOf(() => core.allocate({ cpuCores: 1 }, by('a')))
    await clock.advance(1000)
    expect(core.allocate({ cpuCores: 1 }, by('a'))).toBeDefined()
    expect(core.getQuota('a').resetsAt).toBeNull()
  })

  it('is not used up by a sleep of the machine, or by a clock that is set forward', async () => {
    const { core, clock } = fixture
    budget({ cpuSeconds: 3600 })
    core.allocate({ cpuCores: 2 }, by('a'))
    await clock.advance(60_000)
    clock.jump(2 * HOUR_MS)
    await clock.advance(60_000)
    // What was used before has left the window; of the sleep some seconds count.
    const usedNow = used()?.cpuSeconds ?? 0
    expect(usedNow).toBeGreaterThanOrEqual(120)
    expect(usedNow).toBeLessThanOrEqual(120 + 20)
    expect(core.listLeases()).toHaveLength(1)
  })

  it('is used up by what is held while the devices give no readings', async () => {
    const { core, clock, host } = fixture
    budget({ cpuSeconds: 3600 })
    core.allocate({ cpuCores: 2 }, by('a'))
    host.read = async () => {
      throw new Error('no answer')
    }
    await clock.advance(60_000)
    expect(used()).toMatchObject({ cpuSeconds: 120 })
  })

  it('rolls: no span of its length holds more, however it is used', async () => {
    const { core, clock } = fixture
    budget({ cpuSeconds: 100 }, MINUTE_MS)
    const held: { from: number; to: number }[] = []
    for (let second = 0; second < 300; second++) {
      // Takes eight cores whenever it may.
      const lease = await core.request({ cpuCores: 8 }, { ...by('a'), waitMs: 0 }).catch(() => null)
      const from = clock.now()
      if (lease) core.onDidUseUpBudget(() => core.release(lease.id as LeaseId))
      await clock.advance(1000)
      if (lease) {
        core.release(lease.id as LeaseId)
        held.push({ from, to: clock.now() })
      }
    }
    expect(held.length).toBeGreaterThan(40)
    for (const { from } of held) {
      const inSpan = held.reduce(
        (sum, span) => sum + Math.max(0, Math.min(span.to, from + MINUTE_MS) - Math.max(span.from, from)),
        0,
      )
      // What was stopped in the middle of a second counts here as a whole one.
      expect((inSpan / 1000) * 8).toBeLessThanOrEqual(100 + 8)
    }
  })

  it('survives a restart, and a change of its window', async () => {
    const { clock } = fixture
    budget({ cpuSeconds: 100, jobs: 5 })
    fixture.core.allocate({ cpuCores: 2 }, by('a'))
    fixture.core.chargeJob('a')
    await clock.advance(30_000)
    await fixture.restart()
    expect(used()).toMatchObject({ cpuSeconds: 60, jobs: 1 })
    await clock.advance(10_000)
    // Nobody holds anything: what the dead process held ended with it.
    expect(used()).toMatchObject({ cpuSeconds: 60 })
    budget({ cpuSeconds: 50 }, 2 * MINUTE_MS)
    expect(used()).toMatchObject({ cpuSeconds: 60 })
    await refusalOf(() => fixture.core.allocate({ cpuCores: 1 }, by('a')))
    await clock.advance(2 * MINUTE_MS)
    expect(used()).toMatchObject({ cpuSeconds: 0, jobs: 0 })
  })

  it('is on the disk with the end of a lease, whenever the system is killed after that', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'budgets-'))
    const killed = await createCoreFixture({ file: join(dir, 'core.db') })
    try {
      await killed.core.start()
      killed.core.setQuota({ principal: 'a', limit: {}, budget: { cpuSeconds: 100, windowMs: MINUTE_MS } })
      const lease = killed.core.allocate({ cpuCores: 2 }, by('a'))
      await killed.clock.advance(300)
      killed.core.release(lease.id as LeaseId)
      await killed.kill()
      expect(killed.core.getQuota('a').used?.cpuSeconds).toBeCloseTo(0.6)
    } finally {
      await killed.close()
      await rm(dir, { recursive: true, force: true })
    }
  })

  it('is looked at, and goes on, without a write of its own', async () => {
    const { core, clock, database } = fixture
    const writes = () =>
      database.first<{ n: number }>({
        compile: () => sql`select total_changes() as n`.compile(database.builder()),
      })?.n
    budget({ cpuSeconds: 100 })
    const lease = core.allocate({ cpuCores: 1 }, { ...by('a'), job: someJob })
    const before = writes()
    await clock.advance(300)
    expect(used()?.cpuSeconds).toBeCloseTo(0.3)
    core.release(lease.id as LeaseId)
    expect(writes()).toBe(before)
  })

  it('counts a lease that outlives the process from the restart on', async () => {
    const { clock } = fixture
    budget({ cpuSeconds: 1000 })
    fixture.core.allocate({ cpuCores: 1 }, by('a', { ttlMs: HOUR_MS }))
    await clock.advance(10_000)
    await fixture.restart()
    await clock.advance(10_000)
    expect(used()).toMatchObject({ cpuSeconds: 20 })
  })

  it('bounds submissions, and one that is rolled back was none', async () => {
    const { core, clock, database } = fixture
    budget({ jobs: 2 }, MINUTE_MS)
    core.chargeJob('a')
    expect(() =>
      database.transaction(() => {
        core.chargeJob('a')
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(used()).toMatchObject({ jobs: 1 })
    await clock.advance(10_000)
    core.chargeJob('a')
    const refusal = await refusalOf(() => core.chargeJob('a'))
    expect(refusal).toMatchObject({ code: 'core.budget_exceeded', details: { resource: 'jobs', used: 2 } })
    expect(refusal.message).toContain('2 of 2 jobs of the last 1 min used')
    expect(refusal.details['retryAfterMs']).toBe(50_000)
    core.chargeJob('b')
    await clock.advance(50_000)
    core.chargeJob('a')
  })

  it('is counted on as before when a change of it is rolled back', async () => {
    const { core, clock, database } = fixture
    budget({ cpuSeconds: 1000 })
    core.allocate({ cpuCores: 2 }, by('a'))
    await clock.advance(10_000)
    expect(() =>
      database.transaction(() => {
        budget({ cpuSeconds: 5 })
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(core.getQuota('a')).toMatchObject({ budget: { cpuSeconds: 1000 }, used: { cpuSeconds: 20 } })
    await clock.advance(10_000)
    expect(used()).toMatchObject({ cpuSeconds: 40 })
  })

  it('ends what it has to as soon as that can be written, and lets nobody renew it meanwhile', async () => {
    const { core, clock, database } = fixture
    budget({ cpuSeconds: 60 })
    const { id } = core.allocate({ cpuCores: 2 }, by('a', { ttlMs: HOUR_MS }))
    const { transaction } = database
    database.transaction = () => {
      throw new AppError('storage.disk_full', 'The disk is full.')
    }
    await clock.advance(30_000)
    expect(core.listLeases()).toHaveLength(1)
    const refusal = await refusalOf(() => core.renew(id as LeaseId, HOUR_MS))
    expect(refusal.code).toBe('core.budget_exceeded')
    database.transaction = transaction
    await clock.advance(1000)
    expect(core.listLeases()).toEqual([])
  })

  it('of nothing is for ever, and ends with the budget', async () => {
    const { core } = fixture
    budget({ gpuSeconds: 0 })
    const refusal = await refusalOf(() => core.request({ gpu: 1 }, { ...by('a'), waitMs: 60_000 }))
    expect(refusal.details).toMatchObject({ resetsAt: null })
    core.setQuota({ principal: 'a', limit: {} })
    expect(core.allocate({ gpu: 1 }, by('a'))).toBeDefined()
  })
})
