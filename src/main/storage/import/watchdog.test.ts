import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Watchdog } from './watchdog'

it('lets live what has cost nothing, in whatever moment it looks', async () => {
  const watchdog = new Watchdog()
  // Its thread is there.
  await sleep(500)
  let begun = 0
  for (const end = Date.now() + 2_000; Date.now() < end; begun++) {
    watchdog.begin()
    watchdog.allow(1)
    watchdog.renew()
    watchdog.end()
  }
  await sleep(100)
  // It would have ended this process.
  expect(begun).toBeGreaterThan(1_000)
})
