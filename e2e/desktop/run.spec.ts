import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { JobsPage } from '../support/pages/jobs-page'
import { ModelPage } from '../support/pages/model-page'
import type { RunForm } from '../support/pages/run-form'
import { fixtures, ramp } from '../support/serve'

const app = appForFile(() => Desktop.startWith((api) => api.import(join(fixtures, 'silero_vad_v5.onnx'))))
const RUN_MS = 60_000

async function openForm(): Promise<RunForm> {
  const { shell, page } = app()
  await shell.go('Models')
  await page.getByRole('grid', { name: 'Models' }).getByText('silero-vad').click()
  const model = new ModelPage(page, 'silero-vad')
  await model.title.waitFor()
  return model.run('silero-vad@1')
}

test('a form made from the signature runs the model once: result, timings and log', async () => {
  const { page } = app()
  const folder = await mkdtemp(join(tmpdir(), 'inputs-'))
  const sound = join(folder, 'sound.f32')
  await writeFile(sound, Float32Array.from(ramp(576)))

  const form = await openForm()
  await expect(form.input('input')).toContainText('float32 [?, ?]')
  await expect(form.input('state')).toContainText('float32 [2, ?, 128]')
  await expect(form.input('sr')).toContainText('int64 scalar')
  await form.number('Size of input[1]', 576)
  await form.file('input', sound)
  await expect(form.input('input')).toContainText('becomes [1, 576]')
  await form.fillBy('state', 'Zeros')
  await form.scalar('sr', '16000')
  await form.submit('Run')

  const job = form.job('infer silero-vad')
  await expect(job).toContainText('succeeded', { timeout: RUN_MS })
  await expect(job).toContainText('0.100131')
  await job.getByRole('link', { name: 'Open in Jobs' }).click()
  const detail = new JobsPage(page).detail('infer silero-vad')
  await expect(detail).toContainText('succeeded')
  const timings = detail.getByRole('region', { name: 'Timings' })
  for (const part of ['queued', 'load', 'compute']) await expect(timings).toContainText(part)
  await expect(timings).toContainText(/Total \d/)
  await expect(detail.getByRole('log')).not.toBeEmpty()
  await expect(detail.getByRole('region', { name: 'Result' })).toContainText('0.100131')
  await rm(folder, { recursive: true })
})

test('by when an answer is wanted is asked of a single run, within bounds, and remembered', async () => {
  const form = await openForm()
  await form.fillBy('input', 'Zeros')
  await form.scalar('sr', '16000')
  await form.number('Size of input[1]', 576)
  const field = form.form.getByLabel('Answer within')
  const advanced = form.form.getByText('Advanced')
  await advanced.click()
  await field.fill('600001')
  await expect(field).toHaveValue(/^(60000 ms)?$/)
  await field.fill('250')
  await form.kind('Benchmark')
  await expect(field).toHaveCount(0)
  await form.kind('Run once')
  await form.submit('Run')
  await expect(form.job('infer silero-vad')).toContainText('succeeded', { timeout: RUN_MS })
  await app().page.keyboard.press('Escape')
  const again = await openForm()
  await again.form.getByText('Advanced').click()
  await expect(again.form.getByLabel('Answer within')).toHaveValue('250 ms')
})

test('a wrong shape is told with the input, what it wants and what it got', async () => {
  const form = await openForm()
  await form.fillBy('input', 'Zeros')
  await form.values('state', [[new Array(100).fill(0)], [new Array(100).fill(0)]])
  await expect(form.input('state').getByRole('alert')).toHaveText('Dimension 2 must be 128, not 100.')
  await form.submit('Run')
  await expect(form.problem).toHaveText(/^state: .*128, not 100\.$/)
})

test('a batch of 200 and a benchmark', async () => {
  const form = await openForm()
  await form.fillBy('input', 'Random')
  await form.fillBy('state', 'Zeros')
  await form.scalar('sr', '16000')
  await form.number('Size of input[1]', 576)
  await form.kind('Batch')
  await form.number('How many', 200)
  await form.submit('Submit batch')
  const batch = form.job('batch silero-vad')
  await expect(batch).toContainText('succeeded', { timeout: RUN_MS })
  await expect(batch).toContainText('200 items')

  await form.kind('Benchmark')
  await form.number('Iterations', 50)
  await form.submit('Start benchmark')
  const benchmark = form.job('benchmark silero-vad')
  await expect(benchmark).toContainText('succeeded', { timeout: RUN_MS })
  await expect(benchmark.getByRole('img', { name: /Latency: p50 .*p95 .*p99/ })).toBeVisible()
  await expect(benchmark).toContainText(/Throughput.*runs\/s/)
})

test('the queue, watched as it is: why a job waits, a raised priority, a cancelled job, states that change', async () => {
  const { shell, page, api } = app()
  const jobs = new JobsPage(page)
  const submit = async (job: object) => {
    const answer = await api.call('POST', '/jobs', { kind: 'synthetic', durationMs: 100, ...job })
    expect(answer.status).toBe(201)
  }
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  await submit({ name: 'Long load', durationMs: 600_000, busy: true, need: { cpuCores }, priority: 90 })
  for (const name of ['First', 'Second', 'Third'])
    await submit({ name: `${name} in line`, need: { cpuCores } })
  await submit({ name: 'Kept back', hold: true })

  await shell.go('Jobs')
  // A page that was loaded again would have forgotten this.
  await page.evaluate(() => document.body.setAttribute('data-stayed', ''))
  await expect(jobs.row('Long load')).toContainText('running')
  await expect(jobs.row('Kept back')).toContainText('held')
  await expect(jobs.row('First in line')).toContainText(/waiting/)
  await expect(jobs.row('First in line')).toContainText(/CPU cores?/)
  await expect(jobs.row('Third in line')).toContainText(/Behind 2 jobs .+ held by Long load/)
  await test.step('the status bar says how busy the machine is and how many wait', async () => {
    await expect(shell.status).toContainText('Queue 3')
    const { depth } = (await api.call('GET', '/queue')).body
    expect(depth).toBe(3)
    await expect.poll(() => shell.gauge('CPU')).toBeGreaterThan(0)
    const devices = (await api.call('GET', '/devices')).body.items
    const cpu = devices.find(({ kind }: { kind: string }) => kind === 'cpu').id
    const { items } = (await api.call('GET', `/telemetry?device=${cpu}`)).body
    const { memoryUsedBytes, memoryTotalBytes } = items.at(-1)
    const used = (100 * memoryUsedBytes) / memoryTotalBytes
    expect(used).toBeGreaterThan(0)
    // It breathes while one looks.
    await expect.poll(async () => Math.abs((await shell.gauge('Memory')) - used)).toBeLessThan(15)
  })
  const order = () => jobs.rows.filter({ hasText: 'in line' }).allTextContents()
  await expect.poll(order).toEqual([/^First/, /^Second/, /^Third/].map((name) => expect.stringMatching(name)))

  await jobs.choose('Third in line', 'Raise priority by 10')
  await expect.poll(order).toEqual([/^Third/, /^First/, /^Second/].map((name) => expect.stringMatching(name)))
  const detail = await jobs.open('Third in line')
  await expect(detail.getByRole('textbox', { name: 'Priority' })).toHaveValue('60')
  await expect(detail.getByRole('region', { name: 'Why it waits' })).toContainText('Long load')

  await jobs.choose('First in line', 'Cancel')
  await jobs.confirmCancel()
  await expect(jobs.row('First in line')).toContainText('cancelled')

  await jobs.choose('Long load', 'Cancel')
  await jobs.confirmCancel()
  await expect(jobs.row('Long load')).toContainText('cancelled')
  await expect(detail).toContainText('succeeded', { timeout: RUN_MS })
  await expect(jobs.row('Second in line')).toContainText('succeeded', { timeout: RUN_MS })
  await expect(jobs.row('Kept back')).toContainText('held')
  await jobs.choose('Kept back', 'Resume')
  await expect(jobs.row('Kept back')).toContainText('succeeded', { timeout: RUN_MS })
  await expect(page.locator('body[data-stayed]')).toBeAttached()
  await expect(shell.status).toContainText('Queue 0')
})
