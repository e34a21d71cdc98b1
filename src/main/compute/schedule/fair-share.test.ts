import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Claimant, dominantShare, shareDivisible, shareWhole } from './fair-share'

interface Case {
  name: string
  capacity: number[]
  users: Claimant[]
  expect: { integer: number[]; integerUsed: number[]; divisible: number[] }
}
const file = join(__dirname, '../../../../fixtures/cases/drf.json')
const { cases }: { cases: Case[] } = JSON.parse(readFileSync(file, 'utf8'))

function used({ capacity, users }: Pick<Case, 'capacity' | 'users'>, tasks: number[]): number[] {
  return capacity.map((_, k) =>
    users.reduce((sum, { demand }, i) => sum + (demand[k] ?? 0) * (tasks[i] ?? 0), 0),
  )
}

describe('dominant-resource fairness', () => {
  it.each(cases)('$name', (c) => {
    const whole = shareWhole(c.capacity, c.users)
    expect(whole).toEqual(c.expect.integer)
    expect(used(c, whole)).toEqual(c.expect.integerUsed)
    shareDivisible(c.capacity, c.users).forEach((tasks, i) => {
      expect(tasks).toBeCloseTo(c.expect.divisible[i] ?? Number.NaN, 7)
    })
  })

  const arbitrary = fc.integer({ min: 1, max: 4 }).chain((kinds) => {
    const amounts = (min: number, max: number) =>
      fc.array(fc.integer({ min, max }), { minLength: kinds, maxLength: kinds })
    const user = fc.record({
      weight: fc.integer({ min: 1, max: 4 }),
      demand: amounts(0, 9),
      max: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
    })
    return fc.record({ capacity: amounts(0, 100), users: fc.array(user, { maxLength: 8 }) })
  })

  it('never gives more than there is nor more than was asked for, and nobody can grow without taking from another', () => {
    fc.assert(
      fc.property(arbitrary, (c) => {
        for (const share of [shareWhole, shareDivisible]) {
          const tasks = share(c.capacity, c.users)
          const total = used(c, tasks)
          total.forEach((sum, k) => {
            expect(sum).toBeLessThanOrEqual((c.capacity[k] ?? 0) + 1e-6)
          })
          c.users.forEach(({ demand, max = Number.POSITIVE_INFINITY }, i) => {
            const count = tasks[i] ?? Number.NaN
            expect(count).toBeLessThanOrEqual(max + 1e-9)
            const step = share === shareWhole ? 1 : 1e-4
            const canGrow = demand.every(
              (amount, k) => (total[k] ?? 0) + step * amount <= (c.capacity[k] ?? 0),
            )
            if (dominantShare(demand, c.capacity) > 0 && count + step <= max) expect(canGrow).toBe(false)
          })
        }
      }),
    )
  })
})
