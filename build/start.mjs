// npm start: prepares what is missing and opens the window, or serves where there is no display.

import { hasDisplay } from './display.mjs'
import { prepareElectron } from './electron-runtime.mjs'
import { prepare } from './prepare.mjs'
import { attach, fail, root } from './process.mjs'
import { say } from './progress.mjs'

try {
  if (hasDisplay()) await openWindow()
  else {
    say('There is no display here (DISPLAY and WAYLAND_DISPLAY are empty): starting without a window.')
    say('The address to open in a browser follows. Ctrl+C ends it.')
    await import('./serve.mjs')
  }
} catch (error) {
  fail(error)
}

async function openWindow() {
  await prepare({ need: ['deps', 'system', 'build', 'electron'] })
  const { electronPath, distPath, switches } = await prepareElectron()
  const env = { ...process.env, ELECTRON_OVERRIDE_DIST_PATH: distPath }
  // Set in the terminals of some editors; it would turn Electron into a plain Node.
  delete env.ELECTRON_RUN_AS_NODE
  if (switches.includes('--no-sandbox'))
    say('Electron starts without its OS sandbox: this user or system has none.')
  process.exitCode = await attach(electronPath, [...switches, root, ...process.argv.slice(2)], { env })
}
