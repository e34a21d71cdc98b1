import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FreeDevice, RoomToKeep } from './index'
import { place } from './place'
import { by, createCoreFixture } from './testing/core-fixture'
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
  /** Null: no room is kept for it. */
  giveUp: (() => void) | null
}

const amount = fc.integer({ min: 1, max: CAPACITY })
const priority = fc.constantFrom(47, 50, 53)
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('job' as const, 'request' as const), amount, priority }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('newcomer' as const), amount: fc.constantFrom(1, 2) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('foreign' as const), amount: fc.nat(10) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 6_000) }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

/**
 * Plays what the planner of jobs does: keeps room for each that waits, and starts those that fit. After each step the
 * first in rank of all that programs outside leave room for holds its lease, or there is no room for it alone.
 */
async function play(steps: readonly Step[]): Promise<void> {
  const fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(4, CAPACITY * GB)]) })
  const { core, clock, host } = fixture
  core.setReservedMemory(0)
  for (let i = 0; i < 8; i++) core.allocate({ memoryBytes: (CAPACITY / 8) * GB }, by('old'))
  const waiting: Waits[] = []
  const freeIn = (devices: readonly FreeDevice[]) =>
    Math.floor((devices[0]?.free.memoryBytes ?? 0) / GB + 1e-6)
  /** GB that programs outside hold. */
  let outside = 0
  const canFit = (one: Waits) => one.amount <= CAPACITY - outside
  const byRank = () => waiting.filter(({ isServed }) => !isServed).sort((a, b) => b.rank - a.rank)
  const bare = () => freeIn(core.keptRoom()?.devices ?? core.freeDevices())

  async function come(kind: Waits['kind'], gigabytes: number, points: number): Promise<void> {
    // No two have the same rank.
    await clock.advance(1)
    const since = clock.now()
    const need = { memoryBytes: gigabytes * GB }
    const placement = [{ device: 'cpu0', amounts: need }]
    const { holder } = by('alice')
    const room = { placement, purpose: kind, holder, priority: points, since }
    const one: Waits = {
      kind,
      amount: gigabytes,
      rank: rankOf(points, since),
      isServed: false,
      room,
      giveUp: null,
    }
    waiting.push(one)
    if (kind === 'job') return
    core.request(need, { ...by('bob', { priority: points }), waitMs: HOUR_MS }).then(
      () => {
        one.isServed = true
      },
      () => undefined,
    )
  }

  /** A turn of the planner: as `plan.ts`, by rank, each in the room that it sees. */
  function turn(): void {
    const jobs = byRank().filter(({ kind }) => kind === 'job')
    for (const one of jobs) {
      if (canFit(one)) one.giveUp ??= core.keepRoom(one.room)
      else {
        one.giveUp?.()
        one.giveUp = null
      }
    }
    for (const one of jobs.filter(canFit)) {
      const request = core.keptRoom()
      const sees = request && request.rank <= one.rank ? request.devices : core.freeDevices()
      const { placement, ...options } = one.room
      if ('missing' in place({ memoryBytes: one.amount * GB }, sees)) return
      core.allocate({ memoryBytes: one.amount * GB }, { ...by('alice'), ...options }, placement)
      one.giveUp?.()
      one.isServed = true
    }
  }

  async function act(current: Step): Promise<void> {
    switch (current.do) {
      case 'job':
      case 'request':
        return come(current.do, current.amount, current.priority)
      case 'release': {
        const leases = core.listLeases()
        const lease = leases[current.which % Math.max(1, leases.length)]
        if (lease) core.release(lease.id as never)
        return
      }
      case 'newcomer': {
        const asks = { ...by('carol'), waitMs: 0 }
        return void core.request({ memoryBytes: current.amount * GB }, asks).catch(() => undefined)
      }
      case 'foreign': {
        outside = current.amount
        const memoryUsedBytes = outside * GB
        const used = { device: 'cpu0', load: 0, memoryUsedBytes, memoryTotalBytes: CAPACITY * GB }
        host.reading = { readings: [used], childrenMemoryBytes: 0 }
        return clock.advance(1_000)
      }
      case 'wait':
        return clock.advance(current.ms)
    }
  }

  try {
    for (const current of steps) {
      await act(current)
      await settle()
      turn()
      await settle()
      turn()
      await settle()
      const first = byRank().find(canFit)
      if (first) expect([first.kind, first.amount > bare()]).toEqual([first.kind, true])
    }
  } finally {
    await fixture.close()
  }
}

it('the first in rank waits for no room that is kept', { timeout: 120_000 }, async () => {
  const behindOneInVain: Step[] = [
    { do: 'request', amount: 14, priority: 53 },
    { do: 'wait', ms: 6_000 },
    { do: 'foreign', amount: 6 },
    { do: 'job', amount: 5, priority: 50 },
    ...Array.from({ length: 8 }, (): Step => ({ do: 'release', which: 0 })),
  ]
  const histories = fc.array(step, { minLength: 4, maxLength: 40 })
  await fc.assert(fc.asyncProperty(histories, play), { numRuns: 150, examples: [[behindOneInVain]] })
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
        const giveUp = core.keepRoom({
          placement,
          purpose: 'job',
          holder: by('alice').holder,
          priority: 50,
          since,
        })
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
  const { core, clock, database, close } = await createCoreFixture({ host: createFakeHost([fakeCpu(4, GB)]) })
  const need = { cpuCores: 4 }
  const placement = [{ device: 'cpu0', amounts: need }]
  const old = core.allocate(need, by('old'))
  const since = clock.now()
  await clock.advance(1_000)
  core.request(need, { ...by('bob'), waitMs: HOUR_MS }).catch(() => undefined)
  await clock.advance(6_000)
  await database.write(() => {
    core.release(old.id as never)
    expect(() => core.allocate(need, by('alice'), placement)).toThrow('It is kept for test')
    core.allocate(need, { ...by('alice'), since }, placement)
  })
  await close()
})
