import { expect, it } from 'vitest'
import { createFakeClock } from '../core/testing/fake-clock'
import { Alarm } from './alarm'

const HOUR_MS = 3_600_000

function rung() {
  const clock = createFakeClock()
  const began = clock.now()
  const at: number[] = []
  const alarm = new Alarm(clock, () => at.push(clock.now() - began))
  return { clock, alarm, at, setIn: (ms: number) => alarm.set(clock.now() + ms) }
}

it('an alarm rings once, at the earliest time it was set to', async () => {
  const { clock, at, setIn } = rung()
  setIn(5000)
  setIn(2500)
  setIn(4000)
  await clock.advance(HOUR_MS)
  expect(at).toEqual([2500])
  setIn(10)
  setIn(0)
  await clock.advance(HOUR_MS)
  expect(at).toEqual([2500, HOUR_MS])
})

it('an alarm that is cancelled never rings, and may be set again', async () => {
  const { clock, alarm, at, setIn } = rung()
  setIn(1500)
  alarm.cancel()
  await clock.advance(HOUR_MS)
  expect(at).toEqual([])
  setIn(1500)
  await clock.advance(HOUR_MS)
  expect(at).toEqual([HOUR_MS + 1500])
})

it('an alarm rings within a second of its time though the machine slept meanwhile', async () => {
  const { clock, at, setIn } = rung()
  setIn(2 * HOUR_MS)
  await clock.advance(500)
  clock.jump(1.5 * HOUR_MS)
  await clock.advance(0.4 * HOUR_MS)
  expect(at).toEqual([])
  clock.jump(HOUR_MS)
  await clock.advance(1000)
  expect(at).toHaveLength(1)
})
