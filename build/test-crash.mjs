// npm run test:crash -- [--kills N] [--seed S]: kills the whole system N times (200) at random moments and checks after
// each that nothing acknowledged is lost. With --versions: 40 versions of a 100 MB file (4 GB of disk) instead.

import { parseArgs } from 'node:util'
import { prepare } from './prepare.mjs'
import { attach, fail, PrepareError } from './process.mjs'

try {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      versions: { type: 'boolean', default: false },
    },
  })
  for (const name of ['kills', 'seed']) {
    if (!/^\d{1,9}$/.test(values[name])) throw new PrepareError(`--${name} wants a whole number.`)
  }
  await prepare({ need: ['deps', 'build'] })
  const env = values.versions
    ? { CRASH_VERSIONS: '40', CRASH_VERSION_BYTES: '100000000' }
    : { CRASH_KILLS: values.kills, CRASH_SEED: values.seed }
  process.exitCode = await attach(
    process.execPath,
    [
      'node_modules/@playwright/test/cli.js',
      'test',
      `e2e/crash/${values.versions ? 'versions' : 'kills'}.spec.ts`,
    ],
    { env: { ...process.env, ...env } },
  )
} catch (error) {
  fail(error)
}
