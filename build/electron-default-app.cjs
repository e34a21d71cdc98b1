// What Electron runs when it is given a folder on the command line; official builds carry the same as
// `default_app.asar`. Honours `-r FILE` (Playwright's loader) and then loads the app in that folder.
'use strict'

const { app } = require('electron')
const { existsSync, readFileSync } = require('node:fs')
const Module = require('node:module')
const path = require('node:path')

const preloads = []
let target

// Read before anything is loaded: Playwright's loader shortens `process.argv`.
const args = process.argv.slice(1)
for (let index = 0; index < args.length; index++) {
  const arg = args[index]
  if (arg === '-r' || arg === '--require') preloads.push(args[++index])
  else if (!arg.startsWith('-')) {
    target = arg
    break
  }
}

if (!target) {
  process.stdout.write('Usage: electron [-r FILE] [options] FOLDER\n')
  app.exit(1)
} else {
  load(path.resolve(target))
}

function load(folder) {
  Object.defineProperty(process, 'defaultApp', { configurable: false, enumerable: true, value: true })
  const manifest = path.join(folder, 'package.json')
  let appPath = folder
  if (existsSync(manifest)) {
    const { name, productName, version, desktopName } = JSON.parse(readFileSync(manifest, 'utf8'))
    if (version) app.setVersion(version)
    if (productName ?? name) app.setName(productName ?? name)
    app.setDesktopName(desktopName ?? `${app.name}.desktop`)
  }
  try {
    const file = Module._resolveFilename(folder, null, true)
    if (!existsSync(manifest)) appPath = path.dirname(file)
    app.setAppPath(appPath)
    for (const preload of preloads) Module._load(preload, Module, true)
    Module._load(file, Module, true)
  } catch (error) {
    process.stderr.write(`${error.stack ?? error}\n`)
    app.exit(1)
  }
}
