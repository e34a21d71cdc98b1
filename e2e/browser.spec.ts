import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, expect, type Page, test } from '@playwright/test'
import { drop } from './support/drop'
import { ModelPage } from './support/pages/model-page'
import { Shell } from './support/pages/shell'
import { fixtures, Serve } from './support/serve'

test.setTimeout(120_000)

/** A browser of this machine, or Playwright's own where that is installed. */
const executablePath = ['/usr/bin/chromium', '/usr/bin/google-chrome', chromium.executablePath()].find(
  (path) => existsSync(path),
)
if (!executablePath) console.log('No browser is installed here; what a browser sees is not tested.')
// biome-ignore lint/suspicious/noSkippedTests: only where there is nothing to look with, and it says so
test.skip(!executablePath, 'no browser is installed here')

let browser: Browser
let serve: Serve
test.beforeAll(async () => {
  if (!executablePath) return
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  serve = await Serve.start()
})
test.afterAll(async () => {
  await browser?.close()
  await serve?.dispose()
})

/** A page of a person of its own: nobody is signed in. */
async function inBrowser(work: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'en-US' })
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text())
  })
  await work(page)
  // The socket was refused before the sign-in, and wrong keys are: a browser says both aloud.
  expect(problems.filter((problem) => !/401|WebSocket/.test(problem))).toEqual([])
  await context.close()
}

test('without a window: sign in from a browser with the key, see the machine, bring in a model', async () => {
  await inBrowser(async (page) => {
    await page.goto(serve.url)
    await expect(page.getByRole('heading', { name: 'LLMAgentOS' })).toBeVisible()
    await page.getByText('API key', { exact: true }).click()
    const key = page.getByRole('textbox', { name: 'API key' })
    await key.fill('lla_this-is-not-a-key-that-anybody-has')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('main')).toContainText(/key/i)
    await key.fill(serve.ownerKey)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const shell = new Shell(page)
    await expect(shell.title('Overview')).toBeVisible()
    await expect(shell.status).toContainText('Healthy')

    await page.getByRole('heading', { name: 'Bring in your first model' }).waitFor()
    await page.getByRole('button', { name: 'Import model' }).click()
    const chooser = page.waitForEvent('filechooser')
    const dialog = page.getByRole('dialog', { name: 'Import', exact: true })
    await dialog.getByRole('switch', { name: 'Show me name and family' }).uncheck()
    await dialog.getByRole('button', { name: 'Choose files…' }).click()
    await (await chooser).setFiles(join(fixtures, 'mnist_cnn.onnx'))
    await expect(shell.task('mnist_cnn.onnx')).toContainText('mnist-cnn version 1 is ready')
    await shell.task('mnist_cnn.onnx').getByRole('link').click()
    await expect(new ModelPage(page, 'mnist-cnn').title).toBeVisible()
  })
})

test('what is dropped on the next version of a model becomes that, whatever it is called; also a folder', async () => {
  await inBrowser(async (page) => {
    await serve.import(join(fixtures, 'mnist_cnn.onnx'))
    await page.goto(`${serve.url}/#/models/mnist-cnn`)
    await page.getByText('API key', { exact: true }).click()
    await page.getByRole('textbox', { name: 'API key' }).fill(serve.ownerKey)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const cdp = await page.context().newCDPSession(page)
    const model = new ModelPage(page, 'mnist-cnn')
    const next = (version: number) =>
      page.getByRole('button', { name: `Choose a file to add version ${version}` })
    await drop(cdp, [join(fixtures, 'silero_vad_v5.onnx')], next(2))
    await expect(model.versions.getByRole('listitem')).toHaveText([/Version 2/, /Version 1/])
    await drop(cdp, [join(fixtures, 'basic-pitch')], next(3))
    await expect(model.versions.getByRole('listitem')).toHaveCount(3)
  })
})

test('after a sign-out nothing of one person is left for the next, not even what lies over the page', async () => {
  await inBrowser(async (page) => {
    const signIn = async (key: string) => {
      await page.getByText('API key', { exact: true }).click()
      await page.getByRole('textbox', { name: 'API key' }).fill(key)
      await page.getByRole('button', { name: 'Sign in' }).click()
    }
    const shell = new Shell(page)
    await page.goto(serve.url)
    await signIn(serve.ownerKey)
    await shell.go('Access')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()

    await page.evaluate(() => fetch('/session', { method: 'DELETE' }))
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
    await expect(page.getByRole('dialog')).toHaveCount(0)
    const loadedAnew = page.waitForEvent('load', { timeout: 30_000 })
    await signIn(serve.ownerKey)
    await loadedAnew
    await expect(shell.title('Access')).toBeVisible()
  })
})

test('a password is offered, not demanded; a viewer sets it, and signs in with it', async () => {
  await inBrowser(async (page) => {
    const { id } = (
      await serve.call('POST', '/principals', { kind: 'user', name: 'Marie Curie', roles: ['viewer'] })
    ).body
    const { key } = (await serve.call('POST', `/principals/${id}/keys`, {})).body
    const shell = new Shell(page)
    await page.goto(serve.url)
    await page.getByText('API key', { exact: true }).click()
    await page.getByRole('textbox', { name: 'API key' }).fill(key)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await shell.go('Settings')
    const account = page.getByRole('region', { name: 'Your password' })
    await expect(account).toContainText('You have none')
    await account.getByRole('textbox', { name: 'New password' }).fill('radium and polonium')
    await account.getByRole('textbox', { name: 'Once more' }).fill('radium and polonium')
    await account.getByRole('button', { name: 'Set password' }).click()
    await expect(account).toContainText('You can sign in from a browser as Marie Curie.')

    await expect(page.getByRole('switch', { name: 'REST API' })).toBeDisabled()
    for (const [where, what] of [
      ['Models', 'Import model'],
      ['Devices', 'Declare a device'],
      ['Access', 'Add app'],
    ] as const) {
      await shell.go(where)
      const button = page.getByRole('button', { name: what }).first()
      await expect(button).toBeDisabled()
      await expect(button).toHaveAttribute('title', /no right/)
    }

    await shell.go('Settings')
    await page.context().clearCookies()
    await page.reload()
    await page.getByRole('textbox', { name: 'Name' }).fill('Marie Curie')
    await page.getByRole('textbox', { name: 'Password' }).fill('radium and polonium')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(shell.title('Settings')).toBeVisible()

    const set = (of: string, body: object, by: string) =>
      serve.call('PUT', `/principals/${of}/password`, body, by)
    const wrong = { status: 401, body: { error: { code: 'security.wrong_password' } } }
    const denied = { status: 403, body: { error: { code: 'security.denied' } } }
    expect(await set(id, { password: 'without the old one' }, key)).toMatchObject(wrong)
    const owner = (await serve.call('GET', '/me')).body.id
    expect(await set(owner, { password: 'not my own one' }, key)).toMatchObject(denied)
    expect((await set(id, { password: 'forgotten, so anew' }, serve.ownerKey)).status).toBe(204)
  })
})
