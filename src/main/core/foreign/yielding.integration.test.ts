import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lease } from '../../../shared/contract'
import type { LeaseId } from '../../../shared/domain/ids'
import { by, type CoreFixture, createCoreFixture, refusalOf } from '../testing/core-fixture'
import { settle } from '../testing/fake-clock'
import { createFakeHost, fakeCpu, fakeGpu } from '../testing/fake-host'
import { BusyMean } from './busy-mean'

const GB = 1e9
const CORES = 8
const LONG_MS = 300_000

let fixture: CoreFixture

beforeEach(async () => {
  fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(CORES, 16 * GB), fakeGpu(0, 8 * GB)]) })
})
afterEach(() => fixture.close())

/** From the next sample on: so many cores are busy in all, some of them by the system itself. */
function setBusy(cores: number, ownCores = 0): void {
  const reading = { device: 'cpu0', memoryUsedBytes: 0, memoryTotalBytes: 16 * GB }
  fixture.host.reading = { readings: [{ ...reading, load: cores / CORES }], childrenMemoryBytes: 0, ownCores }
}
const yieldsToOthers = (value: boolean) => fixture.core.updateDevice('cpu0', { yieldsToOthers: value })
const coresOf = (leases: readonly Lease[]) =>
  leases.reduce((sum, { need }) => sum + Math.round((need.cpuCores ?? 0) * 1e6), 0) / 1e6
const refusal = (cpuCores: number) => refusalOf(() => fixture.core.allocate({ cpuCores }, by('a')))

it('cores that others keep busy are a mean in whole numbers, which a moment does not move', () => {
  const busy = new BusyMean(1)
  // Nothing is known of the time before.
  busy.observe(4, 0)
  expect(busy.amount).toBe(0)
  for (let second = 1; second <= 120; second++) busy.observe(4, 1000 * second)
  expect(busy.amount).toBe(4)
  busy.observe(0, 121_000)
  expect(busy.amount).toBe(4)
  // A machine that slept, or a clock that was set back.
  busy.observe(0, 60_000)
  expect(busy.amount).toBe(4)
  busy.observe(0, 3_600_000)
  expect(busy.amount).toBe(3)
  for (let second = 1; second <= 120; second++) busy.observe(0, 3_600_000 + 1000 * second)
  expect(busy.amount).toBe(0)
})

describe('a device that yields to others', () => {
  it('yields unless its owner chooses otherwise, and that stays so', async () => {
    const isYielding = () => fixture.core.listDevices().find(({ id }) => id === 'cpu0')?.yieldsToOthers
    expect(isYielding()).toBe(true)
    expect(yieldsToOthers(false)).toMatchObject({ id: 'cpu0', yieldsToOthers: false })
    await fixture.core.rescan()
    expect(isYielding()).toBe(false)
    await fixture.restart()
    expect(isYielding()).toBe(false)
    // Where only some of its cores are ours, how busy those are is not known.
    const [cpu, ...others] = fixture.host.devices
    fixture.host.devices = [
      { ...fakeCpu(CORES, 16 * GB), id: 'cpu1', properties: { coresLogical: 2 * CORES } },
      ...others,
    ]
    await fixture.core.rescan()
    expect(fixture.core.listDevices().find(({ id }) => id === 'cpu1')?.yieldsToOthers).toBe(false)
    fixture.host.devices = cpu ? [cpu, ...others] : others
    await fixture.core.rescan()
    const unknown = refusalOf(() => fixture.core.updateDevice('cpu9', { yieldsToOthers: true }))
    expect(await unknown).toMatchObject({ code: 'core.not_found' })
    const withoutCores = refusalOf(() => fixture.core.updateDevice('gpu-0', { yieldsToOthers: true }))
    expect(await withoutCores).toMatchObject({ code: 'system.invalid', details: { field: 'yieldsToOthers' } })
  })

  it('grants beside others what programs outside leave, by name of who does not, and shares otherwise', async () => {
    const { core, host, clock } = fixture
    host.foreign = [{ device: 'cpu0', name: 'cc1plus', pid: 7, memoryBytes: GB, cpuCores: 6 }]
    setBusy(6)
    await clock.advance(LONG_MS)
    // Alone there, it would get all of it.
    expect(core.resources().available.cpuCores).toBe(CORES)
    const first = core.allocate({ cpuCores: 1 }, by('a'))
    setBusy(7)
    await clock.advance(LONG_MS)
    expect(core.resources()).toMatchObject({ available: { cpuCores: 1 }, foreign: { cpuCores: 6 } })
    const refused = await refusal(2)
    expect(refused).toMatchObject({
      code: 'core.unavailable',
      details: { missing: { cpuCores: 1 }, foreign: { cpuCores: 6 } },
    })
    expect(refused.message).toContain('6 CPU cores held by cc1plus (outside LLMAgentOS)')
    yieldsToOthers(false)
    const shared = core.allocate({ cpuCores: 7 }, by('a'))
    yieldsToOthers(true)
    core.release(shared.id as LeaseId)
    core.release(first.id as LeaseId)
    expect(coresOf([core.allocate({ cpuCores: CORES }, by('a'))])).toBe(CORES)
  })

  it('does not take for others what it keeps busy itself, with short jobs between two looks or without any', async () => {
    const { core, clock } = fixture
    setBusy(4, 3)
    for (let second = 0; second < 120; second++) {
      const lease = core.allocate({ cpuCores: 2 }, by('a'))
      await clock.advance(500)
      core.release(lease.id as LeaseId)
      await clock.advance(500)
    }
    expect(core.resources().foreign.cpuCores).toBeUndefined()
    setBusy(4)
    await clock.advance(1000)
    expect(core.resources().foreign.cpuCores).toBeCloseTo(4, 0)
  })

  it('keeps what is left of it for who waits first, not for who asks at once', async () => {
    const { core, clock } = fixture
    setBusy(4)
    await clock.advance(LONG_MS)
    const waits = core.request({ cpuCores: 2 }, { ...by('a', { priority: 90 }), waitMs: 60_000 })
    // With the four of others and these there would be no room for the one who is to come first.
    expect((await refusal(4)).code).toBe('core.unavailable')
    expect((await waits).need).toEqual({ cpuCores: 2 })
  })

  it('keeps room for who has waited long and asks for all of it: smaller ones do not slip past', async () => {
    const { core, clock } = fixture
    setBusy(4)
    const held = core.allocate({ cpuCores: 1 }, by('a'))
    await clock.advance(LONG_MS)
    const waits = core.request({ cpuCores: CORES }, { ...by('a'), waitMs: 60_000 })
    await clock.advance(6_000)
    expect((await refusal(1)).code).toBe('core.unavailable')
    core.release(held.id as LeaseId)
    expect((await waits).need).toEqual({ cpuCores: CORES })
  })
})

describe('a GPU that yields to others', () => {
  const nvidia = (index: number) => ({ ...fakeGpu(index, 8 * GB), vendor: 'NVIDIA' })
  const share = (gpu: number) => fixture.core.allocate({ gpu }, by('a'))

  beforeEach(async () => {
    await fixture.close()
    fixture = await createCoreFixture({
      host: createFakeHost([fakeCpu(CORES, 16 * GB), nvidia(0), nvidia(1)]),
    })
    const { host, clock } = fixture
    host.gpusOutside = new Map([
      ['gpu-0', { memoryBytes: 0, load: 0.62 }],
      ['gpu-1', { memoryBytes: 0, load: 0.03 }],
    ])
    host.foreign = [{ device: 'gpu-0', name: 'game', pid: 7, memoryBytes: GB, gpuMemoryBytes: 0, gpu: 0.62 }]
    await clock.advance(LONG_MS)
  })

  it('grants beside others what programs outside leave of it, and all of it to who is alone there', async () => {
    const { core, host, clock } = fixture
    expect(core.resources()).toMatchObject({ available: { gpu: 2 }, foreign: { gpu: 0.65 } })
    const [whole, other] = [share(1), share(1)]
    expect((await refusalOf(() => share(0.1))).details).toMatchObject({ foreign: { gpu: 0.6 } })
    for (const lease of [whole, other]) core.release(lease.id as LeaseId)
    const first = core.allocate({ gpu: 0.2 }, by('a'), [{ device: 'gpu-0', amounts: { gpu: 0.2 } }])
    expect(core.resources().available.gpu).toBe(1.2)
    // A little load takes nothing.
    expect(share(1).placement).toMatchObject([{ device: 'gpu-1' }])
    const refused = await refusalOf(() => share(0.3))
    expect(refused.message).toContain('0.62 GPU held by game (outside LLMAgentOS)')
    expect(share(0.2).placement).toMatchObject([{ device: 'gpu-0' }])
    // The tool tells of it no more: what is not known takes nothing.
    host.gpusOutside = new Map([['gpu-0', { memoryBytes: 0, load: null }]])
    await clock.advance(LONG_MS)
    core.release(first.id as LeaseId)
    expect(share(0.8).placement).toMatchObject([{ device: 'gpu-0' }])
  })

  it('is one too where its driver tells in /proc, and yields from the start', async () => {
    const of = (index: number, driver: string) => ({ ...fakeGpu(index, GB), properties: { driver } })
    fixture.host.devices.push(of(2, 'amdgpu'), of(3, 'xe'), of(4, 'nouveau'))
    await fixture.core.rescan()
    const yields = fixture.core.listDevices().filter(({ yieldsToOthers }) => yieldsToOthers)
    expect(yields.map(({ id }) => id).sort()).toEqual(['cpu0', 'gpu-0', 'gpu-1', 'gpu-2', 'gpu-3'])
  })

  it('is no choice where nothing tells how much programs outside keep busy', async () => {
    const part = { ...nvidia(2), properties: { migInstance: '1-0' } }
    fixture.host.devices.push(part)
    await fixture.core.rescan()
    const refused = await refusalOf(() => fixture.core.updateDevice('gpu-2', { yieldsToOthers: true }))
    expect(refused).toMatchObject({ code: 'system.invalid', details: { field: 'yieldsToOthers' } })
  })
})

type Step =
  | { do: 'busy'; cores: number; seconds: number }
  | { do: 'allocate' | 'request'; cores: number; priority: number }
  | { do: 'release'; which: number }

const cores = fc.constantFrom(0.5, 1, 1, 2, 2, 3, 5, 8)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('busy' as const),
    cores: fc.integer({ min: 0, max: CORES }),
    seconds: fc.constantFrom(1, 10, 60, 120),
  }),
  fc.record({ do: fc.constantFrom('allocate' as const, 'request' as const), cores, priority: fc.nat(100) }),
  fc.record({ do: fc.constant('release' as const), which: fc.nat() }),
)

/** Plays a history; what others keep busy is followed apart from the code under test, from the same samples. */
async function play(steps: readonly Step[]): Promise<void> {
  fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(CORES, 16 * GB)]) })
  const { core, clock, host } = fixture
  const busy = new BusyMean(1)
  const tooMuch: unknown[] = []
  let before: Lease[] = []
  let waiting = 0
  let busyNow = 0
  const read = host.read.bind(host)
  host.read = async (devices) => {
    busy.observe(Math.max(0, busyNow - coresOf(core.listLeases())), clock.now())
    return read(devices)
  }
  core.onDidChangeLeases(() => {
    const leases = core.listLeases()
    const known = new Set(before.map(({ id }) => id))
    const held = leases.filter(({ id }) => known.has(id))
    const granted = leases.length - held.length
    // The first has all that is there.
    const outside = granted > 0 && leases.length > 1 ? busy.amount : 0
    if (coresOf(leases) + outside > CORES) tooMuch.push({ leases: leases.map(({ need }) => need), outside })
    before = leases
  })
  const releaseAll = () => {
    for (const { id } of core.listLeases()) core.release(id as LeaseId)
  }
  try {
    for (const action of steps) {
      switch (action.do) {
        case 'busy':
          busyNow = action.cores
          setBusy(action.cores)
          await clock.advance(1000 * action.seconds)
          break
        case 'release': {
          const leases = core.listLeases()
          const lease = leases[action.which % Math.max(1, leases.length)]
          if (lease) core.release(lease.id as LeaseId)
          break
        }
        case 'allocate':
        case 'request': {
          const { cores: cpuCores, priority } = action
          const waitMs = action.do === 'request' ? 1e9 : 0
          const isAlone = core.listLeases().length + waiting === 0
          waiting++
          const answer = core
            .request({ cpuCores }, { ...by('a', { priority }), waitMs })
            .then(() => true)
            .catch(() => false)
            .finally(() => waiting--)
          if (waitMs === 0 || isAlone) expect((await answer) || !isAlone).toBe(true)
        }
      }
      await settle()
      expect(tooMuch).toEqual([])
    }
    // When all that is held has ended, at least the next of those who wait is granted.
    while (waiting > 0) {
      const now = waiting
      releaseAll()
      await settle()
      expect(waiting).toBeLessThan(now)
    }
    expect(tooMuch).toEqual([])
  } finally {
    await fixture.close()
  }
}

describe('any history of load outside', () => {
  it('grants no more than others leave but to the first, and keeps nobody waiting by load alone', {
    timeout: 120_000,
  }, async () => {
    await fixture.close()
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), play), {
      numRuns: Number(process.env['HISTORIES'] ?? 60),
    })
    fixture = await createCoreFixture()
  })
})
