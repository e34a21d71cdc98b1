import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { endWithReader } from '../../platform/pipes'
import { benchQueues, checkFormulas } from './bench-queues'
import { benchGraphs } from './static/bench-graphs'

// The entry of `npm run bench:schedule -- [CASEDIR]`: all that the schedulers are measured by, on the cases of a folder.
// It exits with 1 where what they find misses an aim; times are only told. The planner's budgets are CPU time: what else the
// machine does is no matter, but a slow core finds less in them.

function main(folder: string): number {
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  say(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}; ${folder}`)
  const wrong = [...benchGraphs(folder, say), ...checkFormulas(folder, say), ...benchQueues(folder, say)]
  for (const line of wrong) say(`WRONG   ${line}`)
  return wrong.length === 0 ? 0 : 1
}

endWithReader()
try {
  process.exitCode = main(resolve(process.argv[2] ?? join(__dirname, '..', '..', 'fixtures', 'cases')))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
