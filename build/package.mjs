// npm run package: the installers for this system, in dist/. Arguments go to electron-builder, which
// downloads the official Electron itself.

import { prepare } from './prepare.mjs'
import { attach, fail } from './process.mjs'

await prepare({ need: ['deps', 'build'] }).catch(fail)
process.exitCode = await attach(process.execPath, [
  'node_modules/electron-builder/cli.js',
  '--config',
  'build/electron-builder.yml',
  '--publish',
  'never',
  ...process.argv.slice(2),
])
