import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Lease } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import type { ResourceVector } from '../../shared/domain/resources'
import { claimOf } from './claim'
import { Ledger } from './ledger'
import { giveBackTo, takeFrom } from './place'
import { toQuanta, toVector } from './quanta'
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
  const ledger = ledgerOf([{ cpuCores: 0.7 }, { cpuCores: 0.1 }], true)
  ledger.setBusyOutside('cpu0', { cpuCores: 6 })
  const [cpu] = ledger.freeDevices([])
  if (!cpu) throw new Error('no device')
  expect(cpu.free.cpuCores).toBeCloseTo(1.2)
  giveBackTo(cpu, { cpuCores: 0.7 })
  expect(cpu.free.cpuCores).toBeCloseTo(1.9)
  giveBackTo(cpu, { cpuCores: 0.1 })
  expect(cpu.free.cpuCores).toBeCloseTo(8)
  takeFrom(cpu, { cpuCores: 1 })
  expect(cpu.free.cpuCores).toBeCloseTo(1)
})

it('beside a claim there is what programs outside leave once its room is held', () => {
  const ledger = ledgerOf([], true)
  ledger.setBusyOutside('cpu0', { cpuCores: 3 })
  const shares = new Map([['cpu0', toQuanta({ cpuCores: 4 })]])
  const claim = claimOf({ shares, rank: 1, purpose: 'job', holder: 'anna' as PrincipalId, isPlanned: true })
  ledger.addClaim(claim)
  expect(toVector(ledger.spaces([claim])[0]?.free ?? new Map())).toMatchObject({ cpuCores: 1 })
  expect(toVector(ledger.spacesOnceFree([claim])[0]?.free ?? new Map())).toMatchObject({ cpuCores: 1 })
})
