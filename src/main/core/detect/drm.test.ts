import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { engineShares, parseDrmClient } from './drm'

const KIB = 1024
const parse = async (name: string) =>
  parseDrmClient(await readFile(new URL(`./recorded/fdinfo-${name}.txt`, import.meta.url), 'utf8'))
const ns = (busy: number) => ({ busy, passed: null, engines: 1 })

describe('what the kernel tells of a client of a GPU', () => {
  it('is read of amdgpu, before and after its words were made those of all drivers', async () => {
    expect(await parse('amdgpu-6.1')).toEqual({
      address: '0000:08:00.0',
      id: '217',
      memoryBytes: 2068 * KIB,
      engines: new Map([['gfx', ns(107322799)]]),
    })
    expect(await parse('amdgpu-6.14')).toEqual({
      address: '0000:65:00.0',
      id: '7518',
      // Told twice, and counted once.
      memoryBytes: 310488 * KIB,
      engines: new Map([
        ['gfx', ns(10781351614)],
        ['compute', ns(99508474)],
      ]),
    })
  })

  it('is read of i915 and xe: time of one, cycles of the other, and memory of the GPU alone', async () => {
    expect(await parse('i915-a310')).toMatchObject({
      memoryBytes: 12 * KIB,
      engines: new Map([
        ['compute', ns(82420)],
        ['render', ns(51781489656)],
      ]),
    })
    expect(await parse('xe')).toMatchObject({
      address: '0000:03:00.0',
      memoryBytes: 23992 * KIB,
      engines: new Map([
        ['rcs', { busy: 28257900, passed: 7655183225, engines: 1 }],
        ['ccs', { busy: 0, passed: 7655183225, engines: 4 }],
      ]),
    })
  })

  it('is nothing where the file is another, or its driver tells otherwise', () => {
    const client = 'drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t1\n'
    expect(parseDrmClient(client)).toMatchObject({ memoryBytes: 0, engines: new Map() })
    const both = `${client}drm-resident-vram:\t1 KiB\ndrm-memory-vram:\t2 KiB\n`
    expect(parseDrmClient(both)?.memoryBytes).toBe(KIB)
    for (const text of [
      '',
      'pos:\t0\nflags:\t02\nmnt_id:\t9\n',
      client.replace('amdgpu', 'nvidia-drm'),
      client.replace('drm-pdev:\t0000:03:00.0\n', ''),
      client.replace('drm-client-id:\t1\n', ''),
    ])
      expect(parseDrmClient(text)).toBeNull()
  })

  it('is a finite amount of whole engines, whatever a line says', () => {
    const key = fc.constantFrom(
      'memory-vram',
      'resident-vram0',
      'engine-gfx',
      'engine-capacity-gfx',
      'cycles-rcs',
    )
    const value = fc.oneof(fc.string({ maxLength: 12 }), fc.nat().map(String), fc.constant('0 MiB'))
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), (lines) => {
        const text = lines.map(([name, said]) => `\ndrm-${name}:\t${said}`).join('')
        const read = parseDrmClient(`drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t1${text}`)
        expect(read?.memoryBytes).toBeGreaterThanOrEqual(0)
        for (const { busy, engines } of read?.engines.values() ?? []) {
          expect(busy).toBeGreaterThanOrEqual(0)
          expect(engines).toBeGreaterThan(0)
        }
      }),
    )
  })
})

describe('the share of an engine', () => {
  const share = (before: object, after: object, elapsedMs = 1000) =>
    engineShares(new Map([['e', before as never]]), new Map([['e', after as never]]), elapsedMs)?.get('e')

  it('is what it worked of the time, or of the cycles, that has passed, of all that are alike', () => {
    expect(share(ns(5e8), ns(9e8))).toBe(0.4)
    expect(share({ ...ns(5e8), engines: 2 }, { ...ns(9e8), engines: 2 })).toBe(0.2)
    expect(share({ ...ns(50), passed: 1000 }, { ...ns(80), passed: 1300 }, 1)).toBeCloseTo(0.1)
    expect(share(ns(0), ns(5e9))).toBe(1)
    // No time has passed, and cycles without a look before.
    expect(share(ns(0), ns(5), 0)).toBeUndefined()
    expect(share(ns(0), { ...ns(80), passed: 1300 })).toBeUndefined()
    expect(engineShares(new Map(), new Map([['e', ns(1)]]), 1000)).toEqual(new Map())
  })

  it('is not told from a count that has fallen back', () => {
    expect(engineShares(new Map([['e', ns(9)]]), new Map([['e', ns(8)]]), 1000)).toBeNull()
  })
})
