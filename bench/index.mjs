// npm run bench [NAME...]: measures side by side within one run, and prints what is, with the machine it ran on.

import { prepare } from '../build/prepare.mjs'
import { fail } from '../build/process.mjs'

const NAMES = ['infer', 'jobs', 'import', 'window']

try {
  const asked = process.argv.slice(2)
  const wrong = asked.find((name) => !NAMES.includes(name))
  if (wrong) throw new Error(`There is no benchmark ${wrong}; there are ${NAMES.join(', ')}.`)
  await prepare({ need: ['deps', 'system', 'build', 'electron'] })
  const { machine } = await import('./support.mjs')
  process.stdout.write(`\n${machine()}\n`)
  for (const name of asked.length > 0 ? asked : NAMES) {
    const { run } = await import(`./${name}.mjs`)
    process.stdout.write(`\n${name}\n`)
    for (const [what, figure, goal] of await run()) {
      process.stdout.write(`  ${what.padEnd(58)} ${figure}${goal ? `   [aim: ${goal}]` : ''}\n`)
    }
  }
} catch (error) {
  fail(error)
}
