import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { ModelPage } from '../support/pages/model-page'
import { fixtures } from '../support/serve'

const app = appForFile(() =>
  Desktop.startWith((api) => api.import(join(fixtures, 'tiny-story.gguf'), 'story')),
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
  await expect(log).toContainText(/\d tokens · [\d.]+ tokens\/s/)
  await page.screenshot({ path: 'e2e/screenshots/chat-light.png' })
  await log.getByRole('link', { name: 'Open in Jobs' }).click()
  const result = page.getByRole('region', { name: 'Result' })
  await expect(result).toContainText('hums at night. One model wakes')
  await page.screenshot({ path: 'e2e/screenshots/chat-job.png' })
})
