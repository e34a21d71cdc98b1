import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { defineConfig } from 'vitest/config'

const tests = ['src', 'build']
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  )
  .filter((path) => /\.test\.tsx?$/.test(path))
  .map((path) => path.replaceAll(sep, '/'))
/** Tests of real parts, and those that put others in the place of modules or globals: each gets a process of its own. */
const apart = tests.filter(
  (path) =>
    path.includes('.integration.') || /vi\.(mock|hoisted|stubGlobal)\(/.test(readFileSync(path, 'utf8')),
)

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
      { extends: true, test: { name: 'apart', include: apart } },
      // They leave nothing behind in the modules that they import, so many run in one process, which reads these once.
      {
        extends: true,
        test: {
          name: 'together',
          include: ['{src,build}/**/*.test.{ts,tsx}'],
          exclude: apart,
          isolate: false,
        },
      },
    ],
  },
})
