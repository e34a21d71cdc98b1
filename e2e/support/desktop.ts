import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CDPSession,
  type ElectronApplication,
  _electron as electron,
  expect,
  type Locator,
  type Page,
} from '@playwright/test'
import { findElectron } from '../../build/electron-runtime.mjs'
import { drop } from './drop'
import { Shell } from './pages/shell'
import { Serve } from './serve'
import { folderWithKey } from './with-key'

const root = join(import.meta.dirname, '..', '..')
/** Where a person can look at every page. */
export const screenshots = join(root, 'e2e', 'screenshots')

export type Theme = 'light' | 'dark'

/** The size of the window that the screenshots have. */
export const WINDOW = { width: 1360, height: 860 }

/** The real app in a real Electron on a data folder of its own. */
export class Desktop {
  #app: ElectronApplication | null = null
  #page: Page | null = null
  #cdp: CDPSession | null = null
  #problems: string[] = []

  private constructor(
    readonly dataDir: string,
    readonly calledBy: Serve | null,
  ) {}

  /** The first start: an empty data folder. */
  static async start(): Promise<Desktop> {
    return new Desktop(await mkdtemp(join(tmpdir(), 'llmagentos-')), null).#begin()
  }

  /** A data folder whose owner has a key, so that `api` calls the app as a program would. */
  static async startWithKey(): Promise<Desktop> {
    const dataDir = await mkdtemp(join(tmpdir(), 'llmagentos-'))
    await cp(folderWithKey(), dataDir, { recursive: true })
    return new Desktop(dataDir, Serve.on(dataDir)).#begin()
  }

  /** The same, filled through its API; then the window is loaded anew, as if all had been there before it. */
  static async startWith(fill: (api: Serve) => Promise<unknown>): Promise<Desktop> {
    const desktop = await Desktop.startWithKey()
    try {
      await fill(desktop.api)
      await desktop.page.reload()
      await desktop.#ready()
      return desktop
    } catch (error) {
      await desktop.dispose()
      throw error
    }
  }

  async #begin(): Promise<Desktop> {
    try {
      await this.launch()
      return this
    } catch (error) {
      await this.dispose()
      throw error
    }
  }

  async launch(): Promise<void> {
    const app = await electron.launch({ ...(await this.#command()), timeout: 60_000 })
    this.#app = app
    app.process().stderr?.on('data', (text) => {
      if (process.env['DEBUG_APP']) process.stderr.write(text)
    })
    // A refusal by the window's content security policy is a console error too.
    app.context().on('console', (message) => {
      if (message.type() === 'error') this.#problems.push(`console: ${message.text()}`)
    })
    app.context().on('weberror', (error) => this.#problems.push(`uncaught: ${error.error().stack}`))
    const page = await app.firstWindow({ timeout: 60_000 })
    this.#page = page
    this.#cdp = await page.context().newCDPSession(page)
    await this.#ready()
    if (this.calledBy) this.calledBy.url = await this.apiUrl()
  }

  /** Until the window is connected. */
  async #ready(): Promise<void> {
    await this.page.getByRole('contentinfo').getByText('API ').waitFor({ timeout: 60_000 })
  }

  async #command() {
    const found = await findElectron()
    if (!found) throw new Error('There is no Electron yet: run `npm test`, which prepares one.')
    const env: Record<string, string> = {
      ELECTRON_OVERRIDE_DIST_PATH: found.distPath,
      LLMAGENTOS_LOG: 'warn',
      LANG: 'en_US.UTF-8',
    }
    for (const [name, value] of Object.entries(process.env)) {
      if (value !== undefined && name !== 'ELECTRON_RUN_AS_NODE') env[name] ??= value
    }
    const args = [...found.switches, root, `--data-dir=${this.dataDir}`, '--lang=en-US']
    return { executablePath: found.electronPath, args, env }
  }

  get app(): ElectronApplication {
    if (!this.#app) throw new Error('not launched')
    return this.#app
  }

  get page(): Page {
    if (!this.#page) throw new Error('not launched')
    return this.#page
  }

  get shell(): Shell {
    return new Shell(this.page)
  }

  /** The system's API, called with the owner's key; for data that a test is not about. */
  get api(): Serve {
    if (!this.calledBy) throw new Error('no key: this app had its first start without one')
    return this.calledBy
  }

  /** Where the app says that its API is. */
  async apiUrl(): Promise<string> {
    const text = await this.page.getByRole('contentinfo').getByText(/^API /).textContent()
    return `http://${text?.replace(/^API /, '')}`
  }

  /** Console errors, uncaught errors and refusals of the content security policy since the last call. */
  takeProblems(): string[] {
    const problems = this.#problems
    this.#problems = []
    return problems
  }

  /** `kill -9` of the main process. */
  async kill(): Promise<void> {
    const child = this.app.process()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    this.#app = null
  }

  /** Closes the window as a person does; where that ends the app, waits until it has ended. */
  async closeWindow(): Promise<void> {
    const child = this.app.process()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await this.app.evaluate(({ app, BrowserWindow }) => {
      if (process.platform === 'darwin') app.quit()
      else BrowserWindow.getAllWindows()[0]?.close()
    })
    await ended
    this.#app = null
  }

  /** Closes the window, and starts the app as a person does while it has not ended. @returns the address of the new one's DevTools */
  async startWhileItCloses(): Promise<string> {
    const { executablePath, args, env } = await this.#command()
    const portFile = join(this.dataDir, 'window', 'DevToolsActivePort')
    const first = this.app.process()
    const closed = this.closeWindow()
    await expect.poll(() => this.#app?.windows()).toEqual([])
    const second = spawn(executablePath, ['--remote-debugging-port=0', ...args], { env, stdio: 'ignore' })
    await once(second, 'exit')
    expect(first.exitCode).toBeNull()
    // The one that has just ended wrote it too.
    await rm(portFile, { force: true })
    await closed
    await expect.poll(() => existsSync(portFile)).toBe(true)
    return `http://127.0.0.1:${(await readFile(portFile, 'utf8')).split('\n')[0]}`
  }

  async dispose(): Promise<void> {
    await this.#app?.close()
    this.#app = null
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  async drop(files: string[], target: Locator = this.page.locator('body')): Promise<void> {
    if (!this.#cdp) throw new Error('nothing to drop on')
    await drop(this.#cdp, files, target)
  }

  /** Saves what the window downloads next. @returns once the app listens, what tells its name and how it ended */
  async saveNextDownload(path: string): Promise<() => Promise<string>> {
    const download = await this.app.evaluateHandle(
      ({ session }, target) => ({
        end: new Promise<string>((resolve) => {
          session.defaultSession.once('will-download', (_event, item) => {
            item.setSavePath(target)
            item.once('done', (_done, state) => resolve(`${item.getFilename()} ${state}`))
          })
        }),
      }),
      path,
    )
    return () => download.evaluate(({ end }) => end)
  }

  async resize(size: { width: number; height: number }): Promise<void> {
    await this.app.evaluate(({ BrowserWindow }, { width, height }) => {
      BrowserWindow.getAllWindows()[0]?.setContentSize(width, height)
    }, size)
    await expect.poll(() => this.page.evaluate(() => window.innerWidth)).toBe(size.width)
  }

  /** Saves what the window shows, as large as it is on the screen, where `shoot` cuts off what is enlarged. */
  async shootWindow(name: string): Promise<void> {
    await mkdir(screenshots, { recursive: true })
    const png = await this.app.evaluate(async ({ BrowserWindow }) => {
      const picture = await BrowserWindow.getAllWindows()[0]?.webContents.capturePage()
      return picture?.toPNG().toString('base64') ?? ''
    })
    await writeFile(join(screenshots, `${name}.png`), Buffer.from(png, 'base64'))
  }

  /** Saves `e2e/screenshots/NAME.png`. */
  async shoot(name: string): Promise<void> {
    await mkdir(screenshots, { recursive: true })
    // Where it rests, a row would look chosen.
    await this.page.mouse.move(0, 0)
    await this.page.screenshot({ path: join(screenshots, `${name}.png`), animations: 'disabled' })
  }
}
