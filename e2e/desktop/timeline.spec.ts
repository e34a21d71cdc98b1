import { join } from 'node:path'
import { expect, type Locator, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { seriousViolations } from '../support/axe'
import { Desktop, WINDOW } from '../support/desktop'
import { barOf } from '../support/drawn'
import { fixtures, sileroInputs } from '../support/serve'

const app = appForFile(() => Desktop.startWith((api) => api.import(join(fixtures, 'silero_vad_v5.onnx'))))

async function load(name: string, durationMs: number, more: object = {}): Promise<string> {
  const answer = await app().api.call('POST', '/jobs', { kind: 'synthetic', name, durationMs, ...more })
  expect(answer.status).toBe(201)
  return answer.body.id
}

const seriousHere = () => seriousViolations(app().page)

test('before anything has run it says what will be seen', async () => {
  const { shell } = app()
  await shell.go('Timeline')
  await expect(shell.main).toContainText('Jobs appear here as they run')
  await expect(shell.main).toContainText('No job that had to wait has started yet')
  await app().shoot('timeline-empty-light')
  expect(await seriousHere()).toEqual([])
})

test('jobs that wait are told when they start, and are held against it', async () => {
  const { api, shell, page } = app()
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const whole = { need: { cpuCores } }
  const ids: string[] = []
  for (let i = 1; i <= 8; i++) ids.push(await load(`Embed chapter ${i}`, 2_000 + 300 * (i % 3), whole))
  await api.until(`/jobs/${ids[7]}`, ({ estimate, state }) => estimate !== null || state !== 'queued')
  await shell.go('Jobs')
  await expect(page.getByRole('grid', { name: 'Jobs' })).toContainText(/in .+ s – .+ s/)
  await app().shoot('jobs-expected-light')
  await api.until(`/jobs/${ids[7]}`, ({ state }) => state === 'succeeded', 60_000)
  // On a busy machine some start before a forecast has told them anything.
  await api.until('/queue', ({ predictions }) => predictions.count >= 3)
  await shell.go('Timeline')
  await expect(shell.main).toContainText(/\d of \d jobs started within the bounds they were told/)
  const { predictions } = (await api.call('GET', '/queue')).body
  expect(predictions.meanErrorMs).toBeGreaterThan(0)
  expect(predictions.recent[0].name).toMatch(/^Embed chapter [2-8]$/)
  // A point for each, with its words, none outside of the axes.
  const label = `Predicted and actual wait of ${predictions.count} jobs`
  const chart = shell.main.getByRole('img', { name: label })
  await expect(chart).toBeVisible()
  const points = chart.locator('g').filter({ has: page.locator('title') })
  await expect(points).toHaveCount(predictions.count)
  const frame = await chart.boundingBox()
  for (const point of await points.all()) {
    await expect(point.locator('title')).toHaveText(/^Embed chapter [2-8]: predicted .+, waited .+$/)
    const mark = await point.locator('circle, path').boundingBox()
    expect(mark?.x).toBeGreaterThan((frame?.x ?? Number.NaN) + 40)
    expect((mark?.y ?? Number.NaN) + (mark?.height ?? 0)).toBeLessThan(
      (frame?.y ?? 0) + (frame?.height ?? 0) - 38,
    )
  }
})

test('each kind of job is told as a queue: how often it comes, how long it takes, how busy it is, what it waited', async () => {
  const { shell } = app()
  const row = shell.main.getByRole('row', { name: /^synthetic load/ })
  const utilisation = row.getByRole('meter', { name: 'Utilisation' })
  const seconds = (text: string | undefined) => Number(/^([\d.]+) s$/.exec(text ?? '')?.[1])
  // The window asks for the figures from time to time: the last jobs may not be among them yet.
  await expect(async () => {
    const [rate, takes, , use, waited] = await row.getByRole('cell').allTextContents()
    expect(Number(/^([\d.]+) \/ min$/.exec(rate ?? '')?.[1])).toBeGreaterThan(0)
    // 2.0, 2.3 and 2.6 s, one after the other: seven that waited for those before.
    expect(seconds(takes)).toBeGreaterThanOrEqual(2.3)
    expect(seconds(takes)).toBeLessThan(4)
    expect(seconds(waited)).toBeGreaterThan(7)
    expect(use).toMatch(/^\d+%$/)
    expect(`${await utilisation.getAttribute('aria-valuenow')}%`).toBe(use)
  }).toPass({ timeout: 15_000 })
})

test('what a job waited, loaded and ran is told apart: by its height, its pattern and in words', async () => {
  const { shell, page, api } = app()
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const before = await load('Comes first', 3_000, { need: { cpuCores } })
  const benchmark = {
    kind: 'benchmark',
    name: 'Speech',
    model: 'silero-vad@1',
    need: { cpuCores },
  }
  const { id } = (
    await api.call('POST', '/jobs', { ...benchmark, inputs: sileroInputs(), iterations: 5_000 })
  ).body
  await api.until(`/jobs/${before}`, ({ state }) => state === 'succeeded')
  const { timings, startedAt, finishedAt } = await api.until(
    `/jobs/${id}`,
    ({ state }) => state === 'succeeded',
    60_000,
  )
  expect(Math.min(timings.queuedMs, timings.loadMs, timings.computeMs)).toBeGreaterThan(0)
  await shell.go('Timeline')
  const chart = page.getByRole('application')
  await chart.focus()
  // A bar has its name where there is room for it: no longer span than eight times what the job took. At another place than now
  // the view stands still, however long the rest takes.
  const tookMs = Date.parse(finishedAt) - Date.parse(startedAt)
  const zooms = Math.max(0, Math.ceil(Math.log(120_000 / (8 * tookMs)) / Math.log(1.5)))
  const spanMs = 120_000 / 1.5 ** zooms
  const press = async (key: string, times: number) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key)
  }
  await press('+', zooms)
  await press('ArrowLeft', 1)
  // Each moves it by a tenth, of which now had been at 6.5: until the start is at 1.5 or more.
  const stoppedMs = Date.now()
  await press('ArrowLeft', Math.ceil((10 * (stoppedMs - Date.parse(startedAt))) / spanMs - 6))

  const parts = await barOf(chart, 'Speech')
  const [wait, loads, ...runs] = parts
  expect(wait).toMatchObject({ height: 6, style: 'pattern', alpha: 1 })
  expect(loads).toMatchObject({ height: 16, style: 'pattern', alpha: 1 })
  expect(loads?.pattern).not.toBe(wait?.pattern)
  const run = runs.find(({ alpha }) => alpha < 1)
  expect(run).toMatchObject({ height: 16, style: expect.stringMatching(/^(#|rgb)/) })
  // One after the other, and as long as they took.
  expect((wait?.x ?? 0) + (wait?.width ?? 0)).toBeCloseTo(loads?.x ?? Number.NaN, 0)
  const ranMs = tookMs - timings.loadMs
  expect((run?.width ?? 0) / (wait?.width ?? Number.NaN)).toBeCloseTo(ranMs / timings.queuedMs, 2)

  const card = page.getByRole('status').filter({ hasText: 'Speech' })
  for (let i = 0; i < 20 && !(await card.isVisible()); i++) await page.keyboard.press('ArrowDown')
  await expect(card).toContainText(/waited [\d.]+ m?s.*loaded [\d.]+ m?s.*ran [\d.]+ m?s/)
  await page.keyboard.press('Escape')
  await press('-', zooms)
  await page.keyboard.press('Home')
})

test('the timeline is live, is moved by keys, and leads to a job', async () => {
  const { shell, page, api } = app()
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  await load('Index the photo library', 60_000, { need: { cpuCores: cpuCores / 2 } })
  await load('Fails on purpose', 200, { fail: 'error', need: { cpuCores: 0.1 } })
  for (let i = 1; i <= 4; i++) await load(`Transcribe part ${i}`, 8_000 + 4_000 * i, { need: { cpuCores } })
  const chart = page.getByRole('application', { name: /Timeline of jobs by device/ })
  await expect(chart).toBeVisible()
  await app().api.until('/queue', ({ waiting }) =>
    waiting.some(({ estimate }: { estimate: unknown }) => estimate),
  )
  await expect(shell.navigation.getByRole('link', { name: /^Jobs/ })).toContainText('5')
  await app().shoot('timeline-light')
  await chart.focus()
  await page.keyboard.press('ArrowDown')
  const card = page.getByRole('status').filter({ hasText: /waited|ran|loaded/ })
  await expect(card).toBeVisible()
  await app().shoot('timeline-card-light')
  const span = page.getByRole('status', { name: 'Time shown' })
  await expect(span).toHaveText('2 min')
  await page.keyboard.press('+')
  await expect(span).toHaveText('1 min 20 s')
  await page.keyboard.press('-')
  await expect(span).toHaveText('2 min')
  await page.getByRole('button', { name: 'Show less time' }).click()
  await page.getByRole('button', { name: 'Show less time' }).click()
  await expect(span).toHaveText('53.3 s')
  await page.getByRole('button', { name: 'Show more time' }).click()
  await expect(span).toHaveText('1 min 20 s')
  await chart.focus()
  await chart.hover()
  await page.mouse.wheel(0, -200)
  await expect(span).toHaveText('53.3 s')
  await page.mouse.wheel(0, 200)
  await expect(span).toHaveText('1 min 20 s')
  await page.keyboard.press('ArrowLeft')
  await expect(page.getByRole('button', { name: 'Back to now' })).toBeEnabled()
  await page.keyboard.press('Home')
  await expect(page.getByRole('button', { name: 'Back to now' })).toBeDisabled()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('complementary')).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('complementary')).toHaveCount(0)
  // The segment itself lies under its label.
  await page.getByText('Table', { exact: true }).click()
  await expect(page.getByRole('grid', { name: 'Jobs by time' })).toContainText('Transcribe part 4')
  expect(await seriousHere()).toEqual([])
  await app().shoot('timeline-table-light')
  await page.getByText('Chart', { exact: true }).click()
  await expect(shell.main).toContainText('synthetic load')
})

test('another machine and another order are tried on the jobs of the day', async () => {
  const { api, shell, page } = app()
  // A GPU that four jobs of the day wait for, one after the other.
  const card = { kind: 'gpu', name: 'Test card', capacity: { gpu: 1, gpuMemoryBytes: 8e9 } }
  expect((await api.call('POST', '/devices', card)).status).toBe(201)
  const onCard = { need: { gpu: 1 }, preemptible: false }
  const ids = await Promise.all([1, 2, 3, 4].map((part) => load(`Render part ${part}`, 4_000, onCard)))
  for (const id of ids) await api.until(`/jobs/${id}`, ({ state }) => state === 'succeeded', 60_000)
  // By keys alone: from the list of what may change to the button that asks.
  await page.getByLabel('The machine had', { exact: true }).first().focus()
  const ask = page.getByRole('button', { name: 'Try it' })
  for (
    let presses = 0;
    presses < 8 && !(await ask.evaluate((it) => it === document.activeElement));
    presses++
  )
    await page.keyboard.press('Tab')
  await expect(ask).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(shell.main).toContainText(/With 4 more cores, these \d+ jobs would have waited/)
  await expect(shell.main.getByRole('row', { name: /Mean wait/ })).toBeVisible()
  for (const measure of [/Longest wait/, /Fairness/])
    await expect(shell.main.getByRole('row', { name: measure })).toBeVisible()
  await shell.main.getByRole('row', { name: /Mean wait/ }).scrollIntoViewIfNeeded()
  await app().shoot('timeline-what-if-light')
  // Whether there is one or not.
  await page.getByLabel('The machine had', { exact: true }).first().click()
  await page.getByRole('option', { name: 'one more GPU', exact: true }).click()
  await page.getByLabel('Memory, GB').fill('48')
  await ask.click()
  await expect(shell.main).toContainText(
    /With one more GPU of 48 GB, these \d+ jobs would have waited .+ on average instead of/,
  )
  await expect(shell.main.getByRole('row', { name: /^GPU/ })).toBeVisible()
  await app().shoot('timeline-what-if-gpu-light')
  await page.getByLabel('Jobs are taken').first().click()
  await page.getByRole('option', { name: /FCFS/ }).click()
  await ask.click()
  await expect(shell.main).toContainText(
    'With one more GPU of 48 GB and first-come-first-served order, these',
  )
  // The same machine in the same order is no question.
  await page.getByLabel('The machine had', { exact: true }).first().click()
  await page.getByRole('option', { name: 'what it has' }).click()
  await ask.click()
  await expect(shell.main).toContainText('With first-come-first-served order, these')
  await app().shoot('timeline-what-if-order-light')
  await page.getByLabel('Jobs are taken').first().click()
  await page.getByRole('option', { name: 'as now' }).click()
  await expect(ask).toBeDisabled()
  await page.getByLabel('Jobs are taken').first().click()
  await page.getByRole('option', { name: /EASY/ }).click()
  await shell.setTheme('dark')
  expect(await seriousHere()).toEqual([])
  await app().shoot('timeline-what-if-dark')
  await page.getByRole('application').scrollIntoViewIfNeeded()
  await app().shoot('timeline-dark')
  await app().resize({ width: 900, height: 700 })
  await app().shoot('timeline-900')
  await page.getByRole('button', { name: 'Try it' }).scrollIntoViewIfNeeded()
  await app().shoot('timeline-what-if-900')
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(900)
  await app().resize(WINDOW)
  await shell.setTheme('light')
  await shell.command('切换到简体中文')
  await expect(shell.main).toContainText('预测与实际')
  await app().shoot('timeline-zh')
  await page.getByRole('button', { name: '尝试', exact: true }).scrollIntoViewIfNeeded()
  await app().shoot('timeline-what-if-zh')
  await shell.command('Switch to English')
  await expect(shell.main).toContainText('Predictions against reality')
})

test('thousands of jobs stay smooth: every frame has its bars, and a long table draws only what is seen', async () => {
  const { api, page } = app()
  await Promise.all(
    Array.from({ length: 20 }, async (_, lane) => {
      for (let i = 0; i < 60; i++) await load(`Quick ${lane}-${i}`, 5, { need: { cpuCores: 0.1 } })
    }),
  )
  await api.until('/queue', ({ byState }) => byState.queued < 10, 120_000)
  const chart = page.getByRole('application')
  await chart.focus()
  const frames = await chart.evaluate(async (element) => {
    const canvas = element.querySelector('canvas')
    const pixels = () => {
      const { data } = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {}
      return data ? data.some((value) => value > 0) : false
    }
    let longestMs = 0
    let blank = 0
    let last = performance.now()
    for (let i = 0; i < 30; i++) {
      const key = i % 2 ? 'ArrowLeft' : 'ArrowRight'
      element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
      await new Promise(requestAnimationFrame)
      longestMs = Math.max(longestMs, performance.now() - last)
      if (!pixels()) blank++
      last = performance.now()
    }
    return { longestMs, blank }
  })
  console.log(`longest of 30 frames with 1,200 jobs: ${frames.longestMs.toFixed(0)} ms`)
  expect(frames.blank).toBe(0)
  await app().shoot('timeline-full-light')

  await page.getByText('Table', { exact: true }).click()
  const table = page.getByRole('grid', { name: 'Jobs by time' })
  await expect.poll(async () => Number(await table.getAttribute('aria-rowcount'))).toBeGreaterThan(1_000)
  await table.focus()
  for (const key of ['End', 'PageUp', 'PageUp', 'Home', 'PageDown']) {
    await page.keyboard.press(key)
    await expect.poll(() => uncovered(table), { message: `rows missing after ${key}` }).toBe(0)
    expect(await table.getByRole('row').count()).toBeLessThan(60)
  }
  await page.getByText('Chart', { exact: true }).click()
})

/** How many pixels of the table are below its head and show no row. */
function uncovered(table: Locator): Promise<number> {
  return table.evaluate((element) => {
    const box = element.getBoundingClientRect()
    const [head, ...rows] = [...element.querySelectorAll('[role=row]')].map((row) =>
      row.getBoundingClientRect(),
    )
    const from = head?.bottom ?? box.top
    const seen = rows.reduce(
      (sum, row) => sum + Math.max(0, Math.min(row.bottom, box.bottom) - Math.max(row.top, from)),
      0,
    )
    return Math.max(0, Math.round(box.top + element.clientHeight - from - seen) - 2)
  })
}
