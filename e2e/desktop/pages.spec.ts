import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile, withPython } from '../support/app'
import { seriousViolations } from '../support/axe'
import { fillMachine, fillQueue } from '../support/data'
import { Desktop, WINDOW } from '../support/desktop'
import { allPages, leavePage, type Shown, showPage } from '../support/pages/all-pages'
import { fixtures } from '../support/serve'

withPython()
const app = appForFile(async () => {
  const desktop = await Desktop.startWith(async (api) => {
    await fillMachine(api)
    await api.import(join(fixtures, 'mnist_cnn.safetensors'), 'digits-weights')
  })
  await fillQueue(desktop.api)
  await desktop.resize(WINDOW)
  return desktop
})

const ids = new Map<string, string>()
const PAGES = allPages(app)

const show = (shown: Shown) => showPage(app(), shown, ids)
const leave = (shown: Shown) => leavePage(app(), shown)

test.beforeAll(async () => {
  const { api } = app()
  await api.call('PATCH', '/models/silero-vad/versions/1', {
    notes: 'The release that every app was tested with.',
    tags: ['pinned', 'speech'],
  })
  const canary = { version: 2, weight: 0.1, maxP95Ms: 60, minRequests: 200 }
  await api.call('PATCH', '/models/silero-vad/aliases/production', { canary })
  const { items } = (await app().api.call('GET', '/jobs?limit=100')).body
  const idOf = (name: string) => items.find((job: { name: string }) => job.name === name).id
  ids.set('PIPELINE', (await app().api.call('GET', '/pipelines')).body.items[0].id)
  ids.set('BATCH', idOf('Meeting of Tuesday'))
  ids.set('DIGITS', idOf('Read the digits'))
  ids.set('WAITING', idOf('Transcribe the interview'))
  ids.set('FAILED', idOf('Reads a broken disk'))
})

/** Every page takes its seconds, on a busy machine many. */
const ALL_PAGES_MS = 480_000

for (const theme of ['light', 'dark'] as const) {
  test(`every page in the ${theme} theme, without a serious violation of accessibility`, async () => {
    test.setTimeout(ALL_PAGES_MS)
    const { page, shell } = app()
    await shell.setTheme(theme)
    for (const shown of PAGES) {
      await test.step(shown.name, async () => {
        await show(shown)
        await app().shoot(`${shown.name}-${theme}`)
        // Another theme has other colours, and all else is as it was.
        const serious = await seriousViolations(page, theme === 'dark' ? ['color-contrast'] : undefined)
        expect.soft(serious, shown.name).toEqual([])
        await leave(shown)
      })
    }
  })
}

test('every page in a narrow window: nothing is wider than it', async () => {
  test.setTimeout(ALL_PAGES_MS)
  const { page } = app()
  await app().resize({ width: 900, height: 700 })
  for (const shown of PAGES) {
    await test.step(shown.name, async () => {
      await show(shown)
      await app().shoot(`${shown.name}-900`)
      expect.soft(await page.evaluate(() => document.documentElement.scrollWidth), shown.name).toBe(900)
      await leave(shown)
    })
  }
  await app().resize(WINDOW)
})

test('every page in Chinese', async () => {
  test.setTimeout(ALL_PAGES_MS)
  const { page, shell } = app()
  await shell.command('切换到简体中文')
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN')
  await expect(page.getByRole('navigation')).toContainText('概览')
  for (const shown of PAGES) {
    await test.step(shown.name, async () => {
      await show(shown)
      await app().shoot(`${shown.name}-zh`)
      await leave(shown)
    })
  }
  await shell.command('Switch to English')
  await expect(page.getByRole('navigation')).toContainText('Overview')
})

test('a wide window, and letters half as large again', async () => {
  const { page, app: electronApp } = app()
  const zoom = async (factor: number) => {
    await electronApp.evaluate(({ BrowserWindow }, by) => {
      BrowserWindow.getAllWindows()[0]?.webContents.setZoomFactor(by)
    }, factor)
    const width = Math.round(WINDOW.width / factor)
    await expect.poll(() => page.evaluate(() => window.innerWidth)).toBe(width)
  }
  const shown = PAGES.filter(({ name }) =>
    ['overview', 'jobs', 'timeline', 'devices', 'model'].includes(name),
  )
  await app().resize({ width: 1600, height: 900 })
  for (const each of shown) {
    await show(each)
    await app().shoot(`${each.name}-1600`)
  }
  await app().resize(WINDOW)
  await zoom(1.5)
  for (const each of shown) {
    await show(each)
    await app().shootWindow(`${each.name}-zoom`)
    const [content, room] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      window.innerWidth,
    ])
    expect.soft(content, each.name).toBe(room)
  }
  await zoom(1)
})

test('every page is found by its name, and a switch is turned, with the keyboard alone', async () => {
  const { page, shell } = app()
  const names = await shell.navigation.getByRole('link').allTextContents()
  expect(names.length).toBeGreaterThan(10)
  for (const name of names.map((text) => text.replace(/\d+$/, ''))) {
    await page.keyboard.press('ControlOrMeta+K')
    await expect(shell.palette.getByRole('textbox')).toBeFocused()
    await page.keyboard.type(name)
    await expect(shell.palette.getByRole('button', { name, exact: true }).first()).toBeVisible()
    await page.keyboard.press('Enter')
    await expect(shell.palette).toBeHidden()
    await expect(shell.title(name)).toBeVisible()
  }
  await expect(shell.title('Settings')).toBeVisible()
  const together = page.getByRole('switch', { name: 'Run waiting inferences of one model together' })
  const before = await together.isChecked()
  const hasFocus = () => together.evaluate((element) => element === document.activeElement)
  for (let presses = 0; presses < 60 && !(await hasFocus()); presses++) await page.keyboard.press('Tab')
  await expect(together).toBeFocused()
  for (const expected of [!before, before]) {
    await page.keyboard.press('Space')
    await expect(together).toBeChecked({ checked: expected })
  }
})

test('the keyboard reaches everything: palette, Escape, tab order', async () => {
  const { page, shell } = app()
  await page.keyboard.press('ControlOrMeta+K')
  await expect(shell.palette.getByRole('textbox')).toBeFocused()
  await page.keyboard.type('devic')
  await page.keyboard.press('Enter')
  await expect(shell.title('Devices')).toBeVisible()
  await page.keyboard.press('ControlOrMeta+K')
  await expect(shell.palette).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(shell.palette).toBeHidden()

  await shell.goByKeys('o', 'Overview')
  const tab = async () => {
    await page.keyboard.press('Tab')
    return page.evaluate(() => {
      const at = document.activeElement
      return at?.getAttribute('aria-label') ?? at?.textContent ?? ''
    })
  }
  // From wherever the focus was, once around to the first thing in the window.
  await expect.poll(tab, { intervals: [1] }).toBe('Skip to content')
  const order: string[] = []
  while (!order.at(-1)?.startsWith('Import model') && order.length < 30) order.push(await tab())
  const places = ['LLMAgentOS', 'Search', 'Tasks', 'Overview', 'Settings', 'Import model'].map((name) =>
    order.findIndex((label) => label.startsWith(name)),
  )
  expect(places, order.join(', ')).not.toContain(-1)
  expect(places, order.join(', ')).toEqual([...places].sort((one, other) => one - other))
})

test('the keys of a table go on from the job that is open, and are listed', async () => {
  const { page, shell } = app()
  const grid = page.getByRole('grid', { name: 'Jobs' })
  const chosen = grid.getByRole('row', { selected: true })
  await shell.go('Jobs')
  await grid.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  await expect(chosen).toContainText('Transcribe the interview')
  await expect(page.getByRole('region', { name: 'Jobs', exact: true })).toHaveCSS('outline-style', 'solid')
  const mark = page.getByRole('checkbox', { name: 'Mark Transcribe the interview' })
  await expect(mark.locator('..')).toHaveCSS('opacity', '1')

  await page.evaluate(
    (hash) => {
      location.hash = hash
    },
    `/jobs/${ids.get('FAILED')}`,
  )
  await expect(chosen).toContainText('Reads a broken disk')
  await page.keyboard.press('ArrowUp')
  await expect(chosen).toContainText('Runs out of time')
  await expect(page.getByRole('complementary', { name: 'Job Runs out of time' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('complementary')).toHaveCount(0)

  await page.keyboard.press('?')
  const list = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  for (const place of ['Everywhere', 'In a table', 'On the timeline'])
    await expect(list.getByRole('heading', { name: place })).toBeVisible()
  await app().shoot('shortcuts-light')
  await page.keyboard.press('Escape')
  await expect(list).toHaveCount(0)
})

test('the window has no Node, opens nothing, goes nowhere, and runs no text', async () => {
  const { page, app: electronApp } = app()
  const { url, windows } = { url: page.url(), windows: electronApp.windows().length }
  expect(
    await page.evaluate(() =>
      ['require', 'process', 'module', 'Buffer', 'global'].filter((name) => name in window),
    ),
  ).toEqual([])
  expect(await page.evaluate(() => window.open('http://127.0.0.1:9/') === null)).toBe(true)

  // Listened to before anything goes anywhere, and after the app's own listener, which has decided by then.
  const refused = await electronApp.evaluateHandle(({ BrowserWindow }) => ({
    is: new Promise<boolean>((resolve) => {
      BrowserWindow.getAllWindows()[0]?.webContents.once('will-navigate', (event) =>
        resolve(event.defaultPrevented),
      )
    }),
  }))
  await page.evaluate(() => {
    setTimeout(() => location.assign('http://127.0.0.1:9/'))
  })
  expect(await refused.evaluate(({ is }) => is)).toBe(true)
  expect(page.url()).toBe(url)
  expect(electronApp.windows()).toHaveLength(windows)
  expect(app().takeProblems()).toEqual([])

  const outcome = await page.evaluate(async () => {
    const script = document.createElement('script')
    script.textContent = 'window.injected = true'
    document.head.append(script)
    const fetched = await fetch('https://example.com/').then(
      () => 'fetched',
      () => 'refused',
    )
    return { injected: 'injected' in window, fetched }
  })
  expect(outcome).toEqual({ injected: false, fetched: 'refused' })
  expect(app().takeProblems().join('\n')).toMatch(/Content Security Policy/)
})
