import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Lease } from '../../shared/contract'
import type { ResourceVector } from '../../shared/domain/resources'
import { Ledger } from './ledger'
import { giveBackTo, takeFrom } from './place'
import { toQuanta } from './quanta'
import { createFakeClock } from './testing/fake-clock'

const CAPACITY = { cpuCores: 8, memoryBytes: 1000 }

function ledgerOf(leases: readonly ResourceVector[], yieldsToOthers = false): Ledger {
  const ledger = new Ledger(createFakeClock())
  ledger.setDevice({
    id: 'cpu0',
    kind: 'cpu',
    name: 'CPU',
    vendor: '',
    origin: 'detected',
    capacity: CAPACITY,
    properties: {},
    health: 'ok',
    foundBy: 'test',
    yieldsToOthers,
  })
  leases.forEach((need, i) => {
    const lease = { id: `lease-${i}`, holder: 'anna', need } as Lease
    const amounts = toQuanta(need)
    ledger.add({ lease, shares: new Map([['cpu0', amounts]]), need: amounts, expiresAtMs: null })
  })
  return ledger
}

it('a lease gives back what is then free, also where programs outside or the reserve took what was granted', () => {
  const amounts = (mostCores: number, mostBytes: number) =>
    fc.record({
      cpuCores: fc.integer({ min: 0, max: mostCores }),
      memoryBytes: fc.integer({ min: 0, max: mostBytes }),
    })
  fc.assert(
    fc.property(
      fc.array(amounts(2, 250), { minLength: 1, maxLength: 4 }),
      fc.record({ outside: amounts(0, 1200), reserve: fc.integer({ min: 0, max: 1200 }) }),
      (leases, { outside, reserve }) => {
        const ledger = ledgerOf(leases)
        ledger.setForeign(new Map([['cpu0', toQuanta(outside)]]))
        ledger.setReservedMemory(reserve)
        const [cpu] = ledger.freeDevices([])
        if (!cpu) throw new Error('no device')
        leases.forEach((need, i) => {
          giveBackTo(cpu, need)
          takeFrom(cpu, need)
          giveBackTo(cpu, need)
          ledger.remove(`lease-${i}`)
          const [after] = ledger.freeDevices([])
          expect(cpu.free).toEqual(after?.free)
        })
      },
    ),
  )
})

it('what goes to programs outside only beside leases comes free with the last of them', () => {
  const ledger = ledgerOf([{ cpuCores: 2 }, { cpuCores: 2 }], true)
  ledger.setBusyOutside('cpu0', { cpuCores: 6 })
  const [cpu] = ledger.freeDevices([])
  if (!cpu) throw new Error('no device')
  const ends = [0, 1].map(() => {
    giveBackTo(cpu, { cpuCores: 2 })
    return cpu.free.cpuCores ?? 0
  })
  expect(ends).toEqual([0, 8])
  takeFrom(cpu, { cpuCores: 1 })
  expect(cpu.free.cpuCores).toBe(1)
})
