// npm run test:crash -- [--work storage|compute] [--focus F] [--kills N] [--seed S]: kills the whole system at random moments,
// 200 times at work on models and data, 500 times at work on jobs, pipelines, leases and quotas, and checks after each that
// nothing acknowledged is lost. --focus: always in the middle of one thing, such as preemption. With --versions: 40 versions
// of a 100 MB file (4 GB of disk) instead.

import { parseArgs } from 'node:util'
import { prepare } from './prepare.mjs'
import { attach, fail, PrepareError } from './process.mjs'

try {
  const { values } = parseArgs({
    options: {
      work: { type: 'string', default: 'storage,compute' },
      focus: { type: 'string' },
      kills: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      versions: { type: 'boolean', default: false },
    },
  })
  for (const name of ['kills', 'seed']) {
    if (values[name] !== undefined && !/^\d{1,9}$/.test(values[name]))
      throw new PrepareError(`--${name} wants a whole number.`)
  }
  if (!/^(storage|compute|storage,compute)$/.test(values.work))
    throw new PrepareError('--work wants storage or compute.')
  await prepare({ need: ['deps', 'build'] })
  const env = values.versions
    ? { CRASH_VERSIONS: '40', CRASH_VERSION_BYTES: '100000000' }
    : {
        CRASH_WORK: values.work,
        CRASH_KILLS_STORAGE: values.kills ?? '200',
        CRASH_KILLS_COMPUTE: values.kills ?? '500',
        CRASH_SEED: values.seed,
        ...(values.focus && { CRASH_FOCUS: values.focus }),
      }
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
