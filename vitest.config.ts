import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** They leave nothing behind in the modules that they import, so many of them run in one process, which reads these once. */
const PURE =
  '{src/main/{core,executors,network,platform,rpc,runtimes,security},src/shared,build}/**/!(*.integration).test.ts'

export default defineConfig({
  resolve: { alias: { '@shared': resolve(import.meta.dirname, 'src/shared') } },
  test: {
    environment: 'node',
    setupFiles: ['build/vitest-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Not a measure of speed: a machine that others use too may take its time, and what hangs, hangs for ever.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 40_000 } },
    // What passes only then is named at the end of `npm test`.
    retry: process.env.CI ? 1 : 0,
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: { name: 'apart', include: ['{src,build}/**/*.test.{ts,tsx}'], exclude: [PURE] },
      },
      { extends: true, test: { name: 'together', include: [PURE], isolate: false } },
    ],
  },
})
