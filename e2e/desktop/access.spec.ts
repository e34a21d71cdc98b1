import { execFile } from 'node:child_process'
import { openAsBlob } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@playwright/test'
import { appForFile } from '../support/app'
import { Desktop } from '../support/desktop'
import { AccessPage } from '../support/pages/access-page'
import { fixtures, sileroInputs } from '../support/serve'

const app = appForFile(() =>
  Desktop.startWith(async (api) => {
    await api.import(join(fixtures, 'silero_vad_v5.onnx'))
    await api.import(join(fixtures, 'mnist_cnn.onnx'))
    await api.call('PUT', '/models/silero-vad/aliases/production', { version: 1 })
  }),
)
let key = ''

/** A program of its own calls the API, as the app would. */
async function curl(path: string, key: string, body?: object): Promise<{ status: number; body: unknown }> {
  const json = body ? ['-H', 'content-type: application/json', '--data-binary', JSON.stringify(body)] : []
  const { stdout } = await promisify(execFile)('curl', [
    '--silent',
    '--write-out',
    '\n%{http_code}',
    '--header',
    `authorization: Bearer ${key}`,
    ...json,
    `${app().api.url}/api${path}`,
  ])
  const cut = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(cut)), body: JSON.parse(stdout.slice(0, cut)) }
}

const run = (model: string, inputs: object) => curl('/jobs', key, { kind: 'infer', model, inputs })

test('an app with a key and leave to run one model, made in the window', async () => {
  const { shell, page } = app()
  await shell.go('Access')
  const access = new AccessPage(page)
  key = await access.addApp({ name: 'Notes App', model: 'silero', label: /^silero-vad@production/ })
  expect(key).toMatch(/^\S{40,}$/)
  const detail = access.detail('Notes App')
  await expect(detail).toContainText('run silero-vad@production')
  // Shown that once: the page has no more than its beginning.
  await expect(page.locator('body')).not.toContainText(key)
  await expect(detail).toContainText('active')
})

test('curl with that key runs that model', async () => {
  const job = await run('silero-vad@production', sileroInputs())
  expect(job).toMatchObject({ status: 201, body: { model: 'silero-vad@production', modelVersion: 1 } })
  const result = await curl(`/jobs/${(job.body as { id: string }).id}/result?waitMs=60000`, key)
  expect(result).toMatchObject({ status: 200, body: { outputs: { output: { dtype: 'float32' } } } })
  const { outputs } = result.body as { outputs: { output: { data: number[] } } }
  expect(outputs.output.data[0]).toBeCloseTo(0.100131, 5)
})

test('a key for some actions only says so, and opens nothing else', async () => {
  const { shell, page } = app()
  await shell.go('Access')
  const access = new AccessPage(page)
  await access.people.getByText('Notes App').click()
  const detail = access.detail('Notes App')
  await detail.getByRole('button', { name: 'New key' }).click()
  await page.getByRole('combobox', { name: 'Only for' }).click()
  await expect(page.getByRole('option', { name: 'run models' })).toBeVisible()
  await app().shoot('access-new-key-light')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  const narrow = await access.makeKey('Notes App', ['list models', 'see devices'])
  await expect(detail.getByRole('listitem').filter({ hasText: narrow.slice(0, 8) })).toContainText(
    'only: list models and see devices',
  )
  await app().shoot('access-key-scopes-light')
  // What the app may do, this key may not.
  expect(await curl('/models/silero-vad', narrow)).toMatchObject({ status: 403 })
  expect(await curl('/models/silero-vad', key)).toMatchObject({ status: 200 })
  await shell.command('切换到简体中文')
  await expect(page.getByRole('complementary')).toContainText('仅限：列出模型和查看设备')
  await app().shoot('access-key-scopes-zh')
  await shell.command('Switch to English')
})

test('another model is denied, and the denial is in the activity at once, with its reason', async () => {
  const { shell, page } = app()
  await shell.go('Activity')
  const denials = page.getByRole('main').getByRole('row').filter({ hasText: 'mnist-cnn@1' })
  await expect(denials).toHaveCount(0)
  const denied = await run('mnist-cnn@1', {})
  expect(denied).toMatchObject({ status: 403, body: { error: { code: 'security.denied' } } })
  await expect(denials.first()).toContainText('Notes App')
  await expect(denials.first()).toContainText('denied')
  await denials.first().click()
  await expect(page.getByRole('complementary')).toContainText(/no policy permits/i)

  // A policy that forbids is named.
  await app().api.call('PUT', '/policies/not-at-night', {
    text: 'forbid(principal, action == Action::"model.run", resource in Model::"silero-vad");',
  })
  expect(await run('silero-vad@production', sileroInputs())).toMatchObject({
    status: 403,
    body: { error: { details: { policies: ['not-at-night'] } } },
  })
  const forbidden = page.getByRole('main').getByRole('row').filter({ hasText: 'silero-vad@production' })
  await forbidden.filter({ hasText: 'denied' }).first().click()
  await expect(page.getByRole('complementary')).toContainText('not-at-night')
})

test('the owner sets how much an app may store, and an upload beyond that is refused', async () => {
  const { shell, page, api } = app()
  const { items } = (await api.call('GET', '/principals')).body
  const { id } = items.find(({ name }: { name: string }) => name === 'Notes App')
  await api.call('PUT', '/policies/notes-import', {
    text: `permit(principal == App::"${id}", action in [Action::"model.import", Action::"model.list"], resource);`,
  })
  await shell.go('Access')
  const access = new AccessPage(page)
  await access.people.getByText('Notes App').click()
  await access.setQuota('Notes App', '0.001')
  await expect(access.detail('Notes App')).toContainText('0 B of 1 MB')

  const form = new FormData()
  form.append('files', await openAsBlob(join(fixtures, 'silero_vad_v5.onnx')), 'voice.onnx')
  const started = await api.call('POST', '/imports', form, key)
  expect(started.status).toBe(202)
  const ended = await api.until(`/imports/${started.body.id}`, ({ state }) => state !== 'running')
  expect(ended).toMatchObject({ state: 'failed', error: { code: 'storage.quota_exceeded' } })
  // Its own quota is not for an app to change.
  const change = await api.call('PUT', `/storage/quotas/${id}`, { limitBytes: 1e12 }, key)
  expect(change.status).toBe(403)
  const small = new FormData()
  small.append('files', await openAsBlob(join(fixtures, 'mnist_cnn.onnx')), 'digits.onnx')
  const fits = await api.call('POST', '/imports', small, key)
  await api.until(`/imports/${fits.body.id}`, ({ state }) => state === 'completed')
  await page.reload()
  await access.people.getByText('Notes App').click()
  await expect(access.detail('Notes App')).toContainText(/1\d\d kB of 1 MB/)
})

test('limits: what an app holds and has used, as bars; beyond its budget its jobs are refused, with when to try again', async () => {
  const { shell, page, api } = app()
  const { items } = (await api.call('GET', '/principals')).body
  const { id } = items.find(({ name }: { name: string }) => name === 'Notes App')
  await api.call('PUT', '/policies/notes-jobs', {
    text: `permit(principal == App::"${id}", action in [Action::"job.submit", Action::"job.read"], resource);`,
  })
  await shell.go('Access')
  const access = new AccessPage(page)
  await access.people.getByText('Notes App').click()
  const detail = access.detail('Notes App')
  await expect(detail).toContainText('No limits beyond the machine.')
  await access.setLimits('Notes App', {
    'CPU cores': '1.5',
    Memory: '2',
    'Jobs submitted': '2',
    'CPU seconds': '3600',
    Weight: '2',
  })
  const limits = detail.getByRole('region', { name: 'Limits' })
  await expect(limits.getByRole('meter', { name: 'CPU cores' })).toBeVisible()
  await expect(limits).toContainText('0 of 2 in 1 h')
  await expect(limits).toContainText('Weight 2')
  const job = { kind: 'synthetic', name: 'Long', durationMs: 600_000 }
  const first = await api.call('POST', '/jobs', job, key)
  expect(first.status).toBe(201)
  expect((await api.call('POST', '/jobs', { ...job, name: 'Next' }, key)).status).toBe(201)
  const refused = await api.call('POST', '/jobs', job, key)
  expect(refused.status).toBe(429)
  expect(refused.body.error).toMatchObject({
    code: 'core.budget_exceeded',
    details: { resource: 'jobs', used: 2, limit: 2 },
  })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000)
  await expect(limits).toContainText('1 of 1.5 held')
  await expect(limits).toContainText(/2 of 2 in 1 h · full/)
  await expect(limits).toContainText(/More can be used in \d+ min/)
  for (const theme of ['light', 'dark'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`limits-${theme}`)
  }
  const change = detail.getByRole('button', { name: 'Change the limits' })
  await change.focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toContainText('In any span of')
  await expect(page.getByRole('dialog').getByRole('textbox', { name: 'CPU cores' })).toBeFocused()
  await app().shoot('limits-dialog-dark')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(change).toBeFocused()
  await limits.getByText('Weight 2').scrollIntoViewIfNeeded()
  await app().shoot('limits-bars-dark')
  await shell.setTheme('light')

  // Less than has been used already: what runs is stopped at once, what waits says why.
  await access.setLimits('Notes App', { 'CPU seconds': '0.1' })
  const stopped = await api.until(`/jobs/${first.body.id}`, ({ state }) => state !== 'running')
  expect(stopped).toMatchObject({ state: 'failed', error: { code: 'core.budget_exceeded' } })
  await expect(limits).toContainText(/CPU seconds.*full/)
})
