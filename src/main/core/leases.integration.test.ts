import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Lease } from '../../shared/contract'
import { AppError } from '../../shared/errors'
import { by, type CoreFixture, createCoreFixture, refusalOf, someJob } from './testing/core-fixture'
import { settle } from './testing/fake-clock'
import { createFakeHost, fakeCpu, fakeGpu } from './testing/fake-host'
import { AGEING_PER_SECOND, CLAIM_AFTER_MS } from './waiting'

const GB = 1e9
/** Who waits outside the queue of requests. */
const PLANNER = { holder: by('planner').holder, priority: 50 }
let fixture: CoreFixture

beforeEach(async () => {
  fixture = await createCoreFixture({
    host: createFakeHost([fakeCpu(8, 16 * GB), fakeGpu(0, 8 * GB), fakeGpu(1, 24 * GB)]),
  })
})
afterEach(() => fixture.close())

/** What became of a promise so far. */
function watch(promise: Promise<Lease>) {
  const state: { lease?: Lease; error?: unknown } = {}
  promise.then(
    (lease) => {
      state.lease = lease
    },
    (error) => {
      state.error = error
    },
  )
  return state
}

describe('allocate and release', () => {
  it('takes and gives back', () => {
    const { core } = fixture
    const lease = core.allocate(
      { cpuCores: 2, memoryBytes: 4 * GB, gpu: 0.5, gpuMemoryBytes: 4 * GB },
      by('a'),
    )
    expect(lease).toMatchObject({ state: 'granted', holder: 'a', job: null, expiresAt: null })
    expect(core.resources()).toMatchObject({
      capacity: { cpuCores: 8, memoryBytes: 16 * GB, gpu: 2, gpuMemoryBytes: 32 * GB },
      allocated: { cpuCores: 2, memoryBytes: 4 * GB, gpu: 0.5, gpuMemoryBytes: 4 * GB },
      available: { cpuCores: 6, memoryBytes: 12 * GB, gpu: 1.5, gpuMemoryBytes: 28 * GB },
    })
    core.release(lease.id as never)
    expect(core.resources().allocated).toEqual({})
    expect(core.listLeases()).toEqual([])
    expect(core.getLease(lease.id)).toMatchObject({ state: 'released' })
  })

  it('is idempotent in releasing, and knows what never was', async () => {
    const { core } = fixture
    const lease = core.allocate({ cpuCores: 1 }, by('a'))
    core.release(lease.id as never)
    expect(() => core.release(lease.id as never)).not.toThrow()
    expect(core.resources().allocated).toEqual({})
    expect(await refusalOf(() => core.release('lease-none' as never))).toMatchObject({
      code: 'core.not_found',
    })
    expect(await refusalOf(() => core.getLease('lease-none'))).toMatchObject({ code: 'core.not_found' })
  })

  it('says what is impossible, and how much is missing', async () => {
    const error = await refusalOf(() => fixture.core.allocate({ cpuCores: 9, fpga: 1 }, by('a')))
    expect(error).toMatchObject({ code: 'core.impossible', details: { missing: { cpuCores: 1, fpga: 1 } } })
    expect(error.message).toContain('1 CPU cores')
    expect(await refusalOf(() => fixture.core.assertPossible({ gpuMemoryBytes: 25 * GB }))).toMatchObject({
      details: { missing: { gpuMemoryBytes: 1 * GB } },
    })
  })

  it('says who holds what is missing, and when it will be free', async () => {
    const { core } = fixture
    const first = core.allocate({ cpuCores: 6 }, by('ann', { purpose: 'api', ttlMs: 60_000 }))
    core.allocate({ cpuCores: 1, gpu: 1 }, by('ben', { purpose: 'engine x@1' }))
    const error = await refusalOf(() => core.allocate({ cpuCores: 3 }, by('cy')))
    expect(error).toMatchObject({
      code: 'core.unavailable',
      details: {
        missing: { cpuCores: 2 },
        estimateMs: 60_000,
        holders: [
          {
            lease: first.id,
            holder: 'ann',
            purpose: 'api',
            amounts: { cpuCores: 6 },
            expiresAt: first.expiresAt,
          },
          { holder: 'ben', purpose: 'engine x@1', amounts: { cpuCores: 1 }, expiresAt: null },
        ],
      },
    })
    expect(core.listLeases()).toHaveLength(2)
    expect(await refusalOf(() => core.allocate({ gpu: 2 }, by('cy')))).toMatchObject({
      details: { estimateMs: null },
    })
  })

  it('takes a planned placement, and refuses one that is none', async () => {
    const { core } = fixture
    const lease = core.allocate({ gpu: 0.5 }, by('a'), [{ device: 'gpu-1', amounts: { gpu: 0.5 } }])
    expect(lease.placement).toEqual([{ device: 'gpu-1', amounts: { gpu: 0.5 } }])
    const split = [
      { device: 'gpu-0', amounts: { gpu: 0.25 } },
      { device: 'gpu-1', amounts: { gpu: 0.25 } },
    ]
    expect(await refusalOf(() => core.allocate({ gpu: 0.5 }, by('a'), split))).toMatchObject({
      code: 'system.invalid',
    })
    expect(
      await refusalOf(() => core.allocate({ gpu: 1 }, by('a'), [{ device: 'gpu-0', amounts: { gpu: 0.5 } }])),
    ).toMatchObject({ code: 'system.invalid' })
    expect(
      await refusalOf(() =>
        core.allocate({ gpu: 0.8 }, by('a'), [{ device: 'gpu-1', amounts: { gpu: 0.8 } }]),
      ),
    ).toMatchObject({
      code: 'core.unavailable',
      details: { missing: { gpu: 0.3 } },
    })
    expect(
      await refusalOf(() => core.allocate({ gpu: 1 }, by('a'), [{ device: 'gpu-9', amounts: { gpu: 1 } }])),
    ).toMatchObject({ code: 'core.unavailable' })
  })

  it('refuses NaN and negative amounts', async () => {
    for (const cpuCores of [Number.NaN, -1]) {
      expect(await refusalOf(() => fixture.core.allocate({ cpuCores }, by('a')))).toMatchObject({
        code: 'system.invalid',
      })
      expect(
        await refusalOf(() => fixture.core.request({ cpuCores }, { ...by('a'), waitMs: 0 })),
      ).toMatchObject({ code: 'system.invalid' })
    }
    expect(await refusalOf(() => fixture.core.request({}, { ...by('a'), waitMs: 0 }))).toMatchObject({
      code: 'system.invalid',
    })
  })

  it('keeps what is reserved, and what other programs use, but shares cores with them', async () => {
    const { core, host, clock } = fixture
    core.setReservedMemory(2 * GB)
    host.reading = {
      readings: [{ device: 'cpu0', load: 0.75, memoryUsedBytes: 5 * GB, memoryTotalBytes: 16 * GB }],
      childrenMemoryBytes: 0,
    }
    await clock.advance(1000)
    expect(core.resources()).toMatchObject({
      foreign: { memoryBytes: 5 * GB, cpuCores: 6 },
      available: { cpuCores: 8, memoryBytes: 9 * GB },
    })
    expect(await refusalOf(() => core.allocate({ memoryBytes: 10 * GB }, by('a')))).toMatchObject({
      code: 'core.unavailable',
      details: { missing: { memoryBytes: 1 * GB }, foreign: { memoryBytes: 5 * GB } },
    })
    expect(await refusalOf(() => core.allocate({ memoryBytes: 15 * GB }, by('a')))).toMatchObject({
      code: 'core.impossible',
    })
    host.reading = {
      ...host.reading,
      readings: [{ device: 'cpu0', load: 1, memoryUsedBytes: 99 * GB, memoryTotalBytes: 16 * GB }],
    }
    await clock.advance(1000)
    expect(core.resources().available.memoryBytes).toBeUndefined()
    expect(core.resources().available.cpuCores).toBe(8)
  })

  it('does not count the memory of our own workers twice, nor hide others behind a large lease', async () => {
    const { core, host, clock } = fixture
    core.allocate({ memoryBytes: 8 * GB }, by('a', { job: someJob }))
    core.allocate({ memoryBytes: 1 * GB }, by('app', { ttlMs: 60_000 }))
    host.reading = {
      readings: [{ device: 'cpu0', load: 0, memoryUsedBytes: 6 * GB, memoryTotalBytes: 16 * GB }],
      childrenMemoryBytes: 2 * GB,
    }
    await clock.advance(1000)
    // 6 used, of which 2 are our workers' and 1 is taken to be the app's.
    expect(core.resources().foreign.memoryBytes).toBe(3 * GB)
    expect(core.resources().available.memoryBytes).toBe((16 - 9 - 3) * GB)
  })
})

describe('room that is kept', () => {
  it('is for who keeps it in the moment in which it comes free, though a request waits that goes after', async () => {
    const { core, clock, database } = fixture
    const all = core.allocate({ cpuCores: 8 }, by('a'))
    const placement = [{ device: 'cpu0', amounts: { cpuCores: 8 } }]
    const since = clock.now()
    await clock.advance(10_000)
    const giveUp = core.keepRoom({ placement, purpose: 'training', ...PLANNER, since })
    const waiting = watch(core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 600_000 }))
    await clock.advance(3_000)
    const own = await database.write(() => {
      core.release(all.id as never)
      return core.allocate({ cpuCores: 8 }, by('c'), placement)
    })
    giveUp()
    await settle()
    expect(waiting).toEqual({})
    core.release(own.id as never)
    await settle()
    expect(waiting.lease?.need).toEqual({ cpuCores: 1 })
  })
})

describe('other programs on a GPU', () => {
  it('are not hidden by a lease that is used little', async () => {
    const { core, host, clock } = fixture
    const memory = core.listDevices().find(({ id }) => id === 'gpu-0')?.capacity.gpuMemoryBytes ?? 0
    core.allocate({ gpu: 0.5, gpuMemoryBytes: memory / 2 }, by('a', { job: someJob }), [
      { device: 'gpu-0', amounts: { gpu: 0.5, gpuMemoryBytes: memory / 2 } },
    ])
    host.gpusOutside = new Map([['gpu-0', { memoryBytes: memory / 4, load: null }]])
    // Its own worker uses an eighth of it.
    const readings = [
      { device: 'gpu-0', load: 0, memoryUsedBytes: (3 * memory) / 8, memoryTotalBytes: memory },
    ]
    host.reading = { readings, childrenMemoryBytes: 0 }
    await clock.advance(6_000)
    expect(core.resources().foreignOn).toEqual([{ device: 'gpu-0', amounts: { gpuMemoryBytes: memory / 4 } }])
    const need = { gpu: 0.5, gpuMemoryBytes: memory / 2 }
    const there = [{ device: 'gpu-0', amounts: need }]
    expect(await refusalOf(() => core.allocate(need, by('b'), there))).toMatchObject({
      code: 'core.unavailable',
    })
  })

  it('count as well where no sum is told, as of a part of a GPU or while its tool says nothing', async () => {
    const { core, host, clock } = fixture
    const memory = core.listDevices().find(({ id }) => id === 'gpu-0')?.capacity.gpuMemoryBytes ?? 0
    host.gpusOutside = new Map([['gpu-0', { memoryBytes: memory / 4, load: null }]])
    host.reading = { readings: [], childrenMemoryBytes: 0 }
    await clock.advance(6_000)
    expect(core.resources().foreignOn).toEqual([{ device: 'gpu-0', amounts: { gpuMemoryBytes: memory / 4 } }])
    const all = [{ device: 'gpu-0', amounts: { gpuMemoryBytes: memory } }]
    expect(await refusalOf(() => core.allocate({ gpuMemoryBytes: memory }, by('b'), all))).toMatchObject({
      details: { missing: { gpuMemoryBytes: memory / 4 } },
    })
  })
})

describe('transactions', () => {
  it('undoes in memory what the database rolls back', async () => {
    const { core, database } = fixture
    const heard: string[] = []
    const kept = core.allocate({ cpuCores: 1 }, by('a'))
    await settle()
    core.onDidChangeLeases(({ changed, removed }) =>
      heard.push(...changed.map(({ id }) => `+${id}`), ...removed.map((id) => `-${id}`)),
    )
    expect(() =>
      database.transaction(() => {
        core.allocate({ cpuCores: 4, gpu: 1 }, by('a'))
        core.release(kept.id as never)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(core.listLeases()).toEqual([kept])
    expect(core.resources().allocated).toEqual({ cpuCores: 1 })
    await settle()
    // Whoever listens never believes what did not happen.
    expect(heard.filter((entry) => entry === `-${kept.id}`)).toEqual([])
    await fixture.restart()
    expect(fixture.core.listLeases()).toEqual([])
  })

  it('is part of a group commit', async () => {
    const { core, database } = fixture
    const leases = await Promise.all(
      [1, 2].map(() => database.write(() => core.allocate({ cpuCores: 4 }, by('a')))),
    )
    expect(leases).toHaveLength(2)
    expect((await refusalOf(() => database.write(() => core.allocate({ cpuCores: 1 }, by('a'))))).code).toBe(
      'core.unavailable',
    )
  })
})

describe('expiry and death', () => {
  it('ends a lease at its time, not before; renewing moves it', async () => {
    const { core, clock } = fixture
    const lease = core.allocate({ cpuCores: 1 }, by('a', { ttlMs: 1000 }))
    await clock.advance(999)
    expect(core.listLeases()).toHaveLength(1)
    const renewed = core.renew(lease.id as never, 5000)
    expect(Date.parse(renewed.expiresAt ?? '')).toBe(clock.now() + 5000)
    await clock.advance(4999)
    expect(core.listLeases()).toHaveLength(1)
    await clock.advance(1)
    expect(core.listLeases()).toEqual([])
    expect(core.getLease(lease.id).state).toBe('expired')
    expect(await refusalOf(() => core.renew(lease.id as never, 1000))).toMatchObject({
      code: 'core.not_found',
    })
  })

  it('does not let a lease without an end be given one', async () => {
    const lease = fixture.core.allocate({ cpuCores: 1 }, by('a'))
    expect(await refusalOf(() => fixture.core.renew(lease.id as never, 1000))).toMatchObject({
      code: 'system.invalid',
    })
  })

  it('ends what the dead process held; what has a time to live stays for it', async () => {
    const { core, clock } = fixture
    const engine = core.allocate({ memoryBytes: GB }, by('a', { purpose: 'engine' }))
    const job = core.allocate({ cpuCores: 1 }, by('a', { job: someJob, ttlMs: 60_000 }))
    const api = core.allocate({ gpu: 1 }, by('app', { ttlMs: 60_000 }))
    const short = core.allocate({ cpuCores: 1 }, by('app', { ttlMs: 1000 }))
    await core.dispose()
    await clock.advance(2000)
    await fixture.restart()
    expect(fixture.core.listLeases()).toEqual([api])
    expect(fixture.core.getLease(engine.id).state).toBe('released')
    expect(fixture.core.getLease(job.id).state).toBe('released')
    expect(fixture.core.getLease(short.id).state).toBe('expired')
    expect(fixture.core.resources().allocated).toEqual({ gpu: 1 })
    await clock.advance(58_000)
    expect(fixture.core.listLeases()).toEqual([])
  })
})

describe('requests that wait', () => {
  it('are granted when others release, in order of priority, then arrival', async () => {
    const { core } = fixture
    const all = core.allocate({ cpuCores: 8 }, by('a'))
    const low = watch(core.request({ cpuCores: 8 }, { ...by('low', { priority: 10 }), waitMs: 60_000 }))
    const early = watch(core.request({ cpuCores: 8 }, { ...by('early'), waitMs: 60_000 }))
    const late = watch(core.request({ cpuCores: 8 }, { ...by('late'), waitMs: 60_000 }))
    await settle()
    core.release(all.id as never)
    await settle()
    expect(early.lease).toMatchObject({ holder: 'early' })
    expect([low, late]).toEqual([{}, {}])
    core.release(early.lease?.id as never)
    await settle()
    expect(late.lease).toBeDefined()
    core.release(late.lease?.id as never)
    await settle()
    expect(low.lease).toBeDefined()
  })

  it('of equal priority take turns between their holders, by what each has for its weight', async () => {
    const { core } = fixture
    core.setQuota({ principal: 'heavy', weight: 3, limit: {} })
    const all = core.allocate({ cpuCores: 8 }, by('x'))
    const order: string[] = []
    const ask = (holder: string) =>
      void core
        .request({ cpuCores: 1 }, { ...by(holder), waitMs: 60_000 })
        .then(() => order.push(holder))
        .catch(() => undefined)
    for (let i = 0; i < 20; i++) ask('greedy')
    for (let i = 0; i < 20; i++) ask('heavy')
    for (let i = 0; i < 2; i++) ask('modest')
    await settle()
    core.release(all.id as never)
    await settle()
    const of = (holder: string) => order.filter((one) => one === holder).length
    // Shares 2, 4 / 3 and 2 of eight; nobody waits for the twenty before.
    expect([of('greedy'), of('heavy'), of('modest')]).toEqual([2, 4, 2])
  })

  it('age: an old request of low priority goes before a new one of high priority', async () => {
    const { core, clock } = fixture
    const all = core.allocate({ cpuCores: 8 }, by('a'))
    const old = watch(core.request({ cpuCores: 8 }, { ...by('old', { priority: 0 }), waitMs: 600_000 }))
    await clock.advance((100 / AGEING_PER_SECOND) * 1000 + 1000)
    const fresh = watch(core.request({ cpuCores: 8 }, { ...by('fresh', { priority: 100 }), waitMs: 600_000 }))
    await settle()
    core.release(all.id as never)
    await settle()
    expect(old.lease).toBeDefined()
    expect(fresh).toEqual({})
  })

  it('are granted by an expiry, a raised quota, a declared device, less reserve and less foreign use', async () => {
    const { core, clock, host } = fixture
    // Between two samples, which would look at the queue as well.
    core.allocate({ cpuCores: 8 }, by('a', { ttlMs: 4500 }))
    const expiry = watch(core.request({ cpuCores: 8 }, { ...by('b', { ttlMs: 1000 }), waitMs: 60_000 }))
    await clock.advance(4500)
    expect(expiry.lease).toBeDefined()

    core.setQuota({ principal: 'q', limit: { gpu: 1 } })
    const held = core.allocate({ gpu: 1 }, by('q'))
    const quota = watch(core.request({ gpu: 1 }, { ...by('q'), waitMs: 60_000 }))
    await settle()
    expect(quota).toEqual({})
    core.setQuota({ principal: 'q', limit: { gpu: 2 } })
    await settle()
    expect(quota.lease).toBeDefined()
    core.release(held.id as never)

    core.setReservedMemory(1)
    const impossible = await refusalOf(() =>
      core.request({ memoryBytes: 16 * GB }, { ...by('m'), waitMs: 1000 }),
    )
    expect(impossible.code).toBe('core.impossible')
    core.setReservedMemory(0)
    host.reading = {
      readings: [{ device: 'cpu0', load: 0, memoryUsedBytes: GB, memoryTotalBytes: 16 * GB }],
      childrenMemoryBytes: 0,
    }
    await clock.advance(1000)
    const memory = watch(core.request({ memoryBytes: 16 * GB }, { ...by('m'), waitMs: 60_000 }))
    await settle()
    expect(memory).toEqual({})
    host.reading = { readings: [], childrenMemoryBytes: 0 }
    await clock.advance(1000)
    expect(memory.lease).toBeDefined()

    const taken = core.allocate({ gpu: 0.9 }, by('x'), [{ device: 'gpu-0', amounts: { gpu: 0.9 } }])
    const gpu = watch(core.request({ gpu: 1 }, { ...by('x'), waitMs: 60_000 }))
    await settle()
    expect(gpu).toEqual({})
    core.declareDevice(
      { kind: 'gpu', name: 'eGPU', vendor: '', capacity: { gpu: 1 }, properties: {} },
      'u' as never,
    )
    await settle()
    expect(gpu.lease).toBeDefined()
    core.release(taken.id as never)
  })

  it('are not passed over by who comes in the same moment as something is freed', async () => {
    const { core, clock } = fixture
    const all = core.allocate({ cpuCores: 8 }, by('a'))
    const waiting = watch(core.request({ cpuCores: 5 }, { ...by('waiting'), waitMs: 60_000 }))
    await clock.advance(1000)
    core.release(all.id as never)
    expect(await refusalOf(() => core.allocate({ cpuCores: 4 }, by('hasty')))).toMatchObject({
      code: 'core.unavailable',
    })
    expect(core.allocate({ cpuCores: 3 }, by('modest'))).toBeDefined()
    await settle()
    expect(waiting.lease).toBeDefined()
  })

  it('are not passed over either when more is freed in that moment, nor smaller ones for a larger one', async () => {
    const { core } = fixture
    const [five, two] = [5, 2].map((cpuCores) => core.allocate({ cpuCores }, by('a')))
    const large = core.request({ cpuCores: 8 }, { ...by('b', { priority: 90 }), waitMs: 60_000 })
    const small = core.request({ cpuCores: 3 }, { ...by('c', { priority: 80 }), waitMs: 60_000 })
    await settle()
    core.release(five?.id as never)
    expect((await refusalOf(() => core.allocate({ cpuCores: 4 }, by('d')))).code).toBe('core.unavailable')
    const beside = core.allocate({ cpuCores: 3 }, by('d'))
    core.release(beside.id as never)
    core.release(two?.id as never)
    expect((await refusalOf(() => core.allocate({ cpuCores: 1 }, by('d')))).code).toBe('core.unavailable')
    core.release((await large).id as never)
    core.release((await small).id as never)
  })

  it('give up after waitMs and say who holds it', async () => {
    const { core, clock } = fixture
    core.allocate({ cpuCores: 8 }, by('a'))
    const waiting = watch(core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 3000 }))
    await clock.advance(2999)
    expect(waiting).toEqual({})
    await clock.advance(1)
    expect(waiting.error).toMatchObject({
      code: 'core.unavailable',
      details: { missing: { cpuCores: 1 }, holders: [{ holder: 'a' }] },
    })
    expect(await refusalOf(() => core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 0 }))).toMatchObject({
      code: 'core.unavailable',
    })
  })

  it.each([
    ['and is then done again by itself', new Error('A row is refused.')],
    ['for want of room', new AppError('storage.disk_full', 'The disk is full.')],
  ])('never get a lease of a commit that was refused, %s', async (_, refusal) => {
    const { core, database } = fixture
    // However slow the machine, the pass that the release causes shares its commit with the write that comes after it.
    vi.spyOn(performance, 'now').mockReturnValue(0)
    const lease = core.allocate({ cpuCores: 8 }, by('a'))
    const waiting = watch(core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 60_000 }))
    await settle()
    core.release(lease.id as never)
    const refused = database.write(() =>
      database.beforeCommit(() => {
        throw refusal
      }),
    )
    await expect(refused).rejects.toThrow(refusal)
    await settle()
    const isFinal = refusal instanceof AppError
    expect(core.listLeases()).toHaveLength(isFinal ? 0 : 1)
    expect(waiting).toEqual(isFinal ? { error: refusal } : { lease: core.listLeases()[0] })
  })

  it('end with an abort, and leave nothing behind', async () => {
    const { core } = fixture
    const all = core.allocate({ cpuCores: 8 }, by('a'))
    const controller = new AbortController()
    const reason = new Error('closed')
    const waiting = watch(
      core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 60_000, signal: controller.signal }),
    )
    await settle()
    controller.abort(reason)
    await settle()
    expect(waiting.error).toBe(reason)
    core.release(all.id as never)
    await settle()
    expect(core.listLeases()).toEqual([])
    await expect(
      core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 0, signal: controller.signal }),
    ).rejects.toBe(reason)
  })

  it('of one holder are bounded, and the others are still heard', async () => {
    const { core } = fixture
    core.allocate({ cpuCores: 8 }, by('a'))
    const many = Array.from({ length: 100 }, () =>
      watch(core.request({ cpuCores: 1 }, { ...by('greedy'), waitMs: 60_000 })),
    )
    await settle()
    expect(
      await refusalOf(() => core.request({ cpuCores: 1 }, { ...by('greedy'), waitMs: 60_000 })),
    ).toMatchObject({ code: 'core.unavailable' })
    const other = watch(core.request({ cpuCores: 1 }, { ...by('other'), waitMs: 60_000 }))
    await settle()
    expect([...many, other].every(({ error, lease }) => !error && !lease)).toBe(true)
  })

  it('end when the system stops', async () => {
    const { core } = fixture
    core.allocate({ cpuCores: 8 }, by('a'))
    const waiting = watch(core.request({ cpuCores: 1 }, { ...by('b'), waitMs: 60_000 }))
    await settle()
    await core.dispose()
    await settle()
    expect(waiting.error).toMatchObject({ code: 'system.stopping' })
  })

  it('let a small one pass a large one at first, but not for ever', async () => {
    const { core, clock } = fixture
    const half = core.allocate({ cpuCores: 4 }, by('a'))
    const large = watch(core.request({ cpuCores: 8 }, { ...by('large'), waitMs: 600_000 }))
    const small = () => core.allocate({ cpuCores: 1 }, by('small'))
    const first = small()
    await clock.advance(CLAIM_AFTER_MS)
    core.release(first.id as never)
    // Now there is room for one core, and it is kept.
    expect(core.freeDevices()[0]?.free.cpuCores).toBeUndefined()
    expect(await refusalOf(small)).toMatchObject({ code: 'core.unavailable' })
    expect(await refusalOf(() => core.request({ cpuCores: 1 }, { ...by('small'), waitMs: 0 }))).toMatchObject(
      { code: 'core.unavailable' },
    )
    // Nor does one that waits get it.
    const patient = watch(core.request({ cpuCores: 1 }, { ...by('patient'), waitMs: 600_000 }))
    await clock.advance(1000)
    expect(patient).toEqual({})
    // Whoever ranks higher is not held up by it.
    const urgent = core.allocate({ cpuCores: 1 }, by('urgent', { priority: 100 }))
    core.release(urgent.id as never)
    core.release(half.id as never)
    await settle()
    expect(large.lease).toBeDefined()
  })

  it('others go on beside the room that is kept', async () => {
    const { core, clock } = fixture
    const most = core.allocate({ cpuCores: 7 }, by('a'))
    const large = watch(core.request({ cpuCores: 6 }, { ...by('large'), waitMs: 600_000 }))
    await clock.advance(CLAIM_AFTER_MS)
    // Two cores are not needed for the large one; one is free.
    const beside = core.allocate({ cpuCores: 1 }, by('small'))
    core.release(most.id as never)
    await settle()
    expect(large.lease).toBeDefined()
    expect(core.allocate({ cpuCores: 1 }, by('small'))).toBeDefined()
    core.release(beside.id as never)
  })

  it.each([
    ['that finds nothing new', false],
    ['that finds another device', true],
  ])('a scan %s gives away nothing of the room that is kept', async (_, isMore) => {
    const { core, clock, host } = fixture
    const most = core.allocate({ cpuCores: 7 }, by('a'))
    const large = watch(core.request({ cpuCores: 8 }, { ...by('large'), waitMs: 600_000 }))
    await clock.advance(CLAIM_AFTER_MS)
    const small = watch(core.request({ cpuCores: 1 }, { ...by('small'), waitMs: 600_000 }))
    if (isMore) host.devices.push(fakeGpu(2, 8 * GB))
    await core.rescan()
    await settle()
    expect(small).toEqual({})
    core.release(most.id as never)
    await settle()
    expect(large.lease).toBeDefined()
  })

  it('the room of one that gives up goes to the next that has waited as long, before smaller ones', async () => {
    const { core, clock } = fixture
    const most = core.allocate({ cpuCores: 7 }, by('a'))
    const first = watch(core.request({ cpuCores: 8 }, { ...by('large'), waitMs: 2 * CLAIM_AFTER_MS }))
    const next = watch(core.request({ cpuCores: 8 }, { ...by('large'), waitMs: 600_000 }))
    await clock.advance(CLAIM_AFTER_MS)
    const small = watch(core.request({ cpuCores: 1 }, { ...by('small'), waitMs: 600_000 }))
    await clock.advance(CLAIM_AFTER_MS)
    expect(first.error).toBeDefined()
    expect(small).toEqual({})
    core.release(most.id as never)
    await settle()
    expect(next.lease).toBeDefined()
  })

  it.each([
    ['a stream of small ones cannot starve a large one', false],
    ['nor where one waits before it for what programs outside hold', true],
  ])('%s', async (_, isBlocked) => {
    const { core, clock, host } = fixture
    if (isBlocked) {
      const used = { device: 'cpu0', load: 0, memoryUsedBytes: 8 * GB, memoryTotalBytes: 16 * GB }
      host.reading = { readings: [used], childrenMemoryBytes: 0 }
      await clock.advance(1000)
      core.request({ memoryBytes: 15 * GB }, { ...by('vain'), waitMs: 600_000 }).catch(() => undefined)
      await clock.advance(1000)
    }
    let leases = [
      core.allocate({ cpuCores: 2 }, by('s')),
      core.allocate({ cpuCores: 2 }, by('s')),
      core.allocate({ cpuCores: 2 }, by('s')),
    ]
    const large = watch(core.request({ cpuCores: 8 }, { ...by('large'), waitMs: 600_000 }))
    for (let round = 0; round < 60 && !large.lease; round++) {
      await clock.advance(1000)
      const oldest = leases.shift()
      if (oldest) core.release(oldest.id as never)
      const next = await core.request({ cpuCores: 2 }, { ...by('s'), waitMs: 0 }).catch(() => null)
      if (next) leases = [...leases, next]
    }
    expect(large.lease).toBeDefined()
  })
})

describe('room that is kept for one who plans by itself', () => {
  const cores = (cpuCores: number) => [{ device: 'cpu0', amounts: { cpuCores } }]
  const keep = (cpuCores: number) => {
    const { core, clock } = fixture
    const room = {
      placement: cores(cpuCores),
      purpose: 'training',
      ...PLANNER,
      since: clock.now() - 20_000,
    }
    return core.keepRoom(room)
  }

  it('binds who ranks lower, by word, and neither who ranks higher nor what was planned around it', async () => {
    const { core } = fixture
    const release = keep(6)
    const beside = core.allocate({ cpuCores: 2 }, by('a'))
    const refused = await refusalOf(() => core.allocate({ cpuCores: 1 }, by('a')))
    expect(refused).toMatchObject({
      code: 'core.unavailable',
      details: { keptFor: { holder: 'planner', purpose: 'training' } },
    })
    expect(refused.message).toContain('It is kept for training, which goes first.')
    // Twenty points make up for twenty seconds.
    core.release(core.allocate({ cpuCores: 1 }, by('a', { priority: 71 })).id as never)
    const planned = core.allocate({ cpuCores: 6 }, by('a'), cores(6))
    expect(core.freeDevices()[0]?.free.cpuCores).toBeUndefined()
    core.release(planned.id as never)
    core.release(beside.id as never)
    expect(core.freeDevices()[0]?.free.cpuCores).toBe(8)
    release()
    expect(core.allocate({ cpuCores: 8 }, by('a'))).toBeDefined()
  })

  it('is not what is named where others hold it', async () => {
    keep(6)
    fixture.core.allocate({ cpuCores: 7 }, by('a'), cores(7))
    const { message } = await refusalOf(() => fixture.core.allocate({ cpuCores: 2 }, by('b')))
    expect(message).toContain('test of a holds some of it.')
  })

  it('who waits gets it when it is given up', async () => {
    const { core } = fixture
    const release = keep(6)
    const waiting = watch(core.request({ cpuCores: 3 }, { ...by('a'), waitMs: 60_000 }))
    await settle()
    expect(waiting).toEqual({})
    release()
    await settle()
    expect(waiting.lease).toBeDefined()
  })

  it.each([
    ['lies beside that of a request', 2],
    ['goes before that of a request which needs a part of it', 6],
  ])('%s, and neither waits for the other', async (_, wanted) => {
    const { core, clock } = fixture
    const all = core.allocate({ cpuCores: 8 }, by('a'))
    const request = watch(core.request({ cpuCores: wanted }, { ...by('b'), waitMs: 600_000 }))
    await clock.advance(CLAIM_AFTER_MS)
    const release = keep(6)
    core.release(all.id as never)
    await settle()
    expect(core.freeDevices()[0]?.free.cpuCores).toBeGreaterThanOrEqual(6)
    const planned = core.allocate({ cpuCores: 6 }, by('c'), cores(6))
    release()
    await settle()
    expect(request.lease === undefined).toBe(wanted > 2)
    core.release(planned.id as never)
    await settle()
    expect(request.lease).toBeDefined()
  })

  it('does not keep others from theirs that wait for something else', async () => {
    const { core, clock } = fixture
    // Nobody knows how long that is needed.
    core.allocate({ gpu: 2 }, by('a'))
    core.keepRoom({
      placement: [{ device: 'gpu-0', amounts: { gpu: 1 } }],
      purpose: 'training',
      ...PLANNER,
      since: clock.now() - 20_000,
    })
    const half = core.allocate({ cpuCores: 4 }, by('a'))
    const large = watch(core.request({ cpuCores: 8 }, { ...by('large'), waitMs: 600_000 }))
    await clock.advance(CLAIM_AFTER_MS)
    expect(await refusalOf(() => core.allocate({ cpuCores: 1 }, by('small')))).toMatchObject({
      code: 'core.unavailable',
    })
    core.release(half.id as never)
    await settle()
    expect(large.lease).toBeDefined()
  })
})

describe('quotas', () => {
  it('bound what a principal holds; zero is a bound, nothing named is none', async () => {
    const { core } = fixture
    core.setQuota({ principal: 'a', limit: { cpuCores: 2, gpu: 0 } })
    core.allocate({ cpuCores: 1.5, memoryBytes: GB }, by('a'))
    expect(await refusalOf(() => core.allocate({ cpuCores: 1 }, by('a')))).toMatchObject({
      code: 'core.quota_exceeded',
      details: { principal: 'a', exceeded: { cpuCores: 0.5 }, held: { cpuCores: 1.5, memoryBytes: GB } },
    })
    expect(await refusalOf(() => core.request({ gpu: 0.1 }, { ...by('a'), waitMs: 60_000 }))).toMatchObject({
      code: 'core.quota_exceeded',
    })
    expect(core.allocate({ cpuCores: 1 }, by('b'))).toBeDefined()
    const [held] = core.listLeases()
    core.release(held?.id as never)
    expect(core.allocate({ cpuCores: 2 }, by('a'))).toBeDefined()
    await fixture.restart()
    expect(fixture.core.getQuota('a')).toMatchObject({ principal: 'a', limit: { cpuCores: 2, gpu: 0 } })
    fixture.core.removeQuota('a')
    expect(fixture.core.getQuota('a').limit).toEqual({})
    expect(fixture.core.allocate({ gpu: 1 }, by('a'))).toBeDefined()
  })
})

describe('events', () => {
  it('tell of grants and ends once they are true', async () => {
    const { core, clock } = fixture
    const heard: { changed: string[]; removed: string[] }[] = []
    core.onDidChangeLeases(({ changed, removed }) =>
      heard.push({ changed: changed.map(({ id }) => id), removed }),
    )
    const lease = core.allocate({ cpuCores: 1 }, by('a', { ttlMs: 1000 }))
    await settle()
    await clock.advance(1000)
    expect(heard).toEqual([
      { changed: [lease.id], removed: [] },
      { changed: [], removed: [lease.id] },
    ])
  })
})
