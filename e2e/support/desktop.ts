import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CDPSession, type ElectronApplication, _electron as electron, type Locator, type Page } from '@playwright/test'
import { findElectron } from '../../build/electron-runtime.mjs'

const root = join(import.meta.dirname, '..', '..')
/** Where a person can look at every page. */
export const screenshots = join(root, 'e2e', 'screenshots')

/** The real app in a real Electron on a data folder of its own. */
export class Desktop {
  #app: ElectronApplication | null = null
  #page: Page | null = null
  #cdp: CDPSession | null = null

  private constructor(readonly dataDir: string) {}

  static async start(): Promise<Desktop> {
    const desktop = new Desktop(await mkdtemp(join(tmpdir(), 'llmagentos-')))
    await desktop.launch()
    return desktop
  }

  async launch(): Promise<void> {
    const found = await findElectron()
    if (!found) throw new Error('There is no Electron yet: run `npm test`, which prepares one.')
    const env: Record<string, string> = { ELECTRON_OVERRIDE_DIST_PATH: found.distPath, LLMAGENTOS_LOG: 'warn', LANG: 'en_US.UTF-8' }
    for (const [name, value] of Object.entries(process.env)) if (value !== undefined && name !== 'ELECTRON_RUN_AS_NODE') env[name] ??= value
    this.#app = await electron.launch({
      executablePath: found.electronPath,
      args: [...found.switches, root, `--data-dir=${this.dataDir}`, '--lang=en-US'],
      env,
    })
    this.#app.process().stderr?.on('data', (text) => {
      if (process.env.DEBUG_APP) process.stderr.write(text)
    })
    this.#page = await this.#app.firstWindow()
    this.#cdp = await this.#page.context().newCDPSession(this.#page)
    await this.page.getByRole('navigation').waitFor()
  }

  get app(): ElectronApplication {
    if (!this.#app) throw new Error('not launched')
    return this.#app
  }

  get page(): Page {
    if (!this.#page) throw new Error('not launched')
    return this.#page
  }

  /** `kill -9` of the main process. */
  async kill(): Promise<void> {
    const child = this.app.process()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  async close(): Promise<void> {
    await this.#app?.close()
    this.#app = null
  }

  async dispose(): Promise<void> {
    await this.#app?.close().catch(() => undefined) // already dead in the tests that kill it
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }

  /** Drops real files or folders as a file manager does, path and all. */
  async drop(files: string[], target: Locator = this.page.locator('body')): Promise<void> {
    const box = await target.boundingBox()
    if (!box || !this.#cdp) throw new Error('nothing to drop on')
    const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
    const data = { items: [], files, dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await this.#cdp.send('Input.dispatchDragEvent', { type, ...at, data })
  }

  async go(name: string): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name: new RegExp(`^${name}`) }).click()
    await this.page.getByRole('heading', { level: 1, name }).waitFor()
  }

  /** Saves `NAME-THEME.png` for both themes. */
  async shoot(name: string): Promise<void> {
    await mkdir(screenshots, { recursive: true })
    for (const theme of ['light', 'dark'] as const) {
      await this.page.evaluate((value) => document.documentElement.setAttribute('data-mantine-color-scheme', value), theme)
      await this.page.screenshot({ path: join(screenshots, `${name}-${theme}.png`) })
    }
  }
}
