import { appendFile, cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { appForFile, withPython } from '../support/app'
import { Desktop } from '../support/desktop'
import { RuntimesPage } from '../support/pages/runtimes-page'
import { Shell } from '../support/pages/shell'
import { fixtures, sileroInputs } from '../support/serve'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'docs', 'plugins', 'tiny-tflite')

withPython()
const app = appForFile(() =>
  Desktop.startWith(async (api) => {
    await api.import(join(fixtures, 'silero_vad_v5.onnx'))
    await api.import(join(fixtures, 'two-layers.tflite'), 'layers')
  }),
)
const plugins = (...path: string[]) => join(app().dataDir, 'plugins', ...path)
const twoLayers = () => ({
  kind: 'infer',
  model: 'layers@1',
  inputs: { x: { dtype: 'float32', shape: [1, 2], data: [1, 2] } },
  waitMs: 30_000,
})

test('what runs here, on what, why not on more, and how it is kept apart', async () => {
  const { page, shell } = app()
  await shell.go('Runtimes')
  const runtimes = new RuntimesPage(page)
  const onnx = runtimes.card('ONNX Runtime')
  await expect(onnx).toContainText('ready', { timeout: 60_000 })
  await expect(onnx.getByRole('list', { name: 'Computes on' }).getByRole('listitem')).toContainText([
    /CPUWorks here/,
    /CUDA/,
    /DirectML.*Windows|DirectMLWorks/,
    /CoreML/,
    /WebGPU/,
  ])
  await expect(onnx).toContainText('A process of its own with an emptied environment')
  await expect(runtimes.card('TensorFlow.js')).toContainText(/WebAssembly|native library/)
  await expect(runtimes.card('Formats without a runtime here')).toContainText('TensorFlow Lite')
  await expect(page.getByText('No model is loaded')).toBeVisible()
  const holds = page.getByRole('table').filter({ hasText: 'Cores of their own' })
  await expect(holds.getByRole('row')).toHaveCount(8)
  await expect(holds.getByRole('row', { name: /^Threads/ })).toContainText('in force')
  await expect(holds.getByRole('row', { name: /^Control groups/ })).toContainText(/in force|not here.*\.$/)
  await expect(page.getByText('No plugins')).toBeVisible()
  await app().shoot('runtimes-empty')
  await holds.scrollIntoViewIfNeeded()
  for (const theme of ['dark', 'light'] as const) {
    await shell.setTheme(theme)
    await app().shoot(`runtimes-enforcement-${theme}`)
  }
})

test('an engine shows its memory while it is loaded, and is unloaded by hand', async () => {
  const { page, api } = app()
  const runtimes = new RuntimesPage(page)
  const spec = { kind: 'infer', model: 'silero-vad@1', inputs: sileroInputs(), waitMs: 60_000 }
  expect((await api.call('POST', '/jobs', spec)).body.state).toBe('succeeded')
  const row = runtimes.engines.filter({ hasText: 'silero-vad version 1' })
  await expect(row).toContainText(/ONNX Runtime.*CPU.*[\d.]+ MB.*idle/)
  await expect(runtimes.card('Loaded models')).toContainText(/1 engine, [\d.]+ MB/)
  await runtimes.unload('silero-vad', 1)
  await expect(page.getByText('No model is loaded')).toBeVisible()
})

test("a third party's runtime is looked at, allowed, runs a model, and is stopped when its files change", async () => {
  const { page, api } = app()
  const runtimes = new RuntimesPage(page)
  expect((await api.call('POST', '/jobs', twoLayers())).body.error).toMatchObject({
    code: 'compute.no_runtime',
  })

  await cp(EXAMPLE, plugins('tiny-tflite'), { recursive: true })
  await mkdir(plugins('stranger'))
  await symlink('/etc/passwd', plugins('stranger', 'runtime.json'))
  await expect(runtimes.plugin('stranger')).toContainText(/refused.*It is a link/)
  await expect(runtimes.plugin('stranger').getByRole('button', { name: /Allow/ })).toHaveCount(0)
  await expect(page.getByText('Tiny TFLite is a new runtime of a third party.')).toBeVisible()
  await page.getByRole('button', { name: 'Look at it' }).click()
  await expect(runtimes.plugin('Tiny TFLite')).toBeFocused()
  await expect(runtimes.plugin('Tiny TFLite')).toContainText(/1\.0\.0 · 3 files.*not allowed/)

  const dialog = await runtimes.ask('Tiny TFLite')
  await expect(dialog).toContainText('whenever a job uses a model of TensorFlow Lite')
  await expect(dialog).toContainText(/Cannot reach the network|do whatever you may do/)
  await app().shoot('runtimes-allow')
  await dialog.getByRole('button', { name: 'Allow', exact: true }).click()
  await expect(dialog).toBeHidden()
  await expect(runtimes.card('Tiny TFLite')).toContainText('ready')
  await expect(runtimes.card('Formats without a runtime here')).not.toContainText('TensorFlow Lite')
  await expect(runtimes.plugin('Tiny TFLite')).toContainText(/allowed.*Allowed by/)

  const { body } = await api.call('POST', '/jobs', twoLayers())
  expect(body).toMatchObject({ state: 'succeeded', result: { outputs: { y: { data: [4.5] } } } })
  await expect(runtimes.engines).toContainText([/layers version 1.*Tiny TFLite/])
  await app().shoot('runtimes-plugin')

  await appendFile(plugins('tiny-tflite', 'model.mjs'), '\n// another file\n')
  await expect(runtimes.plugin('Tiny TFLite')).toContainText('changed')
  await expect(runtimes.card('Tiny TFLite')).toHaveCount(0)
  await expect(runtimes.engines).toHaveCount(0)
  await app().shoot('runtimes-changed')
  const stale = await runtimes.ask('Tiny TFLite')
  const meanwhile = `\n// while a person reads about it ${'-'.repeat(500_000)}\n`
  await appendFile(plugins('tiny-tflite', 'model.mjs'), meanwhile)
  // The page behind has looked again: what is sent is what the person was shown all the same.
  await expect(page.locator('#plugin-tiny-tflite')).toContainText(/5\d\d kB/)
  await stale.getByRole('button', { name: 'Allow', exact: true }).click()
  await expect(new Shell(page).notice(/have changed since they were looked at/)).toBeVisible()
  await stale.getByRole('button', { name: 'Cancel' }).click()
  const again = await runtimes.ask('Tiny TFLite')
  await again.getByRole('button', { name: 'Allow', exact: true }).click()
  await expect(runtimes.card('Tiny TFLite')).toContainText('ready')

  await runtimes.disallow('Tiny TFLite')
  await expect(runtimes.card('Tiny TFLite')).toHaveCount(0)
  expect((await api.call('POST', '/jobs', twoLayers())).body.error).toMatchObject({
    code: 'compute.no_runtime',
  })
  const { items } = (await api.call('GET', '/audit?limit=100')).body
  const said = items.map(({ summary }: { summary: string }) => summary).join('\n')
  expect(said).toMatch(/allowed the runtime tiny-tflite with the files [0-9a-f]{12}/)
  expect(said).toMatch(/disallowed the runtime tiny-tflite/)
})

test('who is no owner looks at plugins and allows none', async () => {
  const { api } = app()
  const { id } = (await api.call('POST', '/principals', { kind: 'user', name: 'Otto', roles: ['operator'] }))
    .body
  const { key } = (await api.call('POST', `/principals/${id}/keys`, {})).body
  const { items } = (await api.call('GET', '/plugins', undefined, key)).body
  const plugin = items.find((known: { id: string }) => known.id === 'tiny-tflite')
  expect(plugin).toMatchObject({ state: 'waiting' })
  const denied = await api.call('POST', '/plugins/tiny-tflite/allow', { digest: plugin.digest }, key)
  expect([denied.status, denied.body.error.code]).toEqual([403, 'security.denied'])
})
