import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { withTemplate } from '../../src/main/runtimes/testing/chat-template'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { ModelPage } from '../support/pages/model-page'
import { fixtures } from '../support/serve'

const app = appForFile(() =>
  Desktop.startWith(async (api) => {
    await api.import(join(fixtures, 'tiny-story.gguf'), 'story')
    const chat = join(api.dataDir, 'chat.gguf')
    await writeFile(chat, withTemplate(await readFile(join(fixtures, 'tiny-story.gguf'))))
    await api.import(chat, 'chat')
  }),
)

test('a language model goes on with a text, and what it writes appears as it is written', async () => {
  const { shell, page } = app()
  await shell.go('Models')
  await page.getByRole('grid', { name: 'Models' }).getByText('story').click()
  const model = new ModelPage(page, 'story')
  await model.title.waitFor()
  await model.run('story@1')
  const form = page.getByRole('form', { name: 'Run story@1' })
  await form.getByLabel('Temperature').fill('0')
  await form.getByLabel('Text to go on from').fill('The control room')
  await form.getByLabel('Text to go on from').press('Enter')
  const log = form.getByRole('log', { name: 'Conversation' })
  await expect(log).toContainText('hums at night. One model wakes', { timeout: 60_000 })
  await expect(log).toContainText(/\d tokens · [\d.,]+ tokens\/s/)
  await page.screenshot({ path: 'e2e/screenshots/chat-light.png' })
  await log.getByRole('link', { name: 'Open in Jobs' }).click()
  const result = page.getByRole('region', { name: 'Result' })
  await expect(result).toContainText('hums at night. One model wakes')
  await page.screenshot({ path: 'e2e/screenshots/chat-job.png' })
})

test('a chat has turns, stop words and several texts, and can be stopped', async () => {
  const { page, shell, api } = app()
  const model = new ModelPage(page, 'chat')
  await model.open(1)
  await model.run('chat@1')
  const form = page.getByRole('form', { name: 'Run chat@1' })
  await form.getByLabel('Temperature').fill('0')
  await form.getByText('More', { exact: true }).press('Enter')
  await form.getByRole('spinbutton', { name: 'Top-k' }).or(form.getByLabel('Top-k')).first().fill('1')
  await form.getByLabel('Context, tokens').fill('512')
  await form.getByLabel('Texts').fill('2')
  const stopWords = form.getByRole('combobox', { name: 'Stop words' })
  await stopWords.fill('.')
  await stopWords.press('Enter')
  await app().shoot('chat-more')
  const ask = async (words: string) => {
    await form.getByLabel('Message', { exact: true }).fill(words)
    await form.getByLabel('Message', { exact: true }).press('Enter')
  }
  const log = form.getByRole('log', { name: 'Conversation' })
  await ask('The control room')
  // Both texts end before the stop word, and at temperature 0 they are the same.
  await expect(log.getByText('hums at night', { exact: true })).toHaveCount(2, { timeout: 60_000 })
  await expect(log).toContainText('The conversation goes on from the first of these.')
  await expect(log).toContainText(/\d tokens/)
  // The template gives nothing but the words: what comes shows that the first turn was sent along.
  await ask('. One model')
  await expect(log.getByText('wakes, reads the queue, and answers', { exact: true })).toHaveCount(2)
  // What has been written is counted when its job has ended.
  await expect(log.getByText(/\d tokens ·/)).toHaveCount(2)
  const spec = (await api.call('GET', '/jobs?kind=generate&limit=1')).body.items[0]
  expect(spec).toMatchObject({ model: 'chat@1', state: 'succeeded' })

  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const full = {
    kind: 'synthetic',
    durationMs: 600_000,
    need: { cpuCores },
    priority: 100,
    preemptible: false,
  }
  const { id } = (await api.call('POST', '/jobs', full)).body
  await api.until(`/jobs/${id}`, ({ state }) => state === 'running')
  await ask('. Two models')
  await form.getByRole('button', { name: 'Stop' }).click()
  await expect(log).toContainText('Stopped')
  // The next words go where the last ones went, without another click.
  await expect(form.getByLabel('Message', { exact: true })).toBeFocused()
  await api.call('POST', `/jobs/${id}/cancel`)
  for (const theme of ['dark', 'light'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`chat-turns-${theme}`)
  }
  await shell.command('切换到简体中文')
  await app().resize({ width: 900, height: 860 })
  await app().shoot('chat-turns-zh-900')
})
