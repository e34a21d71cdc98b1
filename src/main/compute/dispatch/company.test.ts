import { describe, expect, it } from 'vitest'
import { Company, patienceMs } from './company'

/** Runs of an engine whose stacks take `stackMs(n)` for n jobs, until the company is settled. */
function learned(singleMs: number, stackMs: (count: number) => number, alike = true): Company {
  const company = new Company()
  company.learn('e', 1, singleMs, false)
  for (let run = 0; run < 50; run++) {
    const { most, stack } = company.wanted('e')
    if (stack === 'check') company.checked('e', most, { alike, computeMs: stackMs(most) })
    else company.learn('e', most, stack === 'yes' ? stackMs(most) : singleMs * most, stack === 'yes')
  }
  return company
}

describe('Company', () => {
  it('leaves alone what it knows nothing of, and looks first whether a stack gives the same', () => {
    const company = new Company()
    expect(company.wanted('e')).toEqual({ most: 1, stack: 'no' })
    company.learn('e', 1, 5, false)
    // Four take 20 ms, which is quick.
    expect(company.wanted('e')).toEqual({ most: 4, stack: 'check' })
    company.learn('slow', 1, 50, false)
    expect(company.wanted('slow')).toEqual({ most: 2, stack: 'check' })
    expect(company.wanted('another')).toEqual({ most: 1, stack: 'no' })
  })

  it('forgets the engines that have not run for longest', () => {
    const company = learned(100, (n) => 95 + n)
    company.outgrew('e', 2)
    for (let other = 0; other < 20_000; other++) {
      company.learn(`${other}`, 1, 100, false)
      company.outgrew(`${other}`, 2)
    }
    company.learn('e', 1, 100, false)
    expect(company.wanted('e')).toEqual({ most: 2, stack: 'check' })
  })

  it('stacks as many as cost next to nothing more, though none waits much longer than alone', () => {
    expect(learned(100, (n) => 95 + n).wanted('e')).toEqual({ most: 64, stack: 'yes' })
    // Eight take 200 ms together, as much as two alone; sixteen would keep the first waiting.
    expect(learned(100, (n) => 80 * n).wanted('e').most).toBe(2)
    expect(learned(100, (n) => 100 * n * 0.85 ** Math.log2(n)).wanted('e').most).toBe(2)
  })

  it('halves what has outgrown its lease, down to one, and never lets it grow again', () => {
    const company = learned(100, (n) => 95 + n)
    company.outgrew('e', 64)
    expect(company.wanted('e')).toEqual({ most: 32, stack: 'yes' })
    company.outgrew('e', 5)
    // One that had begun before the limit was known.
    company.outgrew('e', 64)
    expect(company.wanted('e')).toEqual({ most: 2, stack: 'yes' })
    company.outgrew('e', 2)
    company.outgrew('e', 1)
    expect(company.wanted('e')).toEqual({ most: 1, stack: 'no' })
    // Also where they are so short that they are not stacked.
    const quick = learned(0.1, (n) => n, false)
    quick.outgrew('e', 64)
    expect(quick.wanted('e')).toEqual({ most: 32, stack: 'no' })
  })

  it('holds a stack to the target of its jobs, and tells what stacks of all sizes take', () => {
    const company = learned(100, (n) => 95 + n)
    expect(company.wanted('e', 50)).toEqual({ most: 1, stack: 'no' })
    expect(learned(100, (n) => 100 * n * 0.85 ** Math.log2(n)).wanted('e', 1_000).most).toBe(4)
    // Two take less than the one that was seen, so one takes no more either.
    expect([1, 2, 3, 4].map((count) => company.runMs('e', count))).toEqual([97, 97, 98, 99])
    expect(company.runMs('e', 100)).toBeNull()
    expect([null, 30].map((target) => company.targetMs('e', target))).toEqual([194, 30])
    expect(company.targetMs('another', null)).toBe(20)
  })

  it('tells what so many take at the most: a check runs them twice, a stack no longer than one after the other', () => {
    const company = new Company()
    expect(company.longestMs('e', 2, 'check')).toBeNull()
    company.learn('e', 1, 100, false)
    expect(company.longestMs('e', 3, 'no')).toBe(300)
    expect(company.longestMs('e', 2, 'check')).toBe(400)
    company.checked('e', 2, { alike: true, computeMs: 120 })
    expect([2, 4].map((count) => company.longestMs('e', count, 'yes'))).toEqual([120, 400])
  })

  it('is not misled for good by what else the machine did', () => {
    const company = learned(10, (n) => 9 + n / 8)
    expect(company.wanted('e').most).toBe(64)
    // A size that took long once, and one job that did when the engine was cold.
    const unlucky = new Company()
    unlucky.learn('e', 1, 500, false)
    unlucky.checked('e', 2, { alike: true, computeMs: 9.25 })
    expect(unlucky.targetMs('e', null)).toBe(20)
    for (let run = 0; run < 200; run++) {
      const { most } = unlucky.wanted('e')
      const ms = 9 + most / 8
      unlucky.learn('e', most, run < 3 ? 10 * ms : ms, true)
    }
    expect(unlucky.wanted('e').most).toBe(64)
  })

  it('stops where a larger stack is no cheaper', () => {
    expect(learned(1, (n) => (n <= 8 ? 1 + n * 0.05 : n)).wanted('e')).toEqual({ most: 8, stack: 'yes' })
  })

  it('never stacks what gives other answers', () => {
    expect(learned(100, () => 100, false).wanted('e')).toEqual({ most: 1, stack: 'no' })
  })

  it('runs quick ones in one go though a stack gains nothing', () => {
    expect(learned(1, (n) => n).wanted('e')).toEqual({ most: 20, stack: 'no' })
    expect(learned(0.1, (n) => 0.1 * n, false).wanted('e')).toEqual({ most: 64, stack: 'no' })
    expect(learned(50, (n) => 50 * n).wanted('e')).toEqual({ most: 1, stack: 'no' })
  })
})

describe('patienceMs', () => {
  it.each([
    { timeoutMs: 600, deadline: null, patience: 600 },
    { timeoutMs: 600, deadline: 1_500, patience: 250 },
    { timeoutMs: null, deadline: 3_000_000, patience: 600_000 },
  ])('of $timeoutMs ms and until $deadline', ({ patience, ...definition }) => {
    expect(patienceMs(definition, 1_000)).toBe(patience)
  })
})
