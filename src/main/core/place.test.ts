import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Placement } from '../../shared/contract'
import type { DeviceId } from '../../shared/domain/ids'
import type { ResourceVector } from '../../shared/domain/resources'
import { honours } from './hints'
import { type FreeDevice, place, spaceOf } from './place'
import {
  addQuanta,
  covers,
  fitsIn,
  namedAmounts,
  type Quanta,
  takeQuanta,
  toQuanta,
  toVector,
} from './quanta'

function device(id: string, kind: FreeDevice['kind'], free: ResourceVector, healthy = true): FreeDevice {
  return { id: id as DeviceId, kind, free, capacity: free, healthy }
}

const cpu = device('cpu0', 'cpu', { cpuCores: 8, memoryBytes: 16e9 })
const gpu = (id: string, free: number, gpuMemoryBytes: number) =>
  device(id, 'gpu', { gpu: free, gpuMemoryBytes })

describe('place', () => {
  it('puts cores and memory on the CPU, a GPU share with its memory on one GPU', () => {
    expect(
      place({ cpuCores: 2, memoryBytes: 1e9, gpu: 0.5, gpuMemoryBytes: 4e9 }, [cpu, gpu('a', 1, 8e9)]),
    ).toEqual([
      { device: 'cpu0', amounts: { cpuCores: 2, memoryBytes: 1e9 } },
      { device: 'a', amounts: { gpu: 0.5, gpuMemoryBytes: 4e9 } },
    ])
  })

  it('never spreads a fraction of a GPU over two', () => {
    expect(place({ gpu: 0.8 }, [gpu('a', 0.5, 8e9), gpu('b', 0.5, 8e9)])).toEqual({ missing: { gpu: 0.3 } })
  })

  it('takes the memory from the GPU that gives the share', () => {
    expect(place({ gpu: 0.5, gpuMemoryBytes: 6e9 }, [gpu('a', 1, 4e9), gpu('b', 0.2, 24e9)])).toEqual({
      missing: { gpuMemoryBytes: 2e9 },
    })
  })

  it('fills the fullest that fits, so that a whole GPU stays free', () => {
    expect(place({ gpu: 0.25 }, [gpu('a', 1, 8e9), gpu('b', 0.5, 8e9)])).toEqual([
      { device: 'b', amounts: { gpu: 0.25 } },
    ])
  })

  it('gives several GPUs whole, and the fraction where it costs no whole one', () => {
    expect(place({ gpu: 1.5, gpuMemoryBytes: 6e9 }, [gpu('a', 1, 8e9), gpu('b', 0.5, 8e9)])).toEqual([
      { device: 'b', amounts: { gpu: 0.5, gpuMemoryBytes: 2e9 } },
      { device: 'a', amounts: { gpu: 1, gpuMemoryBytes: 4e9 } },
    ])
  })

  it('spreads memory over several GPUs in proportion and to the byte', () => {
    const placed = place(
      { gpu: 3, gpuMemoryBytes: 10 },
      ['a', 'b', 'c'].map((id) => gpu(id, 1, 4)),
    )
    expect((placed as Placement).map(({ amounts }) => amounts.gpuMemoryBytes)).toEqual([3, 3, 4])
  })

  it('gives all the memory of several GPUs, of whatever size', () => {
    const MIB = 2 ** 20
    const sizes = fc.oneof(
      fc.constantFrom(8188 * MIB, 16376 * MIB, 32607 * MIB),
      fc.integer({ min: 1, max: 2 ** 40 }),
    )
    fc.assert(
      fc.property(sizes, fc.integer({ min: 2, max: 8 }), (size, count) => {
        const gpus = Array.from({ length: count }, (_, i) => gpu(`g${i}`, 1, size))
        const placed = place({ gpu: count, gpuMemoryBytes: count * size }, gpus)
        expect(placed).toEqual(gpus.map(({ id, free }) => ({ device: id, amounts: free })))
        expect(place({ gpu: count, gpuMemoryBytes: count * size + 1 }, gpus)).toHaveProperty('missing')
      }),
    )
  })

  it('says how many whole GPUs are missing', () => {
    expect(place({ gpu: 3 }, [gpu('a', 1, 8e9), gpu('b', 1, 8e9)])).toEqual({ missing: { gpu: 1 } })
    expect(place({ gpu: 3 }, [])).toEqual({ missing: { gpu: 3 } })
  })

  it('takes custom resources from any device, those in use first', () => {
    const seats = device('fpga0', 'fpga', { fpga: 1, custom: { seats: 2 } })
    const more = device('cpu0', 'cpu', { cpuCores: 4, custom: { seats: 3 } })
    expect(place({ cpuCores: 1, custom: { seats: 4 } }, [seats, more])).toEqual([
      { device: 'cpu0', amounts: { cpuCores: 1, custom: { seats: 3 } } },
      { device: 'fpga0', amounts: { custom: { seats: 1 } } },
    ])
    expect(place({ custom: { seats: 6 } }, [seats, more])).toEqual({ missing: { custom: { seats: 1 } } })
    expect(place({ custom: { none: 1 } }, [seats])).toEqual({ missing: { custom: { none: 1 } } })
  })

  it('uses no device that is not fit for work', () => {
    expect(place({ gpu: 1 }, [device('a', 'gpu', { gpu: 1 }, false)])).toEqual({ missing: { gpu: 1 } })
  })

  it('needs no device for nothing', () => {
    expect(place({}, [])).toEqual([])
  })

  const amounts = fc.constantFrom(0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 1)
  const gpus = fc.array(fc.record({ free: fc.constantFrom(0, 0.1, 0.5, 0.9, 1, 2), memory: fc.nat(8) }), {
    maxLength: 4,
  })

  it('finds a placement exactly when there is one, and gives what was asked, to the last unit', () => {
    fc.assert(
      fc.property(gpus, fc.nat(3), amounts, fc.nat(12), (list, wholes, fraction, memory) => {
        const need = toVector(toQuanta({ gpu: wholes + fraction, gpuMemoryBytes: memory * 6 }))
        const devices = list.map(({ free, memory: units }, index) => gpu(`g${index}`, free, units * 6))
        const placed = place(need, devices)
        expect('missing' in placed).toBe(!possible(wholes + fraction, memory * 6, devices))
        if ('missing' in placed) {
          expect(toQuanta(placed.missing).size).toBeGreaterThan(0)
          return
        }
        const total: Quanta = new Map()
        for (const { device: id, amounts: share } of placed) {
          const free = toQuanta(devices.find((item) => item.id === id)?.free ?? {})
          expect(fitsIn(toQuanta(share), free)).toBe(true)
          addQuanta(total, toQuanta(share))
        }
        expect(Object.fromEntries(total)).toEqual(Object.fromEntries(toQuanta(need)))
        const fractions = placed.filter(({ amounts: share }) => (share.gpu ?? 0) % 1 !== 0)
        expect(fractions.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 2000 },
    )
  })

  it('finds none for who asks for as much as one for whom there was none', () => {
    const need = fc
      .tuple(fc.nat(3), amounts, fc.nat(12))
      .map(([wholes, fraction, memory]) => ({ gpu: wholes + fraction, gpuMemoryBytes: memory * 6 }))
    fc.assert(
      fc.property(gpus, need, need, (list, more, less) => {
        fc.pre(covers(toQuanta(more), toQuanta(less)))
        const devices = list.map(({ free, memory: units }, index) => gpu(`g${index}`, free, units * 6))
        if ('missing' in place(less, devices)) expect(place(more, devices)).toHaveProperty('missing')
      }),
      { numRuns: 2000 },
    )
  })
})

/** By trying every way: which device takes the fraction, how many whole units each other gets. */
function possible(amount: number, bytes: number, devices: FreeDevice[]): boolean {
  if (amount === 0 && bytes === 0) return true
  const fits = (item: FreeDevice, share: number, memory: number) =>
    (item.free.gpu ?? 0) * 10 + 1e-6 >= share * 10 && (item.free.gpuMemoryBytes ?? 0) + 1e-6 >= memory
  if (devices.some((item) => fits(item, amount, bytes))) return true
  if (amount <= 1) return false
  const wholes = Math.floor(amount + 1e-9)
  const fraction = Math.round((amount - wholes) * 1e6) / 1e6
  const perUnit = bytes / amount
  const tries = fraction > 0 ? devices.map((_, index) => index) : [-1]
  return tries.some((at) => {
    const most = devices.map((item, index) => {
      const less = index === at ? fraction : 0
      if (!fits(item, less, Math.ceil(perUnit * less))) return index === at ? -Infinity : 0
      let units = 0
      while (fits(item, less + units + 1, Math.ceil(perUnit * less) + Math.ceil(perUnit) * (units + 1)))
        units++
      return units
    })
    return most.reduce((sum, units) => sum + units, 0) >= wholes
  })
}

describe('hints', () => {
  const on = (id: string, node: number | null, units = 1, free = units): FreeDevice => ({
    ...device(id, 'gpu', { gpu: free, gpuMemoryBytes: free * 8 }),
    capacity: { gpu: units, gpuMemoryBytes: units * 8 },
    numaNode: node,
  })

  it('same: nothing is divided', () => {
    const pool = [on('a', 0), on('b', 0), on('c', 0, 4)]
    expect(place({ gpu: 2 }, pool, { devices: 'same' })).toEqual([{ device: 'c', amounts: { gpu: 2 } }])
    expect(place({ gpu: 2 }, pool.slice(0, 2), { devices: 'same' })).toEqual({ missing: { gpu: 1 } })
    const seats = (id: string, count: number) => device(id, 'fpga', { custom: { seats: count } })
    expect(place({ custom: { seats: 3 } }, [seats('a', 2), seats('b', 3)], { devices: 'same' })).toEqual([
      { device: 'b', amounts: { custom: { seats: 3 } } },
    ])
    expect(place({ custom: { seats: 4 } }, [seats('a', 2), seats('b', 3)], { devices: 'same' })).toEqual({
      missing: { custom: { seats: 1 } },
    })
  })

  it('spread: no device gives more than its part of all, also when another is busy', () => {
    const pool = [on('a', 0, 4), on('b', 0, 4)]
    expect(place({ gpu: 4 }, pool, { devices: 'spread' })).toEqual([
      { device: 'a', amounts: { gpu: 2 } },
      { device: 'b', amounts: { gpu: 2 } },
    ])
    expect(place({ gpu: 4 }, [on('a', 0, 4), on('b', 0, 4, 1)], { devices: 'spread' })).toEqual({
      missing: { gpu: 1 },
    })
    const seats = (id: string) => device(id, 'fpga', { custom: { seats: 9 } })
    expect(place({ custom: { seats: 3 } }, [seats('a'), seats('b')], { devices: 'spread' })).toEqual([
      { device: 'a', amounts: { custom: { seats: 2 } } },
      { device: 'b', amounts: { custom: { seats: 1 } } },
    ])
  })

  it('numaNode: the cores and the GPUs are on one node, or on the one that was named', () => {
    const cores = (id: string, node: number | null) => ({
      ...device(id, 'cpu', { cpuCores: 8 }),
      numaNode: node,
    })
    const need = { cpuCores: 2, gpu: 2 }
    const machine = [cores('cpu0', 0), cores('cpu1', 1), on('a', 0), on('b', 1), on('c', 1)]
    const devicesOf = (placed: ReturnType<typeof place>) =>
      'missing' in placed ? placed : placed.map(({ device: id }) => id)
    expect(devicesOf(place(need, machine, { numaNode: 'same' }))).toEqual(['cpu1', 'b', 'c'])
    expect(place(need, machine, { numaNode: 0 })).toEqual({ missing: { gpu: 1 } })
    expect(
      devicesOf(place(need, [cores('cpu0', null), on('a', 3), on('b', 3)], { numaNode: 'same' })),
    ).toEqual(['cpu0', 'a', 'b'])
    // Of a GPU of which no node is known nobody can promise it.
    expect(place({ gpu: 1 }, [on('a', null)], { numaNode: 'same' })).toEqual({ missing: { gpu: 1 } })
    expect(devicesOf(place({ cpuCores: 1 }, [cores('cpu0', null)], { numaNode: 'same' }))).toEqual(['cpu0'])
  })

  const hints = fc.record({
    devices: fc.constantFrom(undefined, 'same' as const, 'spread' as const),
    numaNode: fc.constantFrom(undefined, 'same' as const, 0, 1),
  })
  const someGpus = fc.array(
    fc.record({
      capacity: fc.constantFrom(1, 2, 4),
      free: fc.constantFrom(0, 0.5, 1, 2, 4),
      node: fc.constantFrom(0, 1, null),
    }),
    { maxLength: 4 },
  )

  it('are honoured, nothing is over capacity, and a placement is found exactly when there is one', () => {
    fc.assert(
      fc.property(someGpus, fc.nat(4), fc.constantFrom(0, 0.5), hints, (list, wholes, fraction, hint) => {
        const devices = list.map(({ capacity, free, node }, index) =>
          on(`g${index}`, node, capacity, Math.min(capacity, free)),
        )
        const amount = wholes + fraction
        fc.pre(amount > 0)
        const placed = place({ gpu: amount }, devices, hint)
        const spaces = devices.map(spaceOf)
        const ways = waysOf(amount, devices).filter((shares) => honours(shares, hint, spaces))
        expect('missing' in placed).toBe(ways.length === 0)
        if ('missing' in placed) return
        const shares = new Map(placed.map(({ device: id, amounts: share }) => [id, toQuanta(share)]))
        expect(honours(shares, hint, spaces)).toBe(true)
        for (const [id, share] of shares)
          expect(fitsIn(share, toQuanta(devices.find((item) => item.id === id)?.free ?? {}))).toBe(true)
        expect(placed.reduce((sum, { amounts: share }) => sum + (share.gpu ?? 0), 0)).toBe(amount)
      }),
      { numRuns: 3000 },
    )
  })
})

/** Every way to give so many GPUs: whole ones anywhere, at most one fraction. */
function waysOf(amount: number, devices: FreeDevice[]): Map<string, Quanta>[] {
  const fraction = amount % 1
  const ways: number[][] = []
  const fill = (index: number, left: number, parts: number[]) => {
    if (index === devices.length) {
      if (left === 0) ways.push(parts)
      return
    }
    for (let units = 0; units <= left; units++) fill(index + 1, left - units, [...parts, units])
  }
  fill(0, amount - fraction, [])
  return ways
    .flatMap((parts) =>
      fraction === 0
        ? [parts]
        : devices.map((_, at) => parts.map((part, i) => part + (i === at ? fraction : 0))),
    )
    .filter((parts) => parts.every((part, index) => part <= (devices[index]?.free.gpu ?? 0)))
    .map(
      (parts) =>
        new Map(
          parts.flatMap((part, index) =>
            part > 0 ? [[devices[index]?.id ?? '', toQuanta({ gpu: part })] as const] : [],
          ),
        ),
    )
}

describe('packing', () => {
  const cards = fc.array(
    fc.record({ gigabytes: fc.constantFrom(8, 16, 24, 80), outside: fc.constantFrom(0, 1, 6) }),
    { minLength: 2, maxLength: 6 },
  )
  const asked = fc.array(
    fc.record({ gpu: fc.constantFrom(0, 0.1, 0.25, 0.5, 1), gigabytes: fc.constantFrom(0, 1, 4, 12) }),
    { maxLength: 20 },
  )

  it('breaks a whole GPU only when no broken one will do, and then the smallest', () => {
    fc.assert(
      fc.property(cards, asked, (list, needs) => {
        const devices = list.map(({ gigabytes, outside }, index) => ({
          ...device(`g${index}`, 'gpu', { gpu: 1, gpuMemoryBytes: (gigabytes - outside) * 1e9 }),
          capacity: { gpu: 1, gpuMemoryBytes: gigabytes * 1e9 },
          outside: { gpuMemoryBytes: outside * 1e9 },
        }))
        const leased = new Set<FreeDevice>()
        for (const { gpu: part, gigabytes } of needs) {
          const need = { gpu: part, gpuMemoryBytes: gigabytes * 1e9 }
          const placed = place(need, devices)
          const taken = 'missing' in placed ? null : devices.find(({ id }) => id === placed[0]?.device)
          if (!taken) continue
          if (!leased.has(taken)) {
            for (const other of devices) {
              if (!fitsIn(toQuanta(need), toQuanta(other.free))) continue
              expect(leased.has(other)).toBe(false)
              expect(other.free.gpuMemoryBytes).toBeGreaterThanOrEqual(taken.free.gpuMemoryBytes ?? 0)
            }
          }
          leased.add(taken)
          const left = toQuanta(taken.free)
          takeQuanta(left, toQuanta(need))
          taken.free = { gpu: 0, gpuMemoryBytes: 0, ...toVector(left) }
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('takes a GPU of which only memory is leased before one of which nothing is', () => {
    const broken = { ...gpu('a', 1, 60e9), capacity: { gpu: 1, gpuMemoryBytes: 80e9 } }
    expect(place({ gpuMemoryBytes: 4e9 }, [broken, gpu('b', 1, 24e9)])).toEqual([
      { device: 'a', amounts: { gpuMemoryBytes: 4e9 } },
    ])
    // What programs outside hold of it does not break it.
    expect(
      place({ gpuMemoryBytes: 4e9 }, [{ ...broken, outside: { gpuMemoryBytes: 20e9 } }, gpu('b', 1, 24e9)]),
    ).toEqual([{ device: 'b', amounts: { gpuMemoryBytes: 4e9 } }])
  })
})

describe('amounts in whole numbers', () => {
  const amount = fc.double({ min: 0, max: 1e6, noNaN: true })

  it('come back exactly after any sums, in any order', () => {
    fc.assert(
      fc.property(fc.array(amount, { maxLength: 50 }), fc.nat(), (values, seed) => {
        const used: Quanta = new Map()
        const all = values.map((value) => toQuanta({ cpuCores: value, memoryBytes: Math.floor(value * 1e6) }))
        for (const quanta of all) addQuanta(used, quanta)
        const shuffled = [...all].sort(
          (a, b) =>
            (((a.get('cpuCores') ?? 0) * (seed + 1)) % 97) - (((b.get('cpuCores') ?? 0) * (seed + 1)) % 97),
        )
        for (const quanta of shuffled) takeQuanta(used, quanta)
        expect(used.size).toBe(0)
      }),
    )
  })

  it('let ten tenths, six sixths and 0.1 + 0.2 + 0.7 fit into one', () => {
    for (const parts of [
      Array(10).fill(0.1),
      Array(6).fill(1 / 6),
      Array(7).fill(1 / 7),
      [0.1, 0.2, 0.7],
      [0.57, 0.43],
    ]) {
      const free = toQuanta({ gpu: 1 })
      for (const gpuShare of parts) {
        const share = toQuanta({ gpu: gpuShare })
        expect(fitsIn(share, free)).toBe(true)
        takeQuanta(free, share)
      }
    }
  })

  it('read back as they were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (millionths) => {
        const vector = { cpuCores: millionths / 1e6 }
        expect(toVector(toQuanta(vector))).toEqual(vector)
      }),
    )
  })

  it('refuse what is no amount', () => {
    for (const bad of [Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300]) {
      expect(() => toQuanta({ cpuCores: bad })).toThrow(/cpuCores/)
      expect(() => toQuanta({ custom: { seats: bad } })).toThrow(/custom.seats/)
    }
  })

  it('know a limit of zero from no limit', () => {
    expect(namedAmounts({ gpu: 0, custom: { seats: 0 } })).toEqual([
      ['gpu', 0],
      ['custom.seats', 0],
    ])
  })
})
