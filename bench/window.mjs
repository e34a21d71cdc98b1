import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { _electron as electron } from '@playwright/test'
import { hasDisplay, startVirtualDisplay } from '../build/display.mjs'
import { findElectron } from '../build/electron-runtime.mjs'
import { queueTable } from './queue-table.mjs'
import { memoryOf, percentile, root, temporaryFolder } from './support.mjs'

const ROUNDS = 5
const IDLE_MS = 5000

const EMPTY_APP = `const { app, BrowserWindow } = require('electron')
app.setPath('userData', __dirname + '/data')
app.whenReady().then(() => { new BrowserWindow({ width: 1360, height: 860 }).loadURL('data:text/html,<nav>ready</nav>') })`

/** From launch to a window that shows its navigation, and the memory of all its processes at rest, against an empty window. */
export async function run() {
  const found = await findElectron()
  if (!found) return [['window', 'not measured: no Electron; `npm start` prepares one', '']]
  const screen = hasDisplay() ? null : await startVirtualDisplay()
  if (screen) process.env.DISPLAY = screen.display
  const empty = await temporaryFolder()
  try {
    await writeFile(join(empty.path, 'package.json'), '{"name":"empty","main":"main.cjs"}')
    await writeFile(join(empty.path, 'main.cjs'), EMPTY_APP)
    const ours = { readyMs: [], memory: 0 }
    const bare = { readyMs: [], memory: 0 }
    // Turn and turn about, so that the machine's moods meet both.
    for (let round = 0; round < ROUNDS; round++) {
      const data = await temporaryFolder()
      await launch(found, [root, `--data-dir=${data.path}`], ours, round === ROUNDS - 1)
      await data.dispose()
      await launch(found, [empty.path], bare, round === ROUNDS - 1)
    }
    const [a, b] = [percentile(ours.readyMs, 0.5), percentile(bare.readyMs, 0.5)]
    return [
      [
        'window ready after launch, p50',
        `${a.toFixed(0)} ms (empty window ${b.toFixed(0)} ms, ${(a / b).toFixed(2)} times)`,
        '',
      ],
      [
        'memory at rest, all processes',
        `${mb(ours.memory)} (empty window ${mb(bare.memory)}, ${(ours.memory / bare.memory).toFixed(2)} times)`,
        '',
      ],
      ...(await queueTable(found)),
    ]
  } finally {
    await empty.dispose()
    screen?.stop()
  }
}

async function launch(found, args, record, measureMemory) {
  const env = { ...process.env, ELECTRON_OVERRIDE_DIST_PATH: found.distPath, LLMAGENTOS_LOG: 'error' }
  delete env.ELECTRON_RUN_AS_NODE
  const start = performance.now()
  const app = await electron.launch({
    executablePath: found.electronPath,
    args: [...found.switches, ...args],
    env,
  })
  const page = await app.firstWindow()
  await page.locator('nav').first().waitFor()
  record.readyMs.push(performance.now() - start)
  if (measureMemory) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    record.memory = memoryOfTree(app.process().pid)
  }
  await app.close()
}

/** The sum of resident memory of a process and all below it; shared pages count once for each. */
function memoryOfTree(pid) {
  const children = new Map()
  for (const line of execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')) {
    const [child, parent] = line.trim().split(/\s+/).map(Number)
    children.set(parent, [...(children.get(parent) ?? []), child])
  }
  const sum = (id) =>
    (memoryOf(id).now || 0) + (children.get(id) ?? []).reduce((total, child) => total + sum(child), 0)
  return sum(pid)
}

function mb(bytes) {
  return `${Math.round(bytes / 1e6)} MB`
}
