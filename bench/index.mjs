// npm run bench -- [NAME...] [--large]: measures side by side within one run, and prints what is, with the machine it ran
// on and the aim beside it. --large: also what takes 35 GB of disk. --install: as root on Debian,
// installs the queues it compares with where they are not there.

import { prepare } from '../build/prepare.mjs'
import { fail } from '../build/process.mjs'

const NAMES = [
  'infer',
  'jobs',
  'queue',
  'batching',
  'throughput',
  'import',
  'metadata',
  'python',
  'llama',
  'preemption',
  'engines',
  'dedup',
  'window',
]

const OPTIONS = ['--large', '--install']

// As the workers that it is measured against: no reports to its maker.
process.env.ORT_DISABLE_TELEMETRY = '1'

try {
  const large = process.argv.includes('--large')
  const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
  const wrong = process.argv.slice(2).find((argument) => ![...NAMES, ...OPTIONS].includes(argument))
  if (wrong)
    throw new Error(`There is no ${wrong}; there are ${NAMES.join(', ')}, and ${OPTIONS.join(', ')}.`)
  await prepare({ need: ['deps', 'system', 'build', 'electron'] })
  const { machine } = await import('./support.mjs')
  process.stdout.write(`\n${machine()}\n`)
  for (const name of asked.length > 0 ? asked : NAMES) {
    const { run } = await import(`./${name}.mjs`)
    process.stdout.write(`\n${name}\n`)
    for (const [what, figure, goal] of await run({ large })) {
      process.stdout.write(`  ${what.padEnd(58)} ${figure}${goal ? `   [aim: ${goal}]` : ''}\n`)
    }
  }
} catch (error) {
  fail(error)
}
