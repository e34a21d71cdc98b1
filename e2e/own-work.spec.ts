import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, expect, type Page, test } from '@playwright/test'
import { screenshots } from './support/desktop'
import { Shell } from './support/pages/shell'
import { Serve } from './support/serve'

test.describe.configure({ mode: 'serial', timeout: 180_000 })

const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome', chromium.executablePath()].find(
  (path) => existsSync(path),
)
// biome-ignore lint/suspicious/noSkippedTests: only where there is nothing to look with; browser.spec.ts says so
test.skip(!executablePath, 'no browser is installed here')

/** So many ended jobs are told of; see MOST_ENDED_LIVE. */
const LIVE = 2_000
/** The browser's clock is so far behind. */
const BEHIND_MS = 20 * 60_000

let browser: Browser
let context: BrowserContext
let page: Page
let serve: Serve
let key: string

test.beforeAll(async () => {
  test.setTimeout(180_000)
  if (!executablePath) return
  serve = await Serve.start()
  const { id } = (await serve.call('POST', '/principals', { kind: 'app', name: 'Ada', roles: ['app'] })).body
  key = (await serve.call('POST', `/principals/${id}/keys`, {})).body.key
  const actions = ['settings.read', 'device.read', 'lease.read', 'job.list', 'job.submit']
    .map((action) => `Action::"${action}"`)
    .join(', ')
  const text = `permit(principal == App::"${id}", action in [${actions}], resource);`
  await serve.call('PUT', '/policies/ada', { text, description: 'Works on her own' })
  const old = { kind: 'synthetic', name: 'Of last week', durationMs: 0, waitMs: 10_000 }
  await serve.call('POST', '/jobs', old, key)
  let left = LIVE
  const lane = async () => {
    while (left-- > 0) await serve.call('POST', '/jobs', { ...old, name: 'Of others' })
  }
  await Promise.all(Array.from({ length: 20 }, lane))
  const load = { kind: 'synthetic', durationMs: 600_000, name: 'Of others', need: { cpuCores: 1 } }
  await serve.call('POST', '/jobs', load)

  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'en-US' })
  await context.addInitScript((behindMs) => {
    const now = Date.now.bind(Date)
    Date.now = () => now() - behindMs
  }, BEHIND_MS)
  page = await context.newPage()
  await page.goto(serve.url)
  await page.getByText('API key', { exact: true }).click()
  await page.getByRole('textbox', { name: 'API key' }).fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
})
test.afterAll(async () => {
  await browser?.close()
  await serve?.dispose()
})

const shell = () => new Shell(page)
async function shoot(name: string): Promise<void> {
  await mkdir(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`), animations: 'disabled' })
}

test('one whose jobs are not among the last that ended sees them, and counts that are said to be of all', async () => {
  await shell().go('Jobs')
  const grid = page.getByRole('grid', { name: 'Jobs' })
  await expect(grid).toContainText('Of last week')
  await expect(grid).not.toContainText('Of others')
  await expect(shell().main).toContainText('Of all: 0 waiting · 1 running')
  await expect(shell().main).toContainText('1 older job loaded: these are all that are kept.')
  await shoot('own-jobs-light')
  await shell().setTheme('dark')
  await shell().command('切换到简体中文')
  await shoot('own-jobs-dark-zh')
  await shell().command('Switch to English')
  await shell().setTheme('light')
})

test('what others run is counted, and not said to be nothing where only their own is told', async () => {
  await shell().go('Overview')
  const running = shell().main.getByText('0 of them visible to you')
  await expect(running).toBeVisible()
  await expect(shell().main).toContainText('No job that you may see runs.')
  await shoot('own-overview-light')
  await shell().go('Devices')
  await expect(
    shell()
      .main.getByText(/1 of \d+ granted/)
      .first(),
  ).toBeVisible()
  await expect(shell().main.getByText(/^0 of \d+ granted/)).toHaveCount(0)
  await shoot('own-devices-light')
  await shell().setTheme('dark')
  await shoot('own-devices-dark')
  await shell().setTheme('light')
})

test('a browser whose clock is 20 minutes off has charts, and counts by the clock of the system', async () => {
  await shell().go('Devices')
  await expect(shell().main).not.toContainText('does not report its load')
  const { id } = (
    await serve.call('POST', '/jobs', { kind: 'synthetic', name: 'Mine', durationMs: 300_000 }, key)
  ).body
  await page.goto(`${serve.url}/#/jobs/${id}`)
  const detail = page.getByRole('complementary', { name: 'Job Mine' })
  await expect(detail).toContainText(/Ends in about [45] min/)
  await expect(page.getByRole('grid', { name: 'Jobs' })).toContainText('Of last week')
  await shoot('own-clock-light')
})
