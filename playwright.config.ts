import { defineConfig } from '@playwright/test'

/** Virtual ones, each for one app at a time: on a screen that a person looks at two would take the focus from each other. */
const displays = process.env.E2E_DISPLAYS?.split(' ') ?? []
const mine = displays[Number(process.env.TEST_PARALLEL_INDEX)]
if (mine !== undefined) process.env.DISPLAY = mine

// A Python that is not there is tried out in no time, where loading torch takes seconds of every start; `withPython` lets a
// file have the machine's own.
process.env.LLMAGENTOS_PYTHON ??= '/nonexistent/python3'

export default defineConfig({
  testDir: 'e2e',
  testMatch: '**/*.spec.ts',
  globalSetup: './e2e/support/with-key.ts',
  outputDir: 'test-results/e2e',
  workers: Math.max(1, displays.length),
  fullyParallel: false,
  // What passes only then is named at the end of `npm test`.
  retries: process.env.CI ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 30_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list']],
  use: { trace: 'retain-on-failure', screenshot: 'only-on-failure' },
})
