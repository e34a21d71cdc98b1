import { expect, it } from 'vitest'
import { LastHour } from './last-hour'

const MINUTE_MS = 60_000

it('counts what ended in the last 60 minutes, whether anybody asks or not', () => {
  const hour = new LastHour()
  for (let minute = 0; minute < 200; minute++) hour.add('succeeded', 1_000, minute * MINUTE_MS)
  // Nobody asked for a view yet, and an old time asks for all that is kept.
  expect(hour.view(0)).toMatchObject({ succeeded: 60 })
  expect(hour.view(199 * MINUTE_MS)).toMatchObject({ succeeded: 60, failed: 0, cancelled: 0 })
  expect(hour.view(259 * MINUTE_MS)).toMatchObject({ succeeded: 0, medianWaitMs: null })
})
