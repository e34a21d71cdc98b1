// npm run check: every static check, one after the other. All of them run, so that one run shows all.

import { prepare } from './prepare.mjs'
import { attach, fail } from './process.mjs'
import { say } from './progress.mjs'

const projects = ['shared', 'node', 'web', 'both']

const checks = [
  ['Format and lint (biome)', 'node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings']],
  ...projects.map((name) => [
    `Types of ${name} (tsc)`,
    'node_modules/typescript/bin/tsc',
    ['--pretty', '-p', `tsconfig.${name}.json`],
  ]),
  [
    'Module boundaries (dependency-cruiser)',
    'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
    ['--config', 'dependency-cruiser.config.cjs', 'src'],
  ],
  ['Unused files, exports and packages (knip)', 'node_modules/knip/bin/knip.js', []],
]

await prepare({ need: ['deps'] }).catch(fail)

const failed = []
for (const [title, script, args] of checks) {
  say(`\n== ${title}`)
  const startedAt = performance.now()
  const code = await attach(process.execPath, [script, ...args])
  say(`   ${code === 0 ? 'ok' : 'FAILED'} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  if (code !== 0) failed.push(title)
}
say(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join('; ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
