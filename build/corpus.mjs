// npm run corpus -- DIR [--json]: what the importer says of every item of a folder with an index.json.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { fail, root } from './process.mjs'

await prepare({ need: ['deps', 'build'] }).catch(fail)
const entry = join(root, 'out', 'main', 'corpus.cjs')
const child = spawn(process.execPath, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
