import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { app, BrowserWindow, dialog } from 'electron'
import { AppError } from '../shared/errors'
import { setMenu } from './platform/electron/menu'
import type { WindowPlace } from './platform/electron/place'
import { reloadWhenGone } from './platform/electron/reload'
import { openTray } from './platform/electron/tray'
import { onWindowPort, openWindow, registerAppScheme, serveWindow } from './platform/electron/window'
import { writeFileAtomic } from './platform/files'
import { defaultDataDir } from './platform/folders'
import { createLogger, type Logger } from './platform/logger'
import { ownerName } from './platform/owner-name'
import { createSystem, type System } from './system'

// Chromium reads only `--data-dir=DIR`; with a blank it would be the folder of every day that opens.
const { values: options } = parseArgs({
  args: process.argv.slice(1),
  options: { 'data-dir': { type: 'string' } },
  strict: false,
})
const chosenDir = options['data-dir']
const dataDir = resolve(typeof chosenDir === 'string' && chosenDir ? chosenDir : defaultDataDir())
const logger = createLogger()
const preload = join(__dirname, '..', 'preload', 'index.cjs')
const rendererDir = join(__dirname, '..', 'renderer')
const resourcesDir = join(app.isPackaged ? process.resourcesPath : join(__dirname, '..', '..'), 'resources')
const icon = join(resourcesDir, 'icon.png')

// Chromium's own files (cache, window storage) lie beside our data, so that two data folders are two apps.
app.setPath('userData', join(dataDir, 'window'))
registerAppScheme()

if (app.requestSingleInstanceLock({ args: process.argv.slice(1) } satisfies Start)) void run()
else app.quit()

/** What a second start tells the first. */
interface Start {
  args: string[]
}

let placeSaved: Promise<void> = Promise.resolve()
let isStopping = false

async function run(): Promise<void> {
  let hasTray = false
  // The window's process and the system start side by side.
  const creating = createSystem({
    dataDir,
    ownerName: ownerName(),
    logger,
    workersDir: join(__dirname, 'workers'),
    resourcesDir,
    rendererDir,
    electronVersion: process.versions.electron,
    // On macOS an app stays without a window anyway.
    canStayInTray: () => hasTray && process.platform !== 'darwin',
  })
  creating.catch(() => undefined) // reported below, once a dialog can be shown
  await app.whenReady()
  let system: System
  try {
    system = await creating
    stopWithApp(system, logger)
    setMenu()
    serveWindow(rendererDir, (request) => system.windowDownload(request))
    // Starting blocks this thread for a moment, and this thread serves the window's files: the window comes first.
    // Whoever quits before ends it: what stops does not start any more.
    const started = loaded(show()).then(() =>
      isStopping ? new Promise<never>(() => undefined) : system.start(),
    )
    onWindowPort((port) => {
      started.then(
        () => system.connectWindow(port),
        () => undefined, // reported below
      )
    })
    await started
    const { compute } = system
    hasTray = openTray({
      icon,
      logger,
      counts() {
        const { running = 0, queued = 0 } = compute.queue().byState
        return { running, queued }
      },
      onDidChange: compute.onDidChangeJobs,
      onShow: reveal,
      onQuit: () => app.quit(),
    })
  } catch (error) {
    if (!isStopping) reportAndQuit(error)
  }
}

function show(): BrowserWindow {
  const window = openWindow(preload, icon, readPlace())
  reloadWhenGone(window, logger)
  window.on('close', () => {
    placeSaved = savePlace(window)
  })
  return window
}

/** The window to the front; a new one where it was closed. */
function reveal(): void {
  const [window] = BrowserWindow.getAllWindows()
  if (!window) {
    show()
    return
  }
  if (window.isMinimized()) window.restore()
  window.focus()
}

/** Resolves when the window has what it shows, or has failed to get it. */
function loaded(window: BrowserWindow): Promise<void> {
  return new Promise((resolve) => {
    window.webContents.once('did-finish-load', () => resolve())
    window.webContents.once('did-fail-load', () => resolve())
    window.once('closed', () => resolve())
  })
}

/**
 * Closing the window ends the app, except on macOS or where a person wants it to go on in the tray; running work is given
 * time, what is left goes on at the next start.
 */
function stopWithApp(system: System, log: Logger): void {
  app.on('window-all-closed', () => {
    const { canStayInTray } = system.about.info()
    if (process.platform === 'darwin' || (canStayInTray && system.about.settings().staysInTray)) return
    app.quit()
  })
  let stopped = false
  const revealIfRunning = () => {
    if (!isStopping) reveal()
  }
  app.on('second-instance', revealIfRunning)
  app.on('activate', revealIfRunning)
  app.on('before-quit', (event) => {
    if (stopped) return
    event.preventDefault()
    if (isStopping) return
    isStopping = true
    followSecondStart()
    // As when the window is closed first: nobody looks at what no longer answers.
    for (const window of BrowserWindow.getAllWindows()) {
      placeSaved = savePlace(window)
      window.destroy()
    }
    void system
      .stop()
      .catch((error: unknown) => log.error({ err: error }, 'stopping failed'))
      .then(() => placeSaved)
      .finally(() => {
        stopped = true
        app.quit()
      })
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => app.quit())
}

/** A start while this app stops has found it still there and ended: it is done again when this one is gone. */
function followSecondStart(): void {
  // What runs inside an AppImage cannot start it anew: https://github.com/electron-userland/electron-builder/issues/1727
  const execPath = process.env['APPIMAGE'] ?? process.execPath
  app.once('second-instance', (_event, _argv, _directory, start) =>
    app.relaunch({ execPath, args: (start as Start).args }),
  )
}

function reportAndQuit(error: unknown): void {
  logger.error({ err: error }, 'could not start')
  const message =
    error instanceof AppError ? error.message : 'LLMAgentOS could not start. The log has the details.'
  dialog.showErrorBox('LLMAgentOS', message)
  app.exit(1)
}

function placeFile(): string {
  return join(dataDir, 'window-place.json')
}

function readPlace(): WindowPlace {
  const usual: WindowPlace = { width: 1360, height: 860 }
  try {
    const saved = JSON.parse(readFileSync(placeFile(), 'utf8')) as Partial<WindowPlace>
    return Number.isFinite(saved.width) && Number.isFinite(saved.height) ? { ...usual, ...saved } : usual
  } catch {
    return usual // the first start, or a file that is no JSON
  }
}

function savePlace(window: BrowserWindow): Promise<void> {
  const place: WindowPlace = { ...window.getNormalBounds(), maximized: window.isMaximized() }
  return writeFileAtomic(placeFile(), JSON.stringify(place)).catch((error: unknown) =>
    logger.warn({ err: error }, 'window place not saved'),
  )
}
