import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeviceDeclaration } from '../../shared/contract'
import { by, type CoreFixture, createCoreFixture, refusalOf } from './testing/core-fixture'
import { settle } from './testing/fake-clock'
import { createFakeHost, fakeCpu, fakeGpu } from './testing/fake-host'

const GB = 1e9
let fixture: CoreFixture

beforeEach(async () => {
  fixture = await createCoreFixture({ host: createFakeHost([fakeCpu(4, 16 * GB), fakeGpu(0, 8 * GB)]) })
})
afterEach(() => fixture.close())

const declaration = (values: Partial<DeviceDeclaration> = {}): DeviceDeclaration => ({
  kind: 'fpga',
  name: 'Old card',
  vendor: 'Acme',
  capacity: { fpga: 1, custom: { licences: 2 } },
  properties: { slot: 3 },
  ...values,
})
const device = (id: string) => fixture.core.listDevices().find((item) => item.id === id)

describe('declared devices', () => {
  it('are offered, survive a restart, and can be removed', async () => {
    const made = fixture.core.declareDevice(declaration(), 'marie' as never)
    expect(made).toMatchObject({
      origin: 'declared',
      health: 'ok',
      foundBy: 'declared by marie',
      properties: { slot: 3 },
    })
    expect(fixture.core.allocate({ fpga: 0.5, custom: { licences: 2 } }, by('a')).placement).toHaveLength(1)
    await fixture.restart()
    expect(device(made.id)).toEqual(made)
    fixture.core.removeDevice(made.id)
    expect(device(made.id)).toBeUndefined()
    expect(await refusalOf(() => fixture.core.removeDevice(made.id))).toMatchObject({
      code: 'core.not_found',
    })
    await fixture.restart()
    expect(device(made.id)).toBeUndefined()
  })

  it('are refused when they offer nothing, nonsense, or are there already', async () => {
    const refused = (values: Partial<DeviceDeclaration>) =>
      refusalOf(() => fixture.core.declareDevice(declaration(values), 'm' as never))
    expect(await refused({ capacity: {} })).toMatchObject({
      code: 'system.invalid',
      details: { field: 'capacity' },
    })
    expect(await refused({ capacity: { fpga: 0 } })).toMatchObject({ code: 'system.invalid' })
    for (const amount of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      expect(await refused({ capacity: { fpga: amount } })).toMatchObject({
        code: 'system.invalid',
        details: { field: 'fpga' },
      })
    }
    // An FPGA that says it has the host's memory would be asked for it.
    expect((await refused({ capacity: { fpga: 1, memoryBytes: GB } })).message).toContain('custom')
    fixture.core.declareDevice(declaration(), 'm' as never)
    expect(await refused({ name: 'OLD card' })).toMatchObject({
      code: 'system.invalid',
      details: { field: 'name' },
    })
    expect(fixture.core.listDevices()).toHaveLength(3)
  })

  it('cannot be removed while a lease lies on them', async () => {
    const made = fixture.core.declareDevice(declaration(), 'm' as never)
    const lease = fixture.core.allocate({ fpga: 1 }, by('a'))
    expect(await refusalOf(() => fixture.core.removeDevice(made.id))).toMatchObject({
      code: 'core.in_use',
      details: { leases: [lease.id] },
    })
    fixture.core.release(lease.id as never)
    fixture.core.removeDevice(made.id)
    expect(device(made.id)).toBeUndefined()
  })

  it('are not there when the transaction that declared them is rolled back', async () => {
    const heard: string[] = []
    fixture.core.onDidChangeDevices(({ changed }) => heard.push(...changed.map(({ id }) => id)))
    expect(() =>
      fixture.database.transaction(() => {
        fixture.core.declareDevice(declaration(), 'm' as never)
        throw new Error('no')
      }),
    ).toThrow('no')
    await settle()
    expect(fixture.core.listDevices()).toHaveLength(2)
    expect(heard).toEqual([])
  })
})

describe('detected devices', () => {
  it('that vanish are missing: their leases are known, nothing new lies on them, and they can come back', async () => {
    const { core, host } = fixture
    const lease = core.allocate({ gpu: 0.5 }, by('a', { ttlMs: 600_000 }))
    const heard: string[] = []
    core.onDidChangeDevices(({ changed }) =>
      heard.push(...changed.map(({ id, health }) => `${id} ${health}`)),
    )
    const gpu = host.devices.pop()
    await core.rescan()
    expect(device('gpu-0')?.health).toBe('missing')
    expect(core.listLeases()).toEqual([lease])
    expect(core.resources().capacity.gpu).toBeUndefined()
    expect(await refusalOf(() => core.allocate({ gpu: 0.1 }, by('a')))).toMatchObject({
      code: 'core.impossible',
    })
    expect(await refusalOf(() => core.removeDevice('gpu-0'))).toMatchObject({ code: 'core.in_use' })
    await fixture.restart()
    expect(device('gpu-0')?.health).toBe('missing')
    expect(fixture.core.listLeases()).toEqual([lease])
    if (gpu) host.devices.push(gpu)
    await fixture.core.rescan()
    expect(device('gpu-0')?.health).toBe('ok')
    expect(fixture.core.resources().available.gpu).toBe(0.5)
    await settle()
    expect(heard).toEqual(['gpu-0 missing'])
  })

  it('that fall silent are looked for', async () => {
    const { host, clock } = fixture
    const reading = { device: 'gpu-0', load: 0, memoryUsedBytes: 0, memoryTotalBytes: 8e9 }
    host.reading = { readings: [reading], childrenMemoryBytes: null }
    await clock.advance(2000)
    host.devices.pop()
    await clock.advance(2000)
    expect(device('gpu-0')?.health).toBe('ok')
    host.reading = { readings: [], childrenMemoryBytes: null }
    await clock.advance(2000)
    expect(device('gpu-0')?.health).toBe('missing')
  })

  it('cannot be removed while they are there; missing ones can be forgotten', async () => {
    expect(await refusalOf(() => fixture.core.removeDevice('gpu-0'))).toMatchObject({
      code: 'system.invalid',
    })
    fixture.host.devices.pop()
    await fixture.core.rescan()
    fixture.core.removeDevice('gpu-0')
    expect(device('gpu-0')).toBeUndefined()
  })

  it('whose tool gives no answer are known as they were, and not used', async () => {
    const { core, host } = fixture
    // The bus still shows the card, without its memory.
    host.devices = [fakeCpu(4, 16 * GB), { ...fakeGpu(0, 0), capacity: { gpu: 1 }, foundBy: '/sys/bus/pci' }]
    host.failedTools = ['nvidia-smi']
    await core.rescan()
    expect(device('gpu-0')).toMatchObject({
      health: 'degraded',
      capacity: { gpuMemoryBytes: 8 * GB },
      properties: { problem: expect.stringContaining('nvidia-smi') },
    })
    expect(core.freeDevices().find(({ id }) => id === 'gpu-0')?.healthy).toBe(false)
    // They may answer again, so it is not said that nothing of this machine could ever give it.
    const whole = { gpu: 1, gpuMemoryBytes: 8 * GB }
    expect(await refusalOf(() => core.allocate(whole, by('a')))).toMatchObject({ code: 'core.unavailable' })
    expect(await refusalOf(() => core.allocate({ gpu: 2 }, by('a')))).toMatchObject({
      code: 'core.impossible',
    })
    const waiting = core.request(whole, { ...by('a'), waitMs: 60_000 })
    host.devices = [fakeCpu(4, 16 * GB), fakeGpu(0, 8 * GB)]
    host.failedTools = []
    await core.rescan()
    expect(device('gpu-0')).toMatchObject({ health: 'ok', properties: {} })
    expect((await waiting).placement).toEqual([{ device: 'gpu-0', amounts: whole }])
    // Once all tools have answered, what is gone is gone.
    host.devices.pop()
    await core.rescan()
    expect(await refusalOf(() => core.assertPossible(whole))).toMatchObject({ code: 'core.impossible' })
  })

  it('that shrink below what is leased have nothing free, and nothing negative', async () => {
    const { core, host } = fixture
    core.allocate({ cpuCores: 4 }, by('a'))
    host.devices = [fakeCpu(2, 16 * GB)]
    await core.rescan()
    expect(core.resources()).toMatchObject({ capacity: { cpuCores: 2 }, allocated: { cpuCores: 4 } })
    expect(core.resources().available.cpuCores).toBeUndefined()
  })

  it('are looked for once, however many ask at the same time', async () => {
    const { core, host } = fixture
    let scans = 0
    const detect = host.detect.bind(host)
    host.detect = () => {
      scans++
      return detect()
    }
    await Promise.all([core.rescan(), core.rescan(), core.rescan()])
    expect(scans).toBe(1)
  })
})

describe('telemetry', () => {
  const MINUTE = 60_000
  const reading = (load: number) => ({
    readings: [
      {
        device: 'cpu0',
        load,
        memoryUsedBytes: load * GB,
        memoryTotalBytes: 16 * GB,
        cores: [load, load / 2],
        temperatureC: 40 + load,
      },
    ],
    childrenMemoryBytes: 0,
  })

  it('is taken once a second and told', async () => {
    const { core, clock, host } = fixture
    host.reading = reading(0.5)
    let heard = 0
    core.onDidSample((samples) => {
      heard += samples.length
    })
    await clock.advance(10_000)
    expect(heard).toBe(10)
    expect(core.latestTelemetry()).toEqual([
      {
        device: 'cpu0',
        at: new Date(clock.now()).toISOString(),
        load: 0.5,
        memoryUsedBytes: 0.5 * GB,
        memoryTotalBytes: 16 * GB,
        cores: [0.5, 0.25],
        temperatureC: 40.5,
      },
    ])
    expect(core.telemetry({})).toHaveLength(10)
  })

  it('is averaged to the step that is asked for', async () => {
    const { core, clock, host } = fixture
    await clock.advance(10_000 - (clock.now() % 10_000))
    for (const load of [0.2, 0.4]) {
      host.reading = reading(load)
      await clock.advance(5000)
    }
    const [sample] = core.telemetry({ device: 'cpu0', stepMs: 10_000, fromMs: clock.now() - 9999 })
    expect(sample?.load).toBeCloseTo(0.29, 1)
    expect(sample?.temperatureC).toBeCloseTo(40.3, 1)
    expect(sample?.cores?.[1]).toBeCloseTo((sample?.load ?? 0) / 2, 9)
    expect(await refusalOf(() => core.telemetry({ device: 'none' }))).toMatchObject({
      code: 'core.not_found',
    })
  })

  it('keeps 15 minutes by the second, a day by the minute, across a restart, in bounds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'telemetry-'))
    const own = await createCoreFixture({ file: join(folder, 'test.db'), host: createFakeHost() })
    own.host.reading = reading(0.25)
    await own.clock.advance(30 * MINUTE)
    const fine = own.core.telemetry({ stepMs: 1000 })
    expect(fine.length).toBeGreaterThanOrEqual(899)
    expect(fine.length).toBeLessThanOrEqual(901)
    const all = own.core.telemetry({ fromMs: 0, stepMs: 1000 })
    expect(all.length).toBeLessThanOrEqual(2000)
    expect(all.every(({ load }) => load === 0.25)).toBe(true)
    await own.restart()
    const back = own.core.telemetry({ fromMs: 0, stepMs: MINUTE })
    expect(back.length).toBeGreaterThanOrEqual(28)
    expect(new Set(back.map(({ at }) => at)).size).toBe(back.length)
    await own.core.dispose()
    await own.clock.advance(25 * 60 * MINUTE)
    await own.restart()
    await own.clock.advance(3 * MINUTE)
    const rows = own.database.all(
      own.database.builder<import('./migrations').CoreTables>().selectFrom('core_telemetry').select('at'),
    )
    expect(rows.length).toBeLessThanOrEqual(3)
    await own.close()
    await rm(folder, { recursive: true })
  })

  it('goes on when the machine could not be read once', async () => {
    const { core, clock, host } = fixture
    const read = host.read.bind(host)
    host.read = () => Promise.reject(new Error('no /proc'))
    await clock.advance(3000)
    host.read = read
    host.reading = reading(0.5)
    await clock.advance(1000)
    expect(core.latestTelemetry()).toHaveLength(1)
  })
})
