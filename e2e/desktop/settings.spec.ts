import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'

const app = appForFile(async () => {
  const desktop = await Desktop.startWithKey()
  await desktop.resize(WINDOW)
  return desktop
})

test('protocols are switched by keyboard, and who is connected is shown', async () => {
  const { page, shell, api } = app()
  const statusOf = async (path: string) => (await api.call('GET', path)).status
  expect(await statusOf('/devices')).toBe(200)
  await shell.go('Settings')
  const panel = page.getByRole('region', { name: 'Connections' })
  const rest = panel.getByRole('switch', { name: 'REST API' })
  await expect(rest).toBeChecked()
  await expect(panel.getByRole('listitem')).toContainText(/calls? over REST/)
  for (const theme of ['light', 'dark'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`settings-connections-${theme}`)
  }

  await rest.focus()
  await page.keyboard.press('Space')
  await expect(shell.status).toContainText('API off')
  await expect(rest).not.toBeChecked()
  expect(await statusOf('/devices')).toBe(404)
  await app().shoot('settings-connections-off')
  await page.keyboard.press('Space')
  await expect(rest).toBeChecked()
  await expect(shell.status).toContainText('API 127.0.0.1')
  expect(await statusOf('/devices')).toBe(200)
})

test('a program that has switched REST off switches it on again', async () => {
  const { api } = app()
  expect((await api.call('PATCH', '/endpoints/rest', { enabled: false })).status).toBe(200)
  expect((await api.call('GET', '/health')).status).toBe(200)
  expect((await api.call('GET', '/devices')).status).toBe(404)
  expect((await api.call('PATCH', '/endpoints/rest', { enabled: true })).status).toBe(200)
  expect((await api.call('GET', '/devices')).status).toBe(200)
})

test('a setting that is saved by its button gives the focus back to its field', async () => {
  const { page, shell } = app()
  await shell.go('Settings')
  const idle = page.getByRole('textbox', { name: 'Unload an engine after it was idle for' })
  await idle.fill('77')
  // It is said for two seconds only.
  await Promise.all([shell.notice('Saved').waitFor(), page.getByRole('button', { name: 'Save' }).click()])
  await expect(idle).toHaveValue('77 s')
  await expect(idle).toBeFocused()
  await expect(page.getByRole('button', { name: 'Save' })).toHaveCount(0)
})

test('narrow and in Chinese nothing of it is cut off', async () => {
  const { page, shell } = app()
  await app().resize({ width: 900, height: 700 })
  await shell.command('切换到简体中文')
  await expect(page.getByRole('region', { name: '连接' })).toContainText('浏览器中的控制中心')
  await page.getByRole('region', { name: '连接' }).scrollIntoViewIfNeeded()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(900)
  await app().shoot('settings-connections-zh-900')
})
