import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  erlangB,
  erlangC,
  meanWaitGIGc,
  meanWaitGIMc,
  meanWaitMG1,
  meanWaitMMc,
  meanWaitsByPriority,
  waitsLongerMMc,
} from './queueing'

interface Exact {
  model: string
  c: number
  lambda: number
  mu: number
  cs2: number
  erlangB: number
  erlangC: number
  wq: number
  lq: number
  pWaitOver1: number
}
interface Simulated {
  c: number
  rho: number
  mu: number
  ca2: number
  cs2: number
  wqSim: number
}

const file = join(__dirname, '../../../../fixtures/cases/qt.json')
const { exact, simulated }: { exact: Exact[]; simulated: Simulated[] } = JSON.parse(
  readFileSync(file, 'utf8'),
)

describe('queueing', () => {
  it('M/M/c to the last digit', () => {
    for (const { c, lambda, mu, ...expected } of exact.filter(({ model }) => model === 'M/M/c')) {
      expect(erlangB(c, lambda / mu)).toBeCloseTo(expected.erlangB, 12)
      expect(erlangC(c, lambda / mu)).toBeCloseTo(expected.erlangC, 12)
      expect(meanWaitMMc(c, lambda, mu)).toBeCloseTo(expected.wq, 12)
      expect(lambda * meanWaitMMc(c, lambda, mu)).toBeCloseTo(expected.lq, 9)
      expect(waitsLongerMMc(c, lambda, mu, 1)).toBeCloseTo(expected.pWaitOver1, 12)
    }
  })

  it('M/G/1 to the last digit', () => {
    const cases = exact.filter(({ model }) => model === 'M/G/1')
    expect(cases.length).toBeGreaterThan(0)
    for (const { lambda, mu, cs2, wq } of cases) expect(meanWaitMG1(lambda, mu, cs2)).toBeCloseTo(wq, 12)
  })

  it('GI/G/c within 5 % of the simulations in the mean, and none off by 8 %', () => {
    const errors = simulated.map(({ c, rho, mu, ca2, cs2, wqSim }) => {
      const station = { servers: c, arrivals: rho * c * mu, services: mu, arrivalScv: ca2, serviceScv: cs2 }
      return Math.abs(meanWaitGIGc(station) / wqSim - 1)
    })
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.05)
    expect(Math.max(...errors)).toBeLessThan(0.08)
  })

  it('priorities: the mean over all work is that of one class, and the urgent wait less', () => {
    const classes = [
      { arrivals: 0.3, services: 1 },
      { arrivals: 0.4, services: 1 },
    ]
    const [urgent = 0, other = 0] = meanWaitsByPriority(classes)
    expect(urgent).toBeCloseTo(0.7 / 0.7, 12)
    expect(other).toBeCloseTo(0.7 / (0.7 * 0.3), 12)
    // Conservation (Kleinrock): the sum of load times wait does not depend on the order.
    expect(0.3 * urgent + 0.4 * other).toBeCloseTo(0.7 * meanWaitMG1(0.7, 1, 1), 12)
    expect(meanWaitsByPriority([...classes, { arrivals: 0.5, services: 1 }])[2]).toBe(
      Number.POSITIVE_INFINITY,
    )
  })

  it('is exact where the arrivals or one server make it so, and grows with load and irregularity', () => {
    const load = fc.double({ min: 0.05, max: 0.95, noNaN: true })
    const scv = fc.double({ min: 0, max: 5, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), load, scv, (servers, rho, serviceScv) => {
        const station = { servers, arrivals: rho * servers, services: 1, arrivalScv: 1, serviceScv: 1 }
        const exponential = meanWaitMMc(servers, rho * servers, 1)
        expect(meanWaitGIMc(servers, rho * servers, 1, 1) / exponential).toBeCloseTo(1, 3)
        expect(meanWaitGIGc(station) / exponential).toBeCloseTo(1, 3)
        const one = { ...station, servers: 1, arrivals: rho, serviceScv }
        expect(meanWaitGIGc(one) / meanWaitMG1(rho, 1, serviceScv)).toBeCloseTo(1, 3)
        expect(meanWaitGIGc({ ...station, arrivals: rho * servers * 1.04 })).toBeGreaterThan(
          meanWaitGIGc(station),
        )
        expect(meanWaitGIGc({ ...station, arrivalScv: 2 })).toBeGreaterThan(meanWaitGIGc(station))
      }),
      { examples: [[40, 0.05, 0]] },
    )
  })

  it('says infinite when there is no spare capacity, and nothing for regular arrivals and service', () => {
    const station = { servers: 2, arrivals: 2, services: 1, arrivalScv: 0, serviceScv: 0 }
    expect(meanWaitGIGc(station)).toBe(Number.POSITIVE_INFINITY)
    expect(meanWaitGIGc({ ...station, arrivals: 1 })).toBe(0)
  })
})
