// npm test: prepares everything, then the unit and integration tests (Vitest), then the real app
// (Playwright). Ends with one line, `N passed, N failed`. In CI a test that fails is tried once more; one that then
// passes is named as unsteady and does not fail the run, unless it is a property that found a counterexample.
//   npm test -- unit [arguments of vitest]      npm test -- e2e [arguments of playwright test]

import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
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
  let passed = 0
  const failures = []
  const unsteady = []
  for (const [name, run] of Object.entries(suites)) {
    if (only !== undefined && only !== name) continue
    const result = await run()
    passed += result.passed
    failures.push(...result.failures)
    unsteady.push(...result.unsteady)
  }
  // Again at the end: a log of thousands of lines is often kept by its last ones.
  for (const { test, message } of unsteady) process.stdout.write(`\nUNSTEADY ${test}\n${message}\n`)
  for (const { test, message } of failures) process.stdout.write(`\nFAILED ${test}\n${message}\n`)
  process.stdout.write(`\n${passed} passed, ${failures.length} failed\n`)
  process.exitCode = failures.length === 0 ? 0 : 1
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
  const { testResults } = await readReport(report, { testResults: [] })
  const outcome = { passed: 0, failures: [], unsteady: [] }
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(root, name)
    for (const { fullName, status, failureMessages } of assertionResults) {
      const messages = failureMessages.join('\n')
      if (status === 'failed' || status === 'passed')
        sort(outcome, { test: `${file} › ${fullName}`, passed: status === 'passed', messages })
    }
    const silent = assertionResults.every((result) => result.status !== 'failed')
    if (status === 'failed' && silent) outcome.failures.push({ test: file, message: brief(message) })
  }
  return judge('vitest', code, outcome)
}

async function runEndToEnd() {
  const report = await freshReport('playwright')
  say('\n== The real app (playwright)')
  const displays = hasDisplay() ? [] : await Promise.all([startVirtualDisplay(), startVirtualDisplay()])
  try {
    const code = await attach(
      process.execPath,
      ['node_modules/@playwright/test/cli.js', 'test', '--reporter=list,json', ...rest],
      {
        env: {
          ...process.env,
          PLAYWRIGHT_JSON_OUTPUT_FILE: report,
          ...(displays.length > 0 && { E2E_DISPLAYS: displays.map(({ display }) => display).join(' ') }),
        },
      },
    )
    const { suites, errors } = await readReport(report, { suites: [], errors: [] })
    const outcome = { passed: 0, failures: [], unsteady: [] }
    for (const { file, line, title, tests } of suites.flatMap(specsOf)) {
      for (const { status, results } of tests) {
        const messages = results.flatMap(({ errors }) => errors.map(({ message }) => message)).join('\n')
        if (status !== 'skipped')
          sort(outcome, { test: `${file}:${line} › ${title}`, passed: status !== 'unexpected', messages })
      }
    }
    for (const { message } of errors) outcome.failures.push({ test: 'playwright', message: brief(message) })
    return judge('playwright', code, outcome)
  } finally {
    for (const { stop } of displays) stop()
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

/** The specs of a suite of Playwright's report, and of those inside it. */
function specsOf({ specs, suites = [] }) {
  return [...specs, ...suites.flatMap(specsOf)]
}

/**
 * Adds a test to what it is: passed, failed, or unsteady (it failed first). A property that found a counterexample has
 * failed, whatever the second try says: that one draws other values.
 */
function sort(outcome, { test, passed, messages }) {
  const failed = !passed || messages.includes('Property failed after')
  if (failed) outcome.failures.push({ test, message: brief(messages) })
  else outcome.passed += 1
  if (!failed && messages !== '') outcome.unsteady.push({ test, message: brief(messages) })
}

/** The first lines, without the colours of a terminal. */
function brief(message) {
  return stripVTControlCharacters(message ?? '')
    .split('\n')
    .slice(0, 20)
    .map((line) => `  ${line}`)
    .join('\n')
}

/** A runner that fails without a failing test (an error outside of tests, none found) counts as one. */
function judge(name, code, outcome) {
  if (code === 0 || outcome.failures.length > 0) return outcome
  const message = `  It ended with code ${code} although no test failed.`
  return { ...outcome, failures: [{ test: name, message }] }
}
