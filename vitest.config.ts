import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { alias: { '@shared': resolve(import.meta.dirname, 'src/shared') } },
  test: {
    include: ['{src,build}/**/*.{test,integration.test}.{ts,tsx}'],
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
  },
})
