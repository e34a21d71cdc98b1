import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { type ResourceVector, vectorFrom } from '../../shared/domain/resources'
import { AppError } from '../../shared/errors'
import type { CoreTables } from './migrations'
import { place } from './place'
import { by, type CoreFixture, createCoreFixture } from './testing/core-fixture'
import { settle } from './testing/fake-clock'
import { createFakeHost, fakeCpu, fakeGpu } from './testing/fake-host'

const GB = 1e9

type Step =
  | {
      do: 'allocate'
      need: ResourceVector
      holder: string
      priority: number
      ttlMs: number | null
      job: boolean
    }
  | {
      do: 'request'
      need: ResourceVector
      holder: string
      priority: number
      ttlMs: number
      waitMs: number
      abort: boolean
    }
  | { do: 'release'; which: number }
  | { do: 'renew'; which: number; ttlMs: number }
  | { do: 'advance'; ms: number }
  | { do: 'quota'; holder: string; limit: ResourceVector | null }
  | { do: 'rollback'; need: ResourceVector; which: number }
  | { do: 'declare'; gpu: number }
  | { do: 'vanish'; gpu: 0 | 1; there: boolean }
  | { do: 'foreign'; bytes: number }
  | { do: 'kill'; need: ResourceVector; holder: string }
  | { do: 'jump'; ms: number }
  | { do: 'slowDisk'; ms: number }

const holder = fc.constantFrom('ann', 'ben', 'cy')
// Tenths on purpose: their binary sums drift.
const share = fc.constantFrom(0.1, 0.2, 0.3, 1 / 3, 0.5, 0.7, 1, 1.5, 2)
const need: fc.Arbitrary<ResourceVector> = fc
  .record(
    {
      cpuCores: fc.constantFrom(0.1, 0.2, 0.7, 1, 2, 3, 4),
      memoryBytes: fc.integer({ min: 1, max: 5 }).map((gigabytes) => gigabytes * GB),
      gpu: share,
      gpuMemoryBytes: fc.integer({ min: 1, max: 10 }).map((gigabytes) => gigabytes * GB),
      custom: fc.record({ seats: fc.integer({ min: 1, max: 3 }) }),
    },
    { requiredKeys: [] },
  )
  .filter((vector) => Object.keys(vector).length > 0)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('allocate' as const),
      need,
      holder,
      priority: fc.nat(100),
      ttlMs: fc.option(fc.integer({ min: 100, max: 20_000 })),
      job: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      need,
      holder,
      priority: fc.nat(100),
      ttlMs: fc.integer({ min: 100, max: 20_000 }),
      waitMs: fc.constantFrom(0, 500, 5000, 60_000),
      abort: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('renew' as const),
      which: fc.nat(),
      ttlMs: fc.integer({ min: 100, max: 20_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 500, 3000, 7000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('quota' as const), holder, limit: fc.option(need) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollback' as const), need, which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('declare' as const), gpu: fc.constantFrom(1, 2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('vanish' as const),
      gpu: fc.constantFrom(0 as const, 1 as const),
      there: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('foreign' as const), bytes: fc.constantFrom(0, 2 * GB, 9 * GB) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), need, holder }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      ms: fc.constantFrom(-3_600_000, -300, 700, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('slowDisk' as const), ms: fc.constantFrom(0, 20, 300) }),
  },
)

/** A request whose promise is still open. */
interface Open {
  need: ResourceVector
  holder: string
  rank: number
  sequence: number
  abort: AbortController
}

/** Plays a history and checks after each step what must always hold. */
async function play(steps: Step[]): Promise<void> {
  const gpus = [fakeGpu(0, 8 * GB), fakeGpu(1, 12 * GB)]
  const dir = await mkdtemp(join(tmpdir(), 'core-'))
  const host = createFakeHost([fakeCpu(4, 16 * GB), ...gpus])
  const fixture = await createCoreFixture({ file: join(dir, 'test.db'), host })
  let slowMs = 0
  const open = new Set<Open>()
  let sequence = 0
  fixture.core.declareDevice(
    { kind: 'fpga', name: 'seats', vendor: '', capacity: { custom: { seats: 3 } }, properties: {} },
    'u' as never,
  )

  const run = async (action: Step) => {
    const { core, clock, host, database } = fixture
    const leases = core.listLeases()
    const pick = (which: number) => leases[which % Math.max(1, leases.length)]
    switch (action.do) {
      case 'allocate': {
        const options = by(action.holder, {
          priority: action.priority,
          ttlMs: action.ttlMs,
          job: action.job ? ('job-1' as JobId) : null,
        })
        const error = refusable(() => core.allocate(action.need, options))
        const allowed = withinQuota(core, leases, action.need, action.holder)
        if (error?.code === 'core.quota_exceeded') expect(allowed).toBe(false)
        else if (!error) expect(allowed).toBe(true)
        return
      }
      case 'request': {
        const abort = new AbortController()
        const entry: Open = {
          need: action.need,
          holder: action.holder,
          rank: action.priority - clock.now() / 1000,
          sequence: sequence++,
          abort,
        }
        open.add(entry)
        const { priority, ttlMs, waitMs } = action
        const settled = core
          .request(action.need, { ...by(action.holder, { priority, ttlMs }), waitMs, signal: abort.signal })
          .then(whole, expectRefusal)
          .finally(() => open.delete(entry))
        void settled
        if (action.abort) abort.abort(new AppError('system.stopping', 'aborted'))
        return
      }
      case 'release':
        return void (pick(action.which) && core.release(pick(action.which)?.id as never))
      case 'renew':
        return void refusable(() => core.renew((pick(action.which)?.id ?? 'none') as never, action.ttlMs))
      case 'advance':
        return clock.advance(action.ms)
      case 'quota':
        return void (action.limit
          ? core.setQuota({ principal: action.holder, limit: action.limit })
          : core.removeQuota(action.holder))
      case 'rollback': {
        const before = [core.listLeases(), core.resources(), core.freeDevices()]
        const boom = new AppError('system.stopping', 'rolled back')
        refusable(() =>
          database.transaction(() => {
            refusable(() => core.allocate(action.need, by('ann', { priority: 100, ttlMs: 500 })))
            const lease = pick(action.which)
            if (lease) core.release(lease.id as never)
            refusable(() => core.allocate(action.need, by('ben')))
            throw boom
          }),
        )
        expect([core.listLeases(), core.resources(), core.freeDevices()]).toEqual(before)
        return
      }
      case 'declare':
        return void core.declareDevice(
          {
            kind: 'gpu',
            name: `extra ${sequence++}`,
            vendor: '',
            capacity: { gpu: action.gpu, gpuMemoryBytes: 4 * GB },
            properties: {},
          },
          'u' as never,
        )
      case 'vanish':
        host.devices = host.devices.filter(({ id }) => id !== `gpu-${action.gpu}`)
        if (action.there) host.devices.push(gpus[action.gpu] as never)
        return void (await core.rescan())
      case 'foreign':
        host.reading = {
          readings: [{ device: 'cpu0', load: 1, memoryUsedBytes: action.bytes, memoryTotalBytes: 16 * GB }],
          childrenMemoryBytes: 0,
        }
        return clock.advance(1000)
      case 'kill': {
        // Acknowledged in its last moment.
        refusable(() => core.allocate(action.need, by(action.holder, { ttlMs: 20_000 })))
        core.setQuota({ principal: action.holder, limit: { gpu: 1 } })
        const before = lasting(core)
        await fixture.kill()
        // What only the dead process could have ended is ended, and nothing else.
        expect(lasting(fixture.core)).toEqual(before)
        expect(fixture.core.listLeases().filter(({ job, expiresAt }) => job || !expiresAt)).toEqual([])
        return
      }
      case 'jump':
        clock.set(action.ms)
        // So often the clock is looked at.
        return clock.advance(1000)
      case 'slowDisk':
        slowMs = action.ms
        return
    }
  }

  try {
    for (const action of steps) {
      fixture.disk.slowMs = action.do === 'kill' ? 0 : slowMs
      await run(action)
      fixture.disk.slowMs = 0
      await fixture.clock.advance(5 * slowMs)
      await settle()
      check(fixture, open)
    }
    await finish(fixture, open)
  } finally {
    await fixture.close()
    await rm(dir, { recursive: true, force: true })
  }
}

/** What outlives the process: leases that expire, quotas and devices. */
function lasting(core: CoreFixture['core']) {
  const leases = core.listLeases().filter(({ job, expiresAt }) => job === null && expiresAt !== null)
  return {
    leases: leases.map(({ id }) => id),
    limits: ['ann', 'ben', 'cy'].map((who) => core.getQuota(who).limit),
    devices: new Map(core.listDevices().map(({ id, capacity, health }) => [id, { capacity, health }])),
  }
}

function check({ core, database, clock }: CoreFixture, open: Set<Open>): void {
  const leases = core.listLeases()
  const devices = new Map(core.listDevices().map((device) => [device.id, device]))

  // Never more than there is on any device, counted in millionths, apart from the code under test.
  const used = new Map<string, number>()
  for (const lease of leases) {
    whole(lease)
    for (const { device, amounts } of lease.placement) {
      for (const [name, amount] of flat(amounts)) {
        used.set(`${device} ${name}`, (used.get(`${device} ${name}`) ?? 0) + Math.round(amount * 1e6))
      }
    }
  }
  for (const [key, millionths] of used) {
    const [id = '', name = ''] = key.split(' ')
    const capacity = new Map(flat(devices.get(id)?.capacity ?? {})).get(name) ?? 0
    expect(millionths, `${key} of ${capacity}`).toBeLessThanOrEqual(Math.round(capacity * 1e6))
  }
  for (const [, amount] of [...flat(core.resources().available), ...flat(core.resources().foreign)]) {
    expect(amount).toBeGreaterThan(0)
  }

  // No lease outlives its end, and the database says the same as memory, but for what jobs hold until they end.
  for (const { expiresAt } of leases)
    if (expiresAt) expect(Date.parse(expiresAt)).toBeGreaterThan(clock.now())
  const rows = database.all(
    database.builder<CoreTables>().selectFrom('core_leases').select('id').where('ended_at', 'is', null),
  )
  const stored = leases.filter(({ job, expiresAt }) => job === null || expiresAt !== null)
  expect(rows.map(({ id }) => id).sort()).toEqual(stored.map(({ id }) => id).sort())

  // Nobody waits for what is free: the first in order not at all, the others not for what lies beside its room.
  const inOrder = [...open]
    .filter(({ need, holder: who }) => withinQuota(core, leases, need, who))
    .sort((a, b) => b.rank - a.rank || a.sequence - b.sequence)
  const foreign = core.resources().foreign.memoryBytes ?? 0
  const allFree = core.freeDevices().map((device) => {
    const free = flat(device.capacity).map(([name, amount]) => {
      const taken = used.get(`${device.id} ${name}`) ?? 0
      const others = name === 'memoryBytes' ? foreign * 1e6 : 0
      return [name, Math.max(0, Math.round(amount * 1e6) - taken - others) / 1e6] as const
    })
    return { ...device, free: vectorFrom(free) }
  })
  for (const [position, { need: wanted }] of inOrder.entries()) {
    expect(
      place(wanted, position === 0 ? allFree : core.freeDevices()),
      'a waiting request fits',
    ).toHaveProperty('missing')
  }
}

/** Every lease ends, every promise settles, nothing is left over: also in floating point. */
async function finish(fixture: CoreFixture, open: Set<Open>): Promise<void> {
  for (const { id } of fixture.core.listLeases()) fixture.core.release(id as never)
  await fixture.clock.advance(61_000)
  for (const { id } of fixture.core.listLeases()) fixture.core.release(id as never)
  await fixture.clock.advance(61_000)
  expect(open.size).toBe(0)
  for (const { id } of fixture.core.listLeases()) fixture.core.release(id as never)
  await settle()
  expect(fixture.core.listLeases()).toEqual([])
  expect(fixture.core.resources().allocated).toEqual({})
  for (const { free, capacity, kind, healthy } of fixture.core.freeDevices()) {
    if (healthy && kind !== 'cpu') expect(free).toEqual(capacity)
  }
}

/** All or nothing: the parts are the whole. */
function whole(lease: Lease): void {
  const parts = new Map<string, number>()
  for (const { amounts } of lease.placement) {
    for (const [name, amount] of flat(amounts))
      parts.set(name, (parts.get(name) ?? 0) + Math.round(amount * 1e6))
  }
  expect(Object.fromEntries(parts)).toEqual(
    Object.fromEntries(flat(lease.need).map(([name, amount]) => [name, Math.round(amount * 1e6)])),
  )
}

function withinQuota(core: CoreFixture['core'], leases: Lease[], need: ResourceVector, who: string): boolean {
  return flat(core.getQuota(who).limit).every(([name, most]) => {
    const held = leases.filter((lease) => lease.holder === who).flatMap((lease) => flat(lease.need))
    const asked = new Map(flat(need)).get(name) ?? 0
    const sum = held.reduce(
      (total, [other, amount]) => total + (other === name ? Math.round(amount * 1e6) : 0),
      0,
    )
    return asked === 0 || sum + Math.floor(asked * 1e6 + 1e-3) <= Math.floor(most * 1e6 + 1e-3)
  })
}

function flat(vector: ResourceVector): [string, number][] {
  const { custom, ...rest } = vector
  return [
    ...Object.entries(rest),
    ...Object.entries(custom ?? {}).map(([name, amount]) => [`custom.${name}`, amount] as const),
  ] as [string, number][]
}

function expectRefusal(error: unknown): AppError {
  if (error instanceof AppError) return error
  throw error
}

function refusable(action: () => unknown): AppError | null {
  try {
    action()
    return null
  } catch (error) {
    return expectRefusal(error)
  }
}

describe('any history of a machine', () => {
  it('never gives more than there is, never a part, keeps nobody waiting for what is free, and leaks nothing', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), play), {
      numRuns: Number(process.env['HISTORIES'] ?? 60),
    })
  })
})
