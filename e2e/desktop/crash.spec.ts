import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { expectWhole, RUN_MS, startLongBatch } from '../support/long-batch'
import { JobsPage } from '../support/pages/jobs-page'
import { fixtures, sileroInputs } from '../support/serve'

const app = appForFile(() => Desktop.startWith((api) => api.import(join(fixtures, 'silero_vad_v5.onnx'))))
test.setTimeout(2 * RUN_MS)

/** A batch well under way, with the workers that run it. */
async function startBatch(name: string): Promise<{ id: string; workers: number[] }> {
  const { api } = app()
  const id = await startLongBatch(api, name)
  const runtimes = (await api.call('GET', '/runtimes')).body.items
  const workers = runtimes.flatMap(({ engines }: { engines: { pid: number }[] }) =>
    engines.map(({ pid }) => pid),
  )
  expect(workers).not.toEqual([])
  return { id, workers }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** The batch goes on in the window that was opened again, and has every item in the end. */
async function goesOn(name: string, batch: { id: string }): Promise<void> {
  const { shell, page, api } = app()
  const now = (await api.call('GET', `/jobs/${batch.id}`)).body
  expect(now.progress).toBeGreaterThan(0)
  await shell.go('Jobs')
  await expect(new JobsPage(page).row(name)).toContainText('succeeded', { timeout: RUN_MS })
  expectWhole((await api.call('GET', `/jobs/${batch.id}/result`)).body)
}

test('kill -9 in the middle of a batch: it goes on at the next start, and what waited still waits', async () => {
  const { api } = app()
  const held = await api.call('POST', '/jobs', {
    kind: 'synthetic',
    name: 'Kept back',
    durationMs: 1,
    hold: true,
  })
  const batch = await startBatch('Through a crash')
  const queued = await api.call('POST', '/jobs', {
    kind: 'synthetic',
    name: 'After it',
    durationMs: 1,
    dependsOn: [batch.id],
  })
  await app().kill()
  await app().launch()
  expect((await api.call('GET', `/jobs/${held.body.id}`)).body.state).toBe('held')
  expect((await api.call('GET', `/jobs/${queued.body.id}`)).body.state).toBe('queued')
  await expect.poll(() => batch.workers.filter(isAlive)).toEqual([])
  await goesOn('Through a crash', batch)
  await expect(new JobsPage(app().page).row('After it')).toContainText('succeeded', { timeout: RUN_MS })
  await expect(new JobsPage(app().page).row('Kept back')).toContainText('held')
})

test('closing the window in the middle of a batch: it goes on at the next start', async () => {
  const batch = await startBatch('Through a closed window')
  await app().closeWindow()
  expect(batch.workers.filter(isAlive)).toEqual([])
  await app().launch()
  await goesOn('Through a closed window', batch)
})

test('starting the app while it stops: it comes up when it has, and what ran goes on', async () => {
  const { api } = app()
  // Playwright cannot look into an app that it has not started, so the API must be where it was.
  await api.call('PATCH', '/settings', { apiPort: Number(new URL(api.url).port) })
  const benchmark = {
    kind: 'benchmark',
    model: 'silero-vad@1',
    inputs: sileroInputs(),
    iterations: 1_000_000,
  }
  const { id } = (await api.call('POST', '/jobs', benchmark)).body
  const isUnderWay = ({ progress }: { progress: number }) => progress > 0
  await api.until(`/jobs/${id}`, isUnderWay, RUN_MS)
  const devTools = await app().startWhileItCloses()
  const windows = async () => (await fetch(`${devTools}/json/list`)).json()
  await expect.poll(windows).toMatchObject([{ type: 'page', title: expect.stringContaining('LLMAgentOS') }])
  await expect(() => api.until(`/jobs/${id}`, isUnderWay, RUN_MS)).toPass({ timeout: RUN_MS })
  await api.call('POST', `/jobs/${id}/cancel`)
  await fetch(`${devTools}/json/close/${(await windows())[0].id}`)
  await expect.poll(() => fetch(devTools).catch(() => null)).toBeNull()
})
