import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'
import { ModelPage } from '../support/pages/model-page'
import { fixtures, type Serve } from '../support/serve'

const OLD = 330
const LIVE = 2_000

const app = appForFile(async () => {
  const desktop = await Desktop.startWith(async (api) => {
    await api.import(join(fixtures, 'tiny-story.gguf'), 'story')
    await submit(api, 'Yesterday', OLD)
    await submit(api, 'Today', LIVE)
    await api.until('/queue', ({ depth }) => depth === 0, 60_000)
  })
  await desktop.resize(WINDOW)
  return desktop
})

async function submit(api: Serve, name: string, count: number): Promise<void> {
  let left = count
  const lane = async () => {
    while (left-- > 0)
      await api.call('POST', '/jobs', { kind: 'synthetic', name, durationMs: 0, waitMs: 10_000 })
  }
  await Promise.all(Array.from({ length: 40 }, lane))
}

test('the list says that older jobs are not in it, and brings them', async () => {
  const { page, shell } = app()
  await shell.go('Jobs')
  const main = page.getByRole('main')
  // As the system counts them, not as the list holds them.
  const counted = `${(LIVE + OLD).toLocaleString('en')} done in the last hour`
  await expect(main).toContainText(counted, { timeout: 60_000 })
  const grid = page.getByRole('grid', { name: 'Jobs' })
  await expect(grid).toHaveAttribute('aria-rowcount', String(LIVE + 1))
  await expect(main).toContainText('The 2,000 jobs that ended last are listed.')
  await grid.focus()
  await page.keyboard.press('End')
  await expect(grid).toContainText('Today')
  await app().shoot('jobs-older-light')

  const more = page.getByRole('button', { name: 'Older jobs' })
  await more.focus()
  await page.keyboard.press('Enter')
  // A page, without those that ended in the same millisecond as the oldest one listed.
  await expect(main).toContainText(/1\d\d older jobs loaded/)
  await expect(more).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(main).toContainText(`${OLD} older jobs loaded: these are all that are kept.`)
  await expect(more).toHaveCount(0)
  await expect(grid).toHaveAttribute('aria-rowcount', String(LIVE + OLD + 1))
  await grid.focus()
  await page.keyboard.press('End')
  await expect(grid.getByRole('row').last()).toContainText('Yesterday')
  expect(await grid.getByRole('row').count()).toBeLessThan(60)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('complementary', { name: 'Job Yesterday' })).toBeVisible()
  await shell.setTheme('dark')
  await app().shoot('jobs-older-dark')
  await page.keyboard.press('Escape')
})

test('what leaves the live jobs meanwhile stays in the list', async () => {
  const { page, api } = app()
  const grid = page.getByRole('grid', { name: 'Jobs' })
  await submit(api, 'Just now', 30)
  await expect(grid).toHaveAttribute('aria-rowcount', String(LIVE + OLD + 30 + 1))
})

test('older jobs are as the filters are, in both languages, and in a narrow window', async () => {
  const { page, shell } = app()
  await shell.setTheme('light')
  await app().resize({ width: 900, height: 700 })
  await shell.command('切换到简体中文')
  await app().shoot('jobs-older-900-zh')
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(900)
  await app().resize(WINDOW)
  await shell.command('Switch to English')
})

test('an answer stays answered when as many others have ended as are live', async () => {
  const { page, api } = app()
  const model = new ModelPage(page, 'story')
  await model.open(1)
  await model.run('story@1')
  const form = page.getByRole('form', { name: 'Run story@1' })
  await form.getByLabel('Text to go on from').fill('The control room')
  await form.getByLabel('Text to go on from').press('Enter')
  const log = form.getByRole('log', { name: 'Conversation' })
  const figures = /\d tokens · [\d.,]+ tokens\/s/
  await expect(log).toContainText(figures, { timeout: 60_000 })
  await submit(api, 'After it', LIVE)
  await api.until('/queue', ({ depth }) => depth === 0, 60_000)
  // The window hears of jobs in the order that they moved: when it knows that this one alone goes on, it knows all others.
  const last = { kind: 'synthetic', name: 'Last of all', durationMs: 600_000 }
  const { id } = (await api.call('POST', '/jobs', last)).body
  await expect(page.getByTitle('1 active job')).toBeVisible()
  await expect(log).toContainText(figures)
  await expect(form.getByRole('button', { name: 'Go on' })).toBeEnabled()
  await api.call('POST', `/jobs/${id}/cancel`)
})
