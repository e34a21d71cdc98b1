import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type Locator, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { seriousViolations } from '../support/axe'
import { Desktop, WINDOW } from '../support/desktop'
import { JobsPage } from '../support/pages/jobs-page'
import { ModelPage } from '../support/pages/model-page'
import { fixtures } from '../support/serve'

const LONG =
  'Transcribe everything that was said in the meetings of the last quarter, by speaker and by topic'

const app = appForFile(async () => {
  const desktop = await Desktop.startWith((api) => api.import(join(fixtures, 'silero_vad_v5.onnx')))
  for (const name of ['First in line', LONG])
    await desktop.api.call('POST', '/jobs', { kind: 'synthetic', name, durationMs: 50, hold: true })
  return desktop
})

const jobs = () => new JobsPage(app().page)

async function boxOf(locator: Locator) {
  const box = await locator.boundingBox()
  if (!box) throw new Error('it is not shown')
  return box
}

test('the menu of a row opens at the pointer, and by keys below the row of the cursor', async () => {
  const { page, shell, api } = app()
  await shell.go('Jobs')
  const menu = page.getByRole('menu')
  const row = jobs().row('First in line')
  const at = await boxOf(row)
  await row.click({ button: 'right', position: { x: 200, y: 20 } })
  await expect(menu.getByRole('menuitem')).toHaveText([
    'Raise priority by 10',
    'Lower priority by 10',
    'Resume',
    'Cancel',
  ])
  const opened = await boxOf(menu)
  expect(Math.abs(opened.x - at.x - 200)).toBeLessThan(8)
  expect(Math.abs(opened.y - at.y - 20)).toBeLessThan(8)
  await expect(page.getByRole('complementary')).toHaveCount(0)
  await app().shoot('jobs-menu-light')
  expect(await seriousViolations(page)).toEqual([])
  await page.keyboard.press('Escape')
  await expect(menu).toHaveCount(0)

  await page.getByRole('grid', { name: 'Jobs' }).focus()
  await page.keyboard.press('Home')
  const cursor = await boxOf(page.locator('[data-cursor]'))
  await page.keyboard.press('Shift+F10')
  await expect(menu).toBeVisible()
  expect(Math.abs((await boxOf(menu)).y - cursor.y - cursor.height)).toBeLessThan(8)
  await expect(menu.getByRole('menuitem').first()).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(menu).toHaveCount(0)
  await expect(page.getByRole('grid', { name: 'Jobs' })).toBeFocused()
  await expect
    .poll(async () =>
      (await api.call('GET', '/jobs')).body.items.map((job: { priority: number }) => job.priority),
    )
    .toContain(60)
})

test('what a column cuts off is whole on hover, and figures leave hyphens alone', async () => {
  const { page, shell } = app()
  await app().resize({ width: 900, height: 700 })
  await shell.go('Jobs')
  const name = jobs().row(LONG).getByText(LONG)
  await name.hover({ position: { x: 20, y: 6 } })
  await expect(name.locator('..')).toHaveAttribute('title', new RegExp(`^${LONG}`))
  await app().resize(WINDOW)
  await shell.go('Models')
  const figures = (locator: Locator) =>
    locator.evaluate((element) => getComputedStyle(element).fontVariantNumeric)
  expect(await figures(page.getByText('silero-vad', { exact: true }))).toBe('normal')
  expect(await figures(page.getByText('2.33 MB'))).toBe('tabular-nums')
})

test('the search of a page is found by keys and cleared by Escape', async () => {
  const { page, shell } = app()
  for (const name of ['Jobs', 'Models']) {
    await shell.go(name)
    const field = page.getByRole('textbox', { name: /^Search (name|models)/ })
    await page.keyboard.press(name === 'Jobs' ? '/' : 'ControlOrMeta+F')
    await expect(field).toBeFocused()
    await page.keyboard.type('no/such')
    await expect(field).toHaveValue('no/such')
    await expect(page.getByRole('button', { name: 'Clear the search' })).toBeVisible()
    await page.keyboard.press('Escape')
    await expect(field).toHaveValue('')
  }
})

test('a right click in a field offers what text needs', async () => {
  const { page, shell, app: electron } = app()
  await shell.go('Models')
  await electron.evaluate(({ Menu }) => {
    const seen = globalThis as { offered?: string[] }
    Menu.prototype.popup = function () {
      seen.offered = this.items.filter(({ type }) => type === 'normal').map(({ label }) => label)
    }
  })
  const offered = () => electron.evaluate(() => (globalThis as { offered?: string[] }).offered ?? [])
  await page.getByRole('heading', { level: 1 }).click({ button: 'right' })
  await page.getByRole('textbox', { name: 'Search models' }).click({ button: 'right' })
  await expect.poll(offered).toEqual(['Cut', 'Copy', 'Paste', 'Select all'])
})

test('at the usual and the least width there is room for what matters, and figures have units', async () => {
  const { page, shell } = app()
  await shell.go('Settings')
  await expect(page.getByLabel('Unload an engine after it was idle for')).toHaveValue('600 s')
  await shell.go('Timeline')
  const button = page.getByRole('button', { name: 'Try it' })
  const order = page.getByRole('combobox', { name: 'Jobs are taken' })
  await expect.poll(async () => (await boxOf(button)).y - (await boxOf(order)).y).toBe(0)
  await app().resize({ width: 900, height: 700 })
  await shell.go('Activity')
  await expect(page.getByRole('columnheader')).toHaveText(['When', 'Who', 'What', 'Decision'])
  await app().resize(WINDOW)
})

test('several notifications take the room of one, and spread under the pointer', async () => {
  const { api, shell, dataDir } = app()
  await shell.go('Devices')
  // These stay until somebody closes them.
  const notices = shell.notice('was refused')
  for (const name of ['one', 'two', 'three', 'four']) {
    const path = join(dataDir, `${name}.onnx`)
    await writeFile(path, '')
    await api.import(path)
  }
  await expect(notices).toHaveCount(4)
  await expect(notices.first()).toContainText('four')
  /** How often the newest would fit into their room. */
  const room = async () => {
    const boxes = await Promise.all((await notices.all()).map(boxOf))
    const bottom = Math.max(...boxes.map(({ y, height }) => y + height))
    const top = Math.min(...boxes.map(({ y }) => y))
    return (bottom - top) / (await boxOf(notices.first())).height
  }
  await expect.poll(room).toBeLessThan(1.5)
  await app().shoot('notices-light')
  await notices.first().hover()
  await expect.poll(room).toBeGreaterThan(4)
  for (let left = 3; left >= 0; left--) {
    await notices.first().getByRole('button', { name: 'Close' }).click()
    await expect(notices).toHaveCount(left)
  }
})

test('dialogs, forms with problems and what lies over a page have no serious violation', async () => {
  test.setTimeout(180_000)
  const { page, shell } = app()
  const check = async (name: string) => {
    await app().shoot(`${name}-light`)
    expect.soft(await seriousViolations(page), name).toEqual([])
  }
  const dialogs: [name: string, route: string, button: string][] = [
    ['new-job', '/jobs', 'New job'],
    ['new-pipeline', '/pipelines', 'New pipeline'],
    ['declare-device', '/devices', 'Declare a device'],
    ['import', '/models', 'Import model'],
    ['add-app', '/access', 'Add app'],
    ['add-person', '/access', 'Add person'],
  ]
  for (const [name, route, button] of dialogs) {
    await test.step(name, async () => {
      await page.evaluate((hash) => {
        location.hash = hash
      }, route)
      await shell.main.getByRole('button', { name: button }).first().click()
      await page.getByRole('dialog').waitFor()
      await check(`dialog-${name}`)
      await page.keyboard.press('Escape')
      await expect(page.getByRole('dialog')).toHaveCount(0)
    })
  }

  const model = new ModelPage(page, 'silero-vad')
  await shell.go('Models')
  await page.getByRole('grid', { name: 'Models' }).getByText('silero-vad').click()
  await model.title.waitFor()
  const form = await model.run('silero-vad@1')
  await form.values('state', [[1]])
  await form.submit('Run')
  await expect(form.problem).toBeVisible()
  await form.form.getByText('Advanced').click()
  await form.number('Answer within', 250)
  await form.form.getByLabel('Answer within').blur()
  await form.problem.scrollIntoViewIfNeeded()
  await check('run-problem')
  await form.kind('Batch')
  await form.form.getByText('A data set').click()
  await expect(form.form.getByRole('alert')).toHaveCount(0)
  await check('run-batch')

  await shell.go('Timeline')
  await jobs().page.getByRole('application').focus()
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  await check('shortcuts-over-timeline')
  await page.keyboard.press('Escape')
})
