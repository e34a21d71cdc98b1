import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'

const app = appForFile(() => Desktop.startWithKey())

test('a job that was displaced is drawn where it ran, before and after', async () => {
  const { api, shell, page } = app()
  await app().resize(WINDOW)
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const load = async (name: string, durationMs: number, more: object) =>
    (await api.call('POST', '/jobs', { kind: 'synthetic', name, durationMs, need: { cpuCores }, ...more }))
      .body.id
  const patient = await load('Index the archive', 60_000, { priority: 10 })
  await api.until(
    `/jobs/${patient}`,
    ({ startedAt, state }) => state === 'running' && isOver(startedAt, 2_500),
  )
  const urgent = await load('Answer the call', 4_000, { priority: 95 })
  await api.until(`/jobs/${patient}`, ({ state }) => state === 'queued')

  const card = page.getByRole('status').filter({ hasText: 'Index the archive' })
  const goToFirstBar = async () => {
    await shell.go('Timeline')
    await page.getByRole('application', { name: /Timeline of jobs by device/ }).focus()
    // A key that comes before the bars are drawn has none to go to.
    await expect(async () => {
      await page.keyboard.press('Escape')
      await page.keyboard.press('ArrowDown')
      await expect(card).toBeVisible({ timeout: 500 })
    }).toPass()
  }
  await goToFirstBar()
  await expect(card).toContainText('ran')
  await expect(card).toContainText('preempted once')
  await app().shoot('timeline-preempted-light')
  await page.keyboard.press('Escape')
  await shell.go('Overview')
  await expect(page.getByRole('main')).toContainText('interrupted')
  await app().shoot('overview-preempted-light')

  await api.until(`/jobs/${urgent}`, ({ state }) => state === 'succeeded')
  const again = await api.until(`/jobs/${patient}`, ({ state }) => state === 'running', 60_000)
  expect(again.attempts).toMatchObject([
    { attempt: 1, end: 'preempted', placement: [{ amounts: { cpuCores } }] },
  ])
  await goToFirstBar()
  await expect(card).toContainText('waited')
  await shell.setTheme('dark')
  await app().shoot('timeline-resumed-dark')
  await shell.setTheme('light')
})

function isOver(startedAt: string | null, ms: number): boolean {
  return startedAt !== null && Date.now() - Date.parse(startedAt) >= ms
}
