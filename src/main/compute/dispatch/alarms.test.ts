import { expect, it } from 'vitest'
import { createFakeClock } from '../../core/testing/fake-clock'
import { Alarms } from './alarms'

it('asks no more often than it must which matter, and rings those that do', async () => {
  const clock = createFakeClock()
  let asked = 0
  const rung: number[] = []
  const isEven = (key: number) => {
    asked++
    return key % 100 === 0
  }
  const alarms = new Alarms<number>(clock, (keys) => rung.push(...keys), isEven)
  for (let key = 0; key < 100_000; key++) alarms.set(clock.now() + 1_000, key)
  expect(asked).toBeLessThan(200_000)
  await clock.advance(1_000)
  expect(rung.length).toBeLessThan(3_000)
  expect(rung.filter((key) => key % 100 === 0)).toHaveLength(1_000)
  alarms.dispose()
})
