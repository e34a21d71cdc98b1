import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ElectronApplication } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'
import { Shell } from '../support/pages/shell'

const app = appForFile(async () => {
  const desktop = await Desktop.startWithKey()
  await desktop.resize(WINDOW)
  return desktop
})

interface Shown {
  toolTip: string
  labels: string[]
}

/** Remembers what the tray shows from now on; it cannot be asked. */
function watchTray(electron: ElectronApplication): Promise<void> {
  return electron.evaluate(({ Tray }) => {
    const { setToolTip, setContextMenu } = Tray.prototype
    const seen = globalThis as { toolTip?: string; menu?: Electron.Menu | null }
    Tray.prototype.setToolTip = function (text) {
      seen.toolTip = text
      setToolTip.call(this, text)
    }
    Tray.prototype.setContextMenu = function (menu) {
      seen.menu = menu
      setContextMenu.call(this, menu)
    }
  })
}

const shown = (electron: ElectronApplication): Promise<Shown> =>
  electron.evaluate(() => {
    const { toolTip, menu } = globalThis as { toolTip?: string; menu?: Electron.Menu }
    return { toolTip: toolTip ?? '', labels: menu?.items.map(({ label }) => label) ?? [] }
  })

const choose = (electron: ElectronApplication, label: string): Promise<void> =>
  electron.evaluate((_, wanted) => {
    const { menu } = globalThis as { menu?: Electron.Menu }
    menu?.items.find((item) => item.label === wanted)?.click()
  }, label)

const windows = (electron: ElectronApplication): Promise<number> =>
  electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)

const closeWindow = (electron: ElectronApplication): Promise<void> =>
  electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())

test('the tray tells what runs and waits; with the setting on, the window may go while jobs run and comes back', async () => {
  const { app: electron, page, shell, api } = app()
  await watchTray(electron)
  await shell.go('Settings')
  const keep = page.getByRole('switch', { name: 'Keep running when the window is closed' })
  await expect(keep).not.toBeChecked()
  await keep.focus()
  await page.keyboard.press('Space')
  await expect(keep).toBeChecked()
  await page.getByRole('region', { name: 'Window' }).scrollIntoViewIfNeeded()
  await app().shoot('settings-tray-light')

  const long = { kind: 'synthetic', durationMs: 600_000 }
  const running = (await api.call('POST', '/jobs', { ...long, need: { cpuCores: 0.1 } })).body
  await api.call('POST', '/jobs', { ...long, dependsOn: [running.id] })
  await expect
    .poll(() => shown(electron))
    .toMatchObject({
      toolTip: 'LLMAgentOS: 1 job running, 1 waiting',
      labels: ['LLMAgentOS: 1 job running, 1 waiting', '', 'Show the window', 'Quit'],
    })

  await closeWindow(electron)
  await expect.poll(() => windows(electron)).toBe(0)
  expect((await api.call('GET', `/jobs/${running.id}`)).body.state).toBe('running')
  const opening = electron.waitForEvent('window')
  await choose(electron, 'Show the window')
  const again = await opening
  await expect(new Shell(again).status).toContainText('API 127.0.0.1')
  await choose(electron, 'Show the window')
  expect(await windows(electron)).toBe(1)
})

test('with the setting off, which is the default, closing the window ends the app', async () => {
  const { app: electron, api } = app()
  expect((await api.call('PATCH', '/settings', { staysInTray: false })).status).toBe(200)
  const program = electron.process()
  const ended = new Promise((resolve) => program.once('exit', resolve))
  await closeWindow(electron)
  expect(await ended).toBe(0)
})

test('Quit ends the app also where it would stay: the window goes first, and its place is kept', async () => {
  await app().launch()
  const { app: electron, api } = app()
  await api.call('PATCH', '/settings', { staysInTray: true })
  await watchTray(electron)
  // It shows its menu anew when what it tells has changed: one more job is always another count.
  const menu = async () => {
    await api.call('POST', '/jobs', { kind: 'synthetic', durationMs: 600_000, need: { cpuCores: 0.1 } })
    return (await shown(electron)).labels
  }
  await expect.poll(menu).toContain('Quit')
  const gone: string[] = []
  for (const window of electron.windows()) window.once('close', () => gone.push('window'))
  const program = electron.process()
  const ended = new Promise((resolve) => program.once('exit', resolve))
  void ended.then(() => gone.push('program'))
  const place = { x: 30, y: 40, width: 1001, height: 702 }
  await electron.evaluate(({ BrowserWindow }, bounds) => {
    BrowserWindow.getAllWindows()[0]?.setBounds(bounds)
  }, place)
  await choose(electron, 'Quit')
  expect(await ended).toBe(0)
  expect(gone).toEqual(['window', 'program'])
  const files = (await readdir(app().dataDir)).filter((name) => name.startsWith('window-place'))
  expect(files).toEqual(['window-place.json'])
  expect(JSON.parse(await readFile(join(app().dataDir, 'window-place.json'), 'utf8'))).toMatchObject(place)
})
