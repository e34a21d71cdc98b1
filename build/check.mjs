// npm run check: every static check, as many at a time as there are cores. All of them run, so that one run shows all.

import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { prepare } from './prepare.mjs'
import { fail, root } from './process.mjs'
import { say } from './progress.mjs'

/** Those that take longest first. */
const projects = ['web', 'node', 'both', 'shared']

const checks = [
  ...projects.map((name) => [
    `Types of ${name} (tsc)`,
    'node_modules/typescript/bin/tsc',
    ['--pretty', '-p', `tsconfig.${name}.json`],
  ]),
  ['Format and lint (biome)', 'node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings']],
  [
    'Module boundaries (dependency-cruiser)',
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    ['--config', 'dependency-cruiser.config.cjs', 'src'],
  ],
  ['Unused files, exports and packages (knip)', 'node_modules/knip/bin/knip.js', []],
]

await prepare({ need: ['deps'] }).catch(fail)

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']

const failed = []
const left = [...checks]
await Promise.all(Array.from({ length: availableParallelism() }, checkOneByOne)).catch(fail)
say(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join('; ')}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** Takes one check after the other until none is left. */
async function checkOneByOne() {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [title, script, args] = next
    const startedAt = performance.now()
    const { code, output } = await outcomeOf(script, args)
    const took = `${code === 0 ? 'ok' : 'FAILED'} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`
    // At once, so that what two of them say does not mingle.
    say(`\n== ${title}\n${output}   ${took}`)
    if (code !== 0) failed.push(title)
  }
}

/** Runs a script in Node. @returns its exit code and all that it printed */
function outcomeOf(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    const forward = (signal) => {
      left.length = 0
      child.kill(signal)
    }
    for (const signal of signals) process.on(signal, forward)
    child.once('error', reject)
    child.once('close', (code) => {
      for (const signal of signals) process.off(signal, forward)
      resolve({ code, output })
    })
  })
}
