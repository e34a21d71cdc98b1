import { expect, it } from 'vitest'
import type { PrincipalId } from '../../../shared/domain/ids'
import { RecentUse } from './recent-use'

const A = 'a' as PrincipalId

it('tells what was held of late, however short each of it was', () => {
  const many = new RecentUse()
  const one = new RecentUse()
  const held = [{ principal: A, share: 0.5, since: 0 }]
  let now = 0
  for (; now < 30_000; now += 4) {
    many.end(A, 0.5, 4, now + 4)
    many.at(now + 4, [])
  }
  const part = 0.5 * (1 - Math.exp(-0.5))
  expect(many.at(now, []).get(A)).toBeCloseTo(part, 4)
  expect(one.at(now, held).get(A)).toBeCloseTo(part, 9)
  one.end(A, 0.5, now, now)
  expect(one.at(now, []).get(A)).toBeCloseTo(part, 9)
})

it('forgets, takes back what was undone, and goes on from what it told', () => {
  const use = new RecentUse()
  use.end(A, 1, 60_000, 60_000)
  const undo = use.end(A, 1, 60_000, 120_000)
  undo()
  const after = use.at(120_000, [])
  expect(after.get(A)).toBeCloseTo((1 - 1 / Math.E) / Math.E, 9)
  expect(new RecentUse(after, 120_000).at(180_000, []).get(A)).toBeCloseTo((after.get(A) ?? 0) / Math.E, 9)
  expect(use.at(10_000_000, []).size).toBe(0)
})
