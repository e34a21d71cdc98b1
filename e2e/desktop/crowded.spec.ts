import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop, WINDOW } from '../support/desktop'

const app = appForFile(() => Desktop.startWith(async () => undefined))

async function load(name: string, durationMs: number, more: object = {}): Promise<string> {
  const answer = await app().api.call('POST', '/jobs', { kind: 'synthetic', name, durationMs, ...more })
  expect(answer.status).toBe(201)
  return answer.body.id
}

test('what ran and runs is drawn beside more jobs that wait than there are rows', async () => {
  const { api, shell, page } = app()
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const whole = { need: { cpuCores } }
  const ended = await load('Ended before', 2_000, whole)
  await api.until(`/jobs/${ended}`, ({ state }) => state === 'succeeded', 60_000)
  await load('Runs for long', 600_000, { ...whole, preemptible: false })
  for (let i = 1; i <= 60; i++) await load(`Waits ${i}`, 4_000, whole)
  await api.until('/queue', ({ waiting }) =>
    waiting.every(({ estimate }: { estimate: unknown }) => estimate !== null),
  )
  await shell.go('Timeline')
  const chart = page.getByRole('application')
  await expect(shell.main.getByText(/^\d+ more in the table$/)).toBeVisible()
  await chart.focus()
  await app().shoot('timeline-crowded-light')
  const card = page.getByRole('status').filter({ hasText: /waited|ran|loaded/ })
  await page.keyboard.press('ArrowDown')
  const names: (string | null)[] = []
  for (let i = 0; i < 2; i++) {
    names.push(await card.locator('strong').textContent())
    await page.keyboard.press('ArrowDown')
  }
  expect(names.sort()).toEqual(['Ended before', 'Runs for long'])
})

test('keys bring a bar that lies below into sight, and its card with it', async () => {
  const { page, shell } = app()
  await page.keyboard.press('Escape')
  await page.keyboard.press('ArrowUp')
  const card = page.getByRole('status').filter({ hasText: /waited/ })
  await expect(card).toBeVisible()
  const inside = () =>
    card.evaluate((element) => {
      const box = element.closest('[role=application]')?.parentElement?.getBoundingClientRect()
      const { top, bottom } = element.getBoundingClientRect()
      return box !== undefined && top >= box.top && bottom <= box.bottom
    })
  expect(await inside()).toBe(true)
  await app().shoot('timeline-crowded-below-light')
  await shell.setTheme('dark')
  await app().shoot('timeline-crowded-below-dark')
  await page.getByRole('application').focus()
  for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowUp')
  expect(await inside()).toBe(true)
  await shell.command('切换到简体中文')
  await app().shoot('timeline-crowded-zh-dark')
  await shell.command('Switch to English')
  await shell.setTheme('light')
})

test('the table has room for its columns in a narrow window and beside an open job', async () => {
  const { page } = app()
  await page.getByText('Table', { exact: true }).click()
  const table = page.getByRole('grid', { name: 'Jobs by time' })
  const clipped = () => table.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
  for (const width of [WINDOW.width, 1_040, 900, 760]) {
    await app().resize({ width, height: WINDOW.height })
    await expect.poll(clipped, { message: `at ${width}` }).toBe(0)
    await app().shoot(`timeline-table-${width}`)
  }
  await app().resize({ width: 1_100, height: WINDOW.height })
  await table.getByRole('row', { name: /Waits 60/ }).click()
  await expect(page.getByRole('complementary')).toBeVisible()
  await expect.poll(clipped).toBe(0)
  await app().shoot('timeline-table-beside')
  await app().resize(WINDOW)
  await page.keyboard.press('Escape')
})

test('the graph of a pipeline of a thousand jobs is shown, each as a link', async () => {
  test.setTimeout(400_000)
  const { api, page } = app()
  for (const count of [8, 70, 300, 1_000]) {
    const width = Math.ceil(Math.sqrt(count))
    const jobs = Array.from({ length: count }, (_, i) => {
      const before = Math.floor(i / width - 1) * width
      const waits = before < 0 ? 0 : count === 1_000 ? 20 : 2
      const dependsOn = Array.from({ length: waits }, (_, d) => `step-${before + ((i + d) % width)}`)
      return { key: `step-${i}`, kind: 'synthetic', durationMs: 5, dependsOn }
    })
    const { status, body } = await api.call('POST', '/pipelines', { name: `Of ${count}`, jobs })
    expect([status, body.error?.message]).toEqual([201, undefined])
    await page.evaluate((id) => {
      location.hash = `#/pipelines/${id}`
    }, body.id)
    const graph = page.getByRole('region', { name: `Graph of Of ${count}` })
    await expect(graph.getByRole('link')).toHaveCount(count, { timeout: 120_000 })
    await app().shoot(`pipeline-of-${count}`)
    if (count === 8) await page.getByRole('switch', { name: 'Critical path' }).click()
    if (count === 8) await app().shoot(`pipeline-of-${count}-path`)
    await api.call('POST', `/pipelines/${body.id}/cancel`)
  }
})
