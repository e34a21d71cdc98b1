// npm test: prepares everything, then the unit and integration tests (Vitest), then the real app
// (Playwright). Ends with one line, `N passed, N failed`.
//   npm test -- unit [arguments of vitest]      npm test -- e2e [arguments of playwright test]

import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasDisplay, startVirtualDisplay } from './display.mjs'
import { prepare } from './prepare.mjs'
import { attach, fail, root } from './process.mjs'
import { say } from './progress.mjs'

const [only, ...rest] = process.argv.slice(2)
const suites = { unit: runUnit, e2e: runEndToEnd }

try {
  if (only !== undefined && !(only in suites)) {
    throw new Error(`"${only}" is not a suite; there is ${Object.keys(suites).join(' and ')}.`)
  }
  await prepare({
    need: only === 'unit' ? ['deps', 'tools', 'build'] : ['deps', 'system', 'tools', 'build', 'electron'],
  })
  const total = { passed: 0, failed: 0 }
  for (const [name, run] of Object.entries(suites)) {
    if (only !== undefined && only !== name) continue
    const result = await run()
    total.passed += result.passed
    total.failed += result.failed
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`)
  process.exitCode = total.failed === 0 ? 0 : 1
} catch (error) {
  fail(error)
}

async function runUnit() {
  const report = await freshReport('vitest')
  say('\n== Unit and integration tests (vitest)')
  const code = await attach(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...rest,
  ])
  const { numPassedTests: passed, numFailedTests: failed } = await readReport(report, {
    numPassedTests: 0,
    numFailedTests: 0,
  })
  return judge('vitest', code, passed, failed)
}

async function runEndToEnd() {
  const report = await freshReport('playwright')
  say('\n== The real app (playwright)')
  const stopDisplay = hasDisplay() ? undefined : await startVirtualDisplay()
  try {
    const code = await attach(
      process.execPath,
      ['node_modules/@playwright/test/cli.js', 'test', '--reporter=list,json', ...rest],
      { env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_FILE: report } },
    )
    const { stats } = await readReport(report, { stats: { expected: 0, unexpected: 0, flaky: 0 } })
    return judge('playwright', code, stats.expected, stats.unexpected + stats.flaky)
  } finally {
    stopDisplay?.()
  }
}

async function freshReport(name) {
  const folder = join(root, 'test-results', 'reports')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${name}.json`)
  await rm(file, { force: true })
  return file
}

async function readReport(file, otherwise) {
  return JSON.parse(await readFile(file, 'utf8').catch(() => JSON.stringify(otherwise)))
}

/** A runner that fails without a failing test (an error outside of tests, none found) counts as one. */
function judge(name, code, passed, failed) {
  if (code === 0 || failed > 0) return { passed, failed }
  say(`${name} ended with code ${code} although no test failed; see above.`)
  return { passed, failed: 1 }
}
