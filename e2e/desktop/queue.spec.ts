import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { changedCopy } from '../support/data'
import { Desktop, WINDOW } from '../support/desktop'
import { JobsPage } from '../support/pages/jobs-page'
import { fixtures } from '../support/serve'

const SILERO = join(fixtures, 'silero_vad_v5.onnx')
const ids = new Map<string, string>()

const app = appForFile(async () => {
  const desktop = await Desktop.startWith((api) => api.import(SILERO))
  for (const [name, priority] of [
    ['Leaves', 90],
    ['Stays', 80],
    ['Last of all', 10],
  ] as const) {
    const job = { kind: 'synthetic', name, durationMs: 50, hold: true, priority }
    ids.set(name, (await desktop.api.call('POST', '/jobs', job)).body.id)
  }
  return desktop
})

const jobs = () => new JobsPage(app().page)
const grid = () => app().page.getByRole('grid', { name: 'Jobs' })
const detail = () => app().page.getByRole('complementary')
const search = () => app().page.getByRole('textbox', { name: 'Search name' })
const stateOf = async (name: string) =>
  (await app().api.call('GET', `/jobs/${ids.get(name)}`)).body.state as string

test.beforeEach(() => app().shell.go('Jobs'))

test('the menu of a row that leaves the list closes, and acts on no other row', async () => {
  const { page, api } = app()
  await page.getByRole('button', { name: /^State:/ }).click()
  await page.getByRole('menuitem', { name: 'waiting' }).click()
  const menu = page.getByRole('menu')
  // It fades.
  await expect(menu).toHaveCount(0)
  await jobs()
    .row('Leaves')
    .click({ button: 'right', position: { x: 200, y: 20 } })
  await expect(menu).toBeVisible()
  await api.call('POST', `/jobs/${ids.get('Leaves')}/cancel`)
  await expect(jobs().row('Leaves')).toHaveCount(0)
  await expect(menu).toHaveCount(0)
  await expect(grid()).toBeFocused()
  // No row is current, so there is nothing to open.
  await page.keyboard.press('Enter')
  await expect(jobs().row('Last of all')).toBeVisible()
  await expect(detail()).toHaveCount(0)
  await page.getByRole('button', { name: 'Clear State' }).click()
})

test('one job is marked by one tick, and what a filter hides is not cancelled with the others', async () => {
  const { page } = app()
  const box = (name: string) => page.getByRole('checkbox', { name: `Mark ${name}` })
  const row = jobs().row('Last of all')
  await row.hover()
  await box('Last of all').click()
  await expect(box('Last of all')).toBeChecked()
  await expect(row).toHaveAttribute('aria-selected', 'true')
  await expect(page.getByRole('status').filter({ hasText: '1 job marked' })).toBeVisible()
  await box('Stays').click()
  await expect(page.getByText('2 jobs marked')).toBeVisible()
  await app().shoot('jobs-marked-light')

  await search().fill('Last')
  await expect(page.getByText('1 job marked')).toBeVisible()
  await page.getByRole('button', { name: 'Cancel them' }).click()
  await jobs().confirmCancel()
  await expect.poll(() => stateOf('Last of all')).toBe('cancelled')
  expect(await stateOf('Stays')).toBe('held')
  await search().fill('')
  await page.getByRole('button', { name: 'Clear marks' }).click()
  await expect(page.getByText(/jobs? marked/)).toHaveCount(0)
})

test('Escape closes a menu and not the detail beside it, and the focus comes back to the list', async () => {
  const { page } = app()
  await jobs().open('Stays')
  await jobs().row('Stays').getByRole('button', { name: 'Actions for Stays', exact: true }).click()
  const menu = page.getByRole('menu')
  await expect(menu.getByRole('menuitem').first()).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(menu).toHaveCount(0)
  await expect(detail()).toBeVisible()
  await expect(grid()).toBeFocused()
  const close = detail().getByRole('button', { name: 'Close' })
  await close.focus()
  await page.keyboard.press('Enter')
  await expect(detail()).toHaveCount(0)
  await expect(grid()).toBeFocused()
})

test('two quick steps of a priority are two, and the button at its end keeps the focus', async () => {
  const { page, api } = app()
  await jobs().open('Stays')
  const priority = async () => (await api.call('GET', `/jobs/${ids.get('Stays')}`)).body.priority
  const up = detail().getByRole('button', { name: '+10' })
  await up.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  await expect.poll(priority).toBe(100)
  await expect(detail().getByRole('textbox', { name: 'Priority' })).toHaveValue('100')
  await expect(up).toBeFocused()
  await expect(up).toHaveAttribute('aria-disabled', 'true')
  await page.keyboard.press('Enter')
  const down = detail().getByRole('button', { name: '−10' })
  await down.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  await expect.poll(priority).toBe(80)
  await app().shoot('job-priority-light')
  await page.keyboard.press('Escape')
})

test('a new job is not lost by a click beside it, nor begun anew by a version that comes', async () => {
  const { page, shell, api, dataDir } = app()
  await shell.main.getByRole('button', { name: 'New job' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'New job' })
  const size = dialog.getByLabel('Size of input[1]')
  await size.fill('576')
  await page.mouse.click(5, 5)
  await api.import(await changedCopy(SILERO, dataDir), 'silero-vad')
  const selector = dialog.getByRole('combobox', { name: 'Version or alias' })
  await selector.click()
  await expect(page.getByRole('option', { name: /2/ })).toBeVisible()
  await expect(page.getByRole('option', { name: /1/, selected: true })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(size).toHaveValue('576')
  await page.keyboard.press('Escape')
  await expect(dialog).toHaveCount(0)
})

test('the button that sends a form keeps the focus', async () => {
  const { page, shell } = app()
  await shell.main.getByRole('button', { name: 'New job' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'New job' })
  await dialog.getByText('Synthetic load').click()
  const run = dialog.getByRole('button', { name: 'Start load' })
  await run.focus()
  await page.keyboard.press('Enter')
  await expect(dialog.getByRole('link', { name: 'Open in Jobs' })).toBeVisible()
  await expect(run).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(dialog).toHaveCount(0)
})

test('what waits for another job names it, has not begun to wait, and says nothing of resources', async () => {
  const { page, api } = app()
  const job = { kind: 'synthetic', name: 'After it', durationMs: 50, dependsOn: [ids.get('Stays')] }
  const { id } = (await api.call('POST', '/jobs', job)).body
  await expect(jobs().row('After it').locator('[data-figures]')).toHaveText('–')
  await jobs().open('After it')
  const causes = detail().getByRole('region', { name: 'Why it waits' }).getByRole('listitem')
  await expect(causes).toHaveText(['Staysheld'])
  // The detail of another job begins at its top. A window so low that there is something to scroll; a click by the mouse would
  // scroll back to the link by itself.
  await app().resize({ width: 1360, height: 500 })
  const scrolled = () => detail().evaluate((panel) => panel.scrollTop)
  await detail().evaluate((panel) => panel.scrollTo({ top: 400 }))
  expect(await scrolled()).toBeGreaterThan(0)
  await causes.getByRole('link', { name: 'Stays' }).evaluate((link: HTMLElement) => link.click())
  await expect(detail().getByRole('heading', { name: 'Stays' })).toBeVisible()
  await expect.poll(scrolled).toBe(0)
  await app().resize(WINDOW)
  await page.keyboard.press('Escape')
  await api.call('POST', `/jobs/${id}/cancel`)
})

test('one that stands far back in the queue says why it waits and when it starts, too', async () => {
  const { shell, api } = app()
  const cores = (await api.call('GET', '/resources')).body.capacity.cpuCores
  const load = { kind: 'synthetic', durationMs: 600_000, need: { cpuCores: cores } }
  const submit = (name: string) => api.call('POST', '/jobs', { ...load, name, priority: 40 })
  await submit('Takes all')
  for (let i = 0; i < 25; i++) await Promise.all(Array.from({ length: 10 }, () => submit('In between')))
  await submit('Far back')
  await search().fill('Far back')
  await jobs().open('Far back')
  const why = detail().getByRole('region', { name: 'Why it waits' })
  await expect(why).toContainText('Behind 250 jobs')
  await expect(why).toContainText('Expected start in about')
  await app().shoot('job-far-back-light')
  await shell.setTheme('dark')
  await shell.command('切换到简体中文')
  await app().shoot('job-far-back-dark-zh')
  await shell.command('Switch to English')
  await shell.setTheme('light')
})
