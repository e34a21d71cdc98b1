import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FreeDevice, RoomToKeep } from './index'
import { place } from './place'
import { by, createCoreFixture, refusalOf } from './testing/core-fixture'
import { settle } from './testing/fake-clock'
import { createFakeHost, fakeCpu } from './testing/fake-host'
import { rankOf } from './waiting'

const GB = 1e9
const CAPACITY = 16
const HOUR_MS = 3_600_000

/** A job, or a request, that waits for so many GB. */
interface Waits {
  kind: 'job' | 'request'
  amount: number
  rank: number
  isServed: boolean
  room: RoomToKeep
  giveUp(): void
}

const amount = fc.integer({ min: 1, max: CAPACITY })
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('job' as const, 'request' as const), amount }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('newcomer' as const), amount: fc.constantFrom(1, 2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('foreign' as const), amount: fc.nat(10) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 6_000) }) },
)
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

/**
 * Plays what the planner of jobs does: keeps room for each that waits, and starts those that fit. After each step the
 * first in rank of all that wait holds its lease, or there is no room for it alone.
 */
async function play(steps: readonly Step[]): Promise<void> {
  const fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(4, CAPACITY * GB)]) })
  const { core, clock, host } = fixture
  core.setReservedMemory(0)
  const waiting: Waits[] = []
  const freeIn = (devices: readonly FreeDevice[]) => Math.floor((devices[0]?.free.memoryBytes ?? 0) / GB + 1e-6)
  const bare = () => freeIn(core.keptRoom()?.devices ?? core.freeDevices())

  function come(kind: Waits['kind'], gigabytes: number): void {
    const since = clock.now()
    const need = { memoryBytes: gigabytes * GB }
    const room = { placement: [{ device: 'cpu0', amounts: need }], purpose: kind, priority: 50, since }
    const one: Waits = {
      kind,
      amount: gigabytes,
      rank: rankOf(50, since),
      isServed: false,
      room,
      giveUp: () => undefined,
    }
    waiting.push(one)
    if (kind === 'job') {
      one.giveUp = core.keepRoom(room)
      return
    }
    core.request(need, { ...by('bob'), waitMs: 100 * HOUR_MS }).then(
      () => {
        one.isServed = true
      },
      () => undefined,
    )
  }

  /** A turn of the planner: as `plan.ts`, by rank, each in the room that it sees. */
  function turn(): void {
    for (const one of waiting.filter(({ kind, isServed }) => kind === 'job' && !isServed)) {
      const request = core.keptRoom()
      const sees = request && request.rank <= one.rank ? request.devices : core.freeDevices()
      const { placement, since, purpose } = one.room
      if ('missing' in place({ memoryBytes: one.amount * GB }, sees)) return
      core.allocate({ memoryBytes: one.amount * GB }, { ...by('alice'), purpose, since }, placement)
      one.giveUp()
      one.isServed = true
    }
  }

  async function act(current: Step): Promise<void> {
    switch (current.do) {
      case 'job':
      case 'request':
        return come(current.do, current.amount)
      case 'release': {
        const leases = core.listLeases()
        const lease = leases[current.which % Math.max(1, leases.length)]
        if (lease) core.release(lease.id as never)
        return
      }
      case 'newcomer': {
        const before = bare()
        const [job, request] = (['job', 'request'] as const).map((kind) =>
          waiting.find((one) => one.kind === kind && !one.isServed),
        )
        const isKept = core.keptRoom() !== null && job && request
        const lease = await core
          .request({ memoryBytes: current.amount * GB }, { ...by('carol'), waitMs: 0 })
          .catch(() => null)
        // Were all older leases to end now, both would fit.
        if (lease && isKept) newer.push(lease.id)
        expect(before).toBeGreaterThanOrEqual(lease ? current.amount : 0)
        return
      }
      case 'foreign': {
        const memoryUsedBytes = current.amount * GB
        const used = { device: 'cpu0', load: 0, memoryUsedBytes, memoryTotalBytes: CAPACITY * GB }
        host.reading = { readings: [used], childrenMemoryBytes: 0 }
        return clock.advance(1_000)
      }
      case 'wait':
        return clock.advance(current.ms)
    }
  }
  const newer: string[] = []

  try {
    for (const current of steps) {
      await act(current)
      await settle()
      turn()
      await settle()
      turn()
      await settle()
      // Of the same rank, whoever came first, or was tried first.
      const left = waiting.filter(({ isServed }) => !isServed)
      const highest = Math.max(...left.map(({ rank }) => rank))
      for (const first of left.filter(({ rank }) => rank === highest))
        expect([first.kind, first.amount > bare()]).toEqual([first.kind, true])
    }
  } finally {
    await fixture.close()
  }
}

it('the first in rank waits for no room that is kept', { timeout: 120_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), play), { numRuns: 150 })
})

it('newcomers leave together what is kept for two', { timeout: 120_000 }, async () => {
  const both = fc.record({
    job: fc.integer({ min: 1, max: 8 }),
    request: fc.integer({ min: 1, max: 8 }),
    isJobFirst: fc.boolean(),
    asked: fc.array(fc.record({ amount: fc.constantFrom(1, 2), releases: fc.nat(2) }), { maxLength: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(both, async ({ job, request, isJobFirst, asked }) => {
      const fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(CAPACITY, CAPACITY * GB)]) })
      const { core, clock } = fixture
      try {
        const old = Array.from({ length: CAPACITY }, () => core.allocate({ cpuCores: 1 }, by('old')))
        const since = clock.now() + (isJobFirst ? -1_000 : 1_000)
        const placement = [{ device: 'cpu0', amounts: { cpuCores: job } }]
        let isServed = false
        core.request({ cpuCores: request }, { ...by('bob'), waitMs: HOUR_MS }).then(
          () => {
            isServed = true
          },
          () => undefined,
        )
        await clock.advance(6_000)
        const giveUp = core.keepRoom({ placement, purpose: 'job', priority: 50, since })
        for (const { amount: cpuCores, releases } of asked) {
          for (const { id } of old.splice(0, releases)) core.release(id as never)
          await settle()
          await core.request({ cpuCores }, { ...by('carol'), waitMs: 0 }).catch(() => undefined)
        }
        for (const { id } of old) core.release(id as never)
        await settle()
        core.allocate({ cpuCores: job }, { ...by('alice'), since }, placement)
        giveUp()
        await settle()
        expect(isServed).toBe(true)
      } finally {
        await fixture.close()
      }
    }),
    { numRuns: 100 },
  )
})

it('who has waited goes before a request of its priority that came later, and one that comes now does not', async () => {
  const fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(4, CAPACITY * GB)]) })
  const { core, clock } = fixture
  const all = core.allocate({ cpuCores: 4 }, by('old'))
  const since = clock.now()
  await clock.advance(1_000)
  core.request({ cpuCores: 4 }, { ...by('bob'), waitMs: HOUR_MS }).catch(() => undefined)
  await clock.advance(6_000)
  const placement = [{ device: 'cpu0', amounts: { cpuCores: 4 } }]
  await fixture.database.write(() => core.release(all.id as never))
  const taken = core.listLeases().find(({ holder }) => holder === 'bob')
  if (taken) core.release(taken.id as never)
  core.request({ cpuCores: 4 }, { ...by('bob'), waitMs: HOUR_MS }).catch(() => undefined)
  const refusal = await refusalOf(() => core.allocate({ cpuCores: 4 }, by('alice'), placement))
  expect(refusal.code).toBe('core.unavailable')
  expect(core.allocate({ cpuCores: 4 }, { ...by('alice'), since }, placement)).toBeDefined()
  await fixture.close()
})
