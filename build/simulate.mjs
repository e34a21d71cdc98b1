// npm run simulate -- WORKLOAD.json [--policy P] [--devices D.json] [--json]: a workload through the scheduler, on a virtual clock.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { fail, root } from './process.mjs'

await prepare({ need: ['deps', 'build'] }).catch(fail)
const entry = join(root, 'out', 'main', 'simulate.cjs')
const child = spawn(process.execPath, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
