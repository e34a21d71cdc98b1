import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'

const app = appForFile()
const LEAST_MS_BETWEEN = 10_000

/** `kill -9` of the window's process; resolves when its page is there again. Playwright gives up a page that has crashed. */
function killRenderer(): Promise<void> {
  return app().app.evaluate(async ({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents
    if (!contents) throw new Error('There is no window.')
    const again = new Promise<void>((resolve) => contents.once('did-finish-load', () => resolve()))
    process.kill(contents.getOSProcessId(), 'SIGKILL')
    await again
  })
}

const textOfWindow = () =>
  app().app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.body.innerText'),
  )

test('kill -9 of the window: its page comes again, connected, and not without end when it dies again', async () => {
  const before = Date.now()
  await killRenderer()
  await expect.poll(textOfWindow).toMatch(/API 127\.0\.0\.1:\d/)
  await killRenderer()
  expect(Date.now() - before).toBeGreaterThanOrEqual(LEAST_MS_BETWEEN)
  await expect.poll(textOfWindow).toMatch(/API 127\.0\.0\.1:\d/)
})
