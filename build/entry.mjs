// npm run corpus | schedule | simulate | bench:schedule: builds what is not built, then runs one entry of out/main with the rest
// of the arguments. The entries are named in electron.vite.config.ts.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { fail, root } from './process.mjs'

const [name, ...args] = process.argv.slice(2)
await prepare({ need: ['deps', 'build'] }).catch(fail)
const child = spawn(process.execPath, [join(root, 'out', 'main', `${name}.cjs`), ...args], {
  stdio: 'inherit',
  // npm runs this in the root; paths are meant from where the person stands.
  cwd: process.env.INIT_CWD,
})
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
