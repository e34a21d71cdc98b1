import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LossBudget } from './loss-budget'

const POLICY = { lostOfIdle: 0.1, mostLossMs: 5_000 }

it('grows by a tenth of what the machine is idle, to what is saved up at the most', () => {
  const budget = new LossBudget(POLICY)
  expect(budget.observe(1_000)).toBe(5_000)
  budget.spend({ lostMs: 4_000, idle: 0.5 })
  expect(budget.observe(3_000)).toBe(1_100)
  budget.spend({ lostMs: 0, idle: 0 })
  expect(budget.observe(60_000)).toBe(1_100)
  budget.spend({ lostMs: 0, idle: 1 })
  expect(budget.observe(10_000_000)).toBe(5_000)
})

it('gives back what a turn took that never was', () => {
  const budget = new LossBudget(POLICY)
  budget.observe(1_000)
  budget.spend({ lostMs: 1_000, idle: 1 })
  const undo = budget.spend({ lostMs: 3_000, idle: 0 })
  expect(budget.observe(1_000)).toBe(1_000)
  undo()
  expect(budget.observe(2_000)).toBe(4_100)
})

it('never lets more be lost than was saved up and earned, also when the clock is set back', () => {
  const turn = fc.record({
    passedMs: fc.integer({ min: -1_000, max: 100_000 }),
    idle: fc.double({ min: 0, max: 1, noNaN: true }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(turn), (turns) => {
      const budget = new LossBudget(POLICY)
      let now = 0
      let idleMs = 0
      let lost = 0
      let idleBefore = 0
      for (const { passedMs, idle, part } of turns) {
        now += passedMs
        idleMs += idleBefore * Math.max(0, passedMs)
        idleBefore = idle
        const lostMs = part * budget.observe(now)
        budget.spend({ lostMs, idle })
        lost += lostMs
        expect(lost).toBeLessThanOrEqual(POLICY.mostLossMs + POLICY.lostOfIdle * idleMs + 1e-6)
      }
    }),
  )
})
