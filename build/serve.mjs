// npm run serve: the same system without a window, in this process, so that signals reach it directly.
// Arguments are passed on. Progress goes to stderr; stdout belongs to the system.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { prepare } from './prepare.mjs'
import { fail, root } from './process.mjs'

const entry = join(root, 'out', 'main', 'headless.cjs')

// A signal during preparation ends it as usual; afterwards the system listens for itself.
await prepare({ need: ['deps', 'build'] }).catch(fail)
process.argv = [process.argv[0], entry, ...process.argv.slice(2)]
await import(pathToFileURL(entry).href)
